"""Reads the signatures of contents from the store."""

from collections.abc import Sequence

from sqlalchemy import Connection

from hashsvc.signals import SignalGroup, Signature, View
from hashsvc.store import cases, signatures
from hashsvc.store.cases import Content
from hashsvc.store.ids import ContentId
from hashsvc.store.signatures import Codes


def signature_of(connection: Connection, content_id: ContentId) -> Signature:
    """
    Return a content's signature.

    Raises:
        UnknownRowError: If the content no longer exists.
    """
    content = cases.content_by_id(connection, content_id)
    return _signature(content, signatures.codes_of(connection, [content_id]))


def signatures_of(
    connection: Connection, content_ids: Sequence[ContentId]
) -> dict[ContentId, Signature]:
    """Return the signatures of these contents. Contents that no longer exist are left out."""
    by_content: dict[ContentId, list[Codes]] = {}
    for each in signatures.codes_of(connection, content_ids):
        by_content.setdefault(each.content_id, []).append(each)
    return {
        content.id: _signature(content, by_content[content.id])
        for content in cases.contents_by_id(connection, content_ids)
    }


def _signature(content: Content, codes: Sequence[Codes]) -> Signature:
    groups = (
        SignalGroup(each.group.algorithm, View(each.group.view), each.group.packed)
        for each in codes
    )
    return Signature.from_groups(content.quality, groups)
