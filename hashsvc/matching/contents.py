"""Reads contents' signatures from the store."""

from collections.abc import Sequence

from sqlalchemy import Connection

from hashsvc.signals import Signal, Signature, View, ViewedSignal
from hashsvc.store import cases
from hashsvc.store.cases import Content, SignalRow
from hashsvc.store.ids import ContentId


def signature_of(connection: Connection, content_id: ContentId) -> Signature:
    """
    Return a content's signature.

    Raises:
        UnknownRowError: If the content is gone.
    """
    content = cases.content_by_id(connection, content_id)
    return _signature(content, cases.signals_of(connection, [content_id]))


def signatures_of(
    connection: Connection, content_ids: Sequence[ContentId]
) -> dict[ContentId, Signature]:
    """Return the signatures of those of these contents that are still there."""
    by_content: dict[ContentId, list[SignalRow]] = {}
    for row in cases.signals_of(connection, content_ids):
        by_content.setdefault(row.content_id, []).append(row)
    return {
        content.id: _signature(content, by_content[content.id])
        for content in cases.contents_by_id(connection, content_ids)
    }


def _signature(content: Content, signals: Sequence[SignalRow]) -> Signature:
    return Signature(
        quality=content.quality,
        signals=tuple(
            ViewedSignal(Signal(each.algorithm, each.code), View(each.view)) for each in signals
        ),
    )
