"""Matches: suspected re-uploads, and what an analyst said of them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from hashsvc.store import rows
from hashsvc.store.ids import ContentId, KeyId, MatchId, PublicContentId, ScanId
from hashsvc.store.tables import case, content, match


@dataclass(frozen=True, slots=True, repr=False)
class Match:
    """
    One suspected re-upload.

    Attributes:
        case: Number of the case it belongs to.

        content: The content's public id.

        evidence: Why it matched, as JSON text (see hashsvc.matching.Evidence).

        state: "suspected", "confirmed" or "dismissed".
    """

    id: MatchId
    content_id: ContentId
    case: str
    content: PublicContentId
    scan_id: ScanId | None
    page_url: str
    image_url: str
    image_sha256: bytes
    tier: str
    evidence: str
    state: str
    found_at: datetime
    reviewed_by: KeyId | None
    reviewed_at: datetime | None


_ROWS = (
    select(
        *(column for column in match.c),
        case.c.number.label("case"),
        content.c.public_id.label("content"),
    )
    .join(content, content.c.id == match.c.content_id)
    .join(case, case.c.id == content.c.case_id)
)


def find(connection: Connection, content_id: ContentId, image_url: str) -> MatchId | None:
    """Return the match of this content at this URL, if it was found before."""
    query = select(match.c.id).where(
        match.c.content_id == content_id, match.c.image_url == image_url
    )
    return connection.execute(query).scalar_one_or_none()


def add(
    connection: Connection,
    match_id: MatchId,
    *,
    content_id: ContentId,
    scan_id: ScanId,
    page_url: str,
    image_url: str,
    image_sha256: bytes,
    tier: str,
    evidence: str,
    now: datetime,
) -> None:
    """Store a new suspected re-upload; (content, image URL) must be new."""
    connection.execute(
        insert(match).values(
            id=match_id,
            content_id=content_id,
            scan_id=scan_id,
            page_url=page_url,
            image_url=image_url,
            image_sha256=image_sha256,
            tier=tier,
            evidence=evidence,
            state="suspected",
            found_at=now,
        )
    )


def by_id(connection: Connection, match_id: MatchId) -> Match:
    """
    Return one match.

    Raises:
        UnknownRowError: If there is none with this id.
    """
    return rows.as_one(Match, connection.execute(_ROWS.where(match.c.id == match_id)))


def search(
    connection: Connection, *, state: str | None, scan_id: ScanId | None, limit: int
) -> list[Match]:
    """Return matches, newest first, of one state or one scan when these are given."""
    query = _ROWS.order_by(match.c.found_at.desc(), match.c.id).limit(limit)
    if state is not None:
        query = query.where(match.c.state == state)
    if scan_id is not None:
        query = query.where(match.c.scan_id == scan_id)
    return rows.as_list(Match, connection.execute(query))


def review(
    connection: Connection, match_id: MatchId, *, state: str, reviewer: KeyId, now: datetime
) -> bool:
    """Record a verdict on a suspected match; False when there already is one."""
    query = (
        update(match)
        .where(match.c.id == match_id, match.c.state == "suspected")
        .values(state=state, reviewed_by=reviewer, reviewed_at=now)
    )
    return rows.changed_one(connection.execute(query))


def count_by_state(connection: Connection, scan_id: ScanId | None = None) -> dict[str, int]:
    """Return how many matches are in each state, of one scan when that is given."""
    query = select(match.c.state, func.count()).group_by(match.c.state)
    if scan_id is not None:
        query = query.where(match.c.scan_id == scan_id)
    return {state: number for state, number in connection.execute(query)}  # noqa: C416
