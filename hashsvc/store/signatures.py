"""The codes of contents: one ciphertext for each content, sealed under its case's key."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from hashsvc.keyring import DataKey
from hashsvc.store import data_keys
from hashsvc.store.data_keys import WrappedKey
from hashsvc.store.ids import CaseId, ContentId, PublicContentId
from hashsvc.store.packing import CodeGroup, pack, unpack
from hashsvc.store.tables import case, content, data_key, signature

IDS_PER_CONTENT = 1024
"""A content's codes have ids from the content's id times this, so that no two codes share an id."""

_PAGE = 500


@dataclass(frozen=True, slots=True, repr=False)
class Codes:
    """
    A content's codes of one algorithm and view.

    Attributes:
        first_id: Id of the first code; the ids of the others follow it.

        group: The codes.
    """

    content_id: ContentId
    first_id: int
    group: CodeGroup


def add(
    connection: Connection,
    content_id: ContentId,
    signals: Sequence[tuple[str, str, bytes]],
    *,
    key: DataKey,
    context: str,
) -> None:
    """Store a content's signals, given as (algorithm, view, code); there must be at least one."""
    assert 0 < len(signals) <= IDS_PER_CONTENT
    connection.execute(
        insert(signature).values(
            content_id=content_id, sealed=key.seal(pack(signals), context=context)
        )
    )


def context_of(case_id: CaseId, public_id: PublicContentId) -> str:
    """Return the context to which a content's sealed codes are bound."""
    return f"codes of content {public_id} of case {case_id}"


def codes_of(connection: Connection, content_ids: Sequence[ContentId]) -> list[Codes]:
    """Return all codes of these contents, in order of content; deleted contents are left out."""
    query = (
        select(
            content.c.id, content.c.case_id, content.c.public_id, signature.c.sealed,
            *data_keys.COLUMNS,
        )
        .join(content, content.c.id == signature.c.content_id)
        .join(case, case.c.id == content.c.case_id)
        .join(data_key, data_key.c.id == case.c.key_id)
        .where(signature.c.content_id.in_(content_ids))
        .order_by(signature.c.content_id)
    )  # fmt: skip
    found: list[Codes] = []
    for content_id, case_id, public_id, sealed, *key_row in connection.execute(query):
        key = data_keys.unwrap(connection, WrappedKey(*key_row))
        next_id = content_id * IDS_PER_CONTENT
        for group in unpack(key.open(sealed, context=context_of(case_id, public_id))):
            found.append(Codes(content_id, next_id, group))
            next_id += len(group)
    return found


def pages(connection: Connection) -> Iterator[list[Codes]]:
    """Yield the codes of all contents, one page of contents at a time."""
    query = select(signature.c.content_id).order_by(signature.c.content_id).limit(_PAGE)
    ids = list(connection.execute(query).scalars())
    while ids:
        yield codes_of(connection, ids)
        ids = list(connection.execute(query.where(signature.c.content_id > ids[-1])).scalars())
