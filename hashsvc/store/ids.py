"""A type for each kind of id, so that one kind cannot be passed for another."""

import secrets
from typing import NewType

CaseId = NewType("CaseId", int)
ContentId = NewType("ContentId", int)
"""A content's row, and the owner of its codes in an index; never shown outside."""

PublicContentId = NewType("PublicContentId", str)
"""The random id that a holder knows a content by."""

KeyId = NewType("KeyId", str)
DataKeyId = NewType("DataKeyId", str)
"""The random id of a data key. The list of erasures keeps it after the key's case is erased."""

ScanId = NewType("ScanId", str)
ItemId = NewType("ItemId", int)
WatchId = NewType("WatchId", str)
MatchId = NewType("MatchId", str)
CandidateId = NewType("CandidateId", int)
SuppressionId = NewType("SuppressionId", str)
RequestId = NewType("RequestId", str)
NoticeId = NewType("NoticeId", str)
OrganisationId = NewType("OrganisationId", str)
ResetId = NewType("ResetId", str)
ExportId = NewType("ExportId", str)
LabelId = NewType("LabelId", str)
"""The random id of a listed image; the service stores no other name for the image."""

DEFAULT_ORGANISATION = OrganisationId("0" * 32)
"""The organisation of rows from before there were organisations, and of callers that name none."""


def random_id() -> str:
    """Return 128 random bits as 32 hexadecimal digits; they reveal nothing, not even an order."""
    return secrets.token_hex(16)
