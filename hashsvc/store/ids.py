"""Kinds of ids, so that one is never passed for another."""

import secrets
from typing import NewType

CaseId = NewType("CaseId", int)
ContentId = NewType("ContentId", int)
"""A content's row, and the owner of its codes in an index; never shown outside."""

PublicContentId = NewType("PublicContentId", str)
"""The random id by which its holder knows a content."""

KeyId = NewType("KeyId", str)
ScanId = NewType("ScanId", str)
ItemId = NewType("ItemId", int)
MatchId = NewType("MatchId", str)
RequestId = NewType("RequestId", str)


def random_id() -> str:
    """Return 128 random bits as 32 hexadecimal digits; tells nothing, not even an order."""
    return secrets.token_hex(16)
