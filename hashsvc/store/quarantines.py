"""Quarantines: floods of matches of one content, which wait until an analyst has reviewed them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, select, update

from hashsvc.store import rows
from hashsvc.store.feedback_tables import quarantine
from hashsvc.store.ids import ContentId, MatchId, OrganisationId, PublicContentId
from hashsvc.store.tables import case, content, match


@dataclass(frozen=True, slots=True)
class Quarantine:
    """
    The quarantine of one content.

    Attributes:
        case: Number of the content's case.

        since: Suspected matches found at or after this time are in quarantine.

        begun_at: When the flood was noticed.

        matches: How many matches are in quarantine.
    """

    content_id: ContentId
    content: PublicContentId
    case: str
    since: datetime
    begun_at: datetime
    matches: int


def is_quarantined() -> ColumnElement[bool]:
    """Return the condition that a `match` row, joined with its `quarantine`, is in quarantine."""
    return and_(
        quarantine.c.content_id.is_not(None),
        quarantine.c.ended_at.is_(None),
        match.c.found_at >= quarantine.c.since,
        match.c.state == "suspected",
    )


_MATCH_COUNT = (
    select(func.count())
    .where(
        match.c.content_id == quarantine.c.content_id,
        match.c.found_at >= quarantine.c.since,
        match.c.state == "suspected",
    )
    .correlate(quarantine)
    .scalar_subquery()
)
_ROWS = (
    select(
        quarantine.c.content_id,
        content.c.public_id.label("content"),
        case.c.number.label("case"),
        quarantine.c.since,
        quarantine.c.begun_at,
        _MATCH_COUNT.label("matches"),
    )
    .join(content, content.c.id == quarantine.c.content_id)
    .join(case, case.c.id == content.c.case_id)
    .where(quarantine.c.ended_at.is_(None))
)


def last_of(connection: Connection, content_id: ContentId) -> tuple[bool, datetime | None]:
    """Return whether a content is in quarantine, and when its last quarantine ended."""
    query = select(quarantine.c.ended_at).where(quarantine.c.content_id == content_id)
    row = connection.execute(query).one_or_none()
    return (False, None) if row is None else (row.ended_at is None, row.ended_at)


def counts(connection: Connection, content_id: ContentId, since: datetime) -> tuple[int, int]:
    """Return how many matches of a content were found before `since`, and from then on."""
    query = select(func.count()).where(match.c.content_id == content_id)
    # Leave old dismissed matches out: those were false, and would make a new flood look normal.
    old = query.where(match.c.found_at < since, match.c.state != "dismissed")
    new = query.where(match.c.found_at >= since)
    return connection.execute(old).scalar_one(), connection.execute(new).scalar_one()


def begin(connection: Connection, content_id: ContentId, *, since: datetime, now: datetime) -> bool:
    """Put a content into quarantine; return False if it already is in quarantine."""
    values = {"since": since, "begun_at": now, "ended_at": None}
    new = rows.insert_once(connection, quarantine).values(content_id=content_id, **values)
    if rows.changed_one(connection.execute(new)):
        return True
    again = update(quarantine).where(
        quarantine.c.content_id == content_id, quarantine.c.ended_at.is_not(None)
    )
    return rows.changed_one(connection.execute(again.values(**values)))


def end(connection: Connection, content_id: ContentId, now: datetime) -> None:
    """End a content's quarantine, so that its matches are listed with all others again."""
    connection.execute(
        update(quarantine).where(quarantine.c.content_id == content_id).values(ended_at=now)
    )


def search(connection: Connection, organisation_id: OrganisationId, limit: int) -> list[Quarantine]:
    """Return at most `limit` live quarantines of an organisation's contents, newest first."""
    query = (
        _ROWS.where(case.c.organisation_id == organisation_id)
        .order_by(quarantine.c.begun_at.desc(), quarantine.c.content_id)
        .limit(limit)
    )
    return rows.as_list(Quarantine, connection.execute(query))


def by_content(
    connection: Connection, public_id: PublicContentId, organisation_id: OrganisationId
) -> Quarantine:
    """
    Return the quarantine of an organisation's content.

    Raises:
        UnknownRowError: If the content is not in quarantine.
    """
    query = _ROWS.where(content.c.public_id == public_id, case.c.organisation_id == organisation_id)
    return rows.as_one(Quarantine, connection.execute(query))


def quarantined_matches(connection: Connection, found: Quarantine) -> list[MatchId]:
    """Return the ids of the matches in a quarantine, oldest first."""
    query = (
        select(match.c.id)
        .where(
            match.c.content_id == found.content_id,
            match.c.found_at >= found.since,
            match.c.state == "suspected",
        )
        .order_by(match.c.found_at, match.c.id)
    )
    return [MatchId(each) for each in connection.execute(query).scalars()]
