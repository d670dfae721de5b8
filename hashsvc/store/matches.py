"""Matches: suspected re-uploads, and analysts' verdicts on them."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from sqlalchemy import (
    Connection,
    RowMapping,
    Select,
    delete,
    func,
    insert,
    not_,
    select,
    update,
)

from hashsvc.keyring import DataKey
from hashsvc.store import data_keys, quarantines, rows
from hashsvc.store.data_keys import WrappedKey
from hashsvc.store.errors import UnknownRowError
from hashsvc.store.feedback_tables import dismissal, quarantine
from hashsvc.store.ids import (
    ContentId,
    KeyId,
    MatchId,
    OrganisationId,
    PublicContentId,
    ScanId,
)
from hashsvc.store.tables import audit_entry, case, content, data_key, match

NO_FACTS = "{}"


@dataclass(frozen=True, slots=True, repr=False)
class Match:
    """
    One suspected re-upload.

    Attributes:
        case: Number of the case that the content belongs to.

        organisation_id: The organisation of that case.

        content: The content's public id.

        evidence: Why it matched, as JSON text (see hashsvc.matching.Evidence).

        facts: Facts about the download (status, headers, address …), as a JSON object.

        state: "suspected", "confirmed" or "dismissed".

        reason: Why it was dismissed: "other-image" or "other"; None if no reason was given.

        quarantined: Whether the match waits in its content's quarantine.
    """

    id: MatchId
    content_id: ContentId
    case: str
    organisation_id: OrganisationId
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
    facts: str = NO_FACTS
    reason: str | None = None
    quarantined: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Private:
    """The fields of a match that are sealed under the key of its content's case."""

    page_url: str
    image_url: str
    image_sha256: bytes
    evidence: str
    facts: str = NO_FACTS

    def sealed(self, match_id: MatchId, key: DataKey) -> dict[str, str | bytes]:
        """Return the sealed columns, and the digest by which `find` finds the image's URL."""
        texts = {
            name: key.seal_text(getattr(self, name), context=_context(match_id, name))
            for name in _SEALED_TEXTS
        }
        return texts | {
            "image_sha256": key.seal(self.image_sha256, context=_context(match_id, "image_sha256")),
            "image_digest": key.digest(self.image_url),
        }

    @classmethod
    def opened(cls, match_id: MatchId, row: RowMapping, key: DataKey) -> Self:
        """Return the fields from the sealed columns of a row."""
        texts = {
            name: key.open_text(row[name], context=_context(match_id, name))
            for name in _SEALED_TEXTS
            if row[name] is not None
        }
        sha256 = key.open(row["image_sha256"], context=_context(match_id, "image_sha256"))
        return cls(image_sha256=sha256, **texts)


_SEALED_TEXTS = ("page_url", "image_url", "evidence", "facts")

_ROWS = (
    select(
        *(column for column in match.c if column is not match.c.image_digest),
        case.c.number.label("case"),
        case.c.organisation_id,
        content.c.public_id.label("content"),
        dismissal.c.reason,
        quarantines.is_quarantined().label("quarantined"),
        *data_keys.COLUMNS,
    )
    .join(content, content.c.id == match.c.content_id)
    .join(case, case.c.id == content.c.case_id)
    .join(data_key, data_key.c.id == case.c.key_id)
    .outerjoin(dismissal, dismissal.c.match_id == match.c.id)
    .outerjoin(quarantine, quarantine.c.content_id == match.c.content_id)
)


def find(connection: Connection, content_id: ContentId, image_url: str) -> MatchId | None:
    """Return the match of this content at this image URL; None if there is none."""
    digest = data_keys.of_content(connection, content_id).digest(image_url)
    query = select(match.c.id).where(
        match.c.content_id == content_id, match.c.image_digest == digest
    )
    return connection.execute(query).scalar_one_or_none()


def add(
    connection: Connection,
    match_id: MatchId,
    *,
    content_id: ContentId,
    scan_id: ScanId | None,
    page_url: str,
    image_url: str,
    image_sha256: bytes,
    tier: str,
    evidence: str,
    now: datetime,
    facts: str = NO_FACTS,
) -> MatchId:
    """
    Store a suspected re-upload, and return its id.

    If the content already has a match at this image URL, return that match's id and change nothing.
    """
    private = Private(page_url, image_url, image_sha256, evidence, facts)
    values = {
        "id": match_id,
        "content_id": content_id,
        "scan_id": scan_id,
        "tier": tier,
        "state": "suspected",
        "found_at": now,
        **private.sealed(match_id, data_keys.of_content(connection, content_id)),
    }
    before = find(connection, content_id, image_url)
    if before is None:
        # Two workers may be here at the same time: the table's unique key decides, not the query
        # above.
        new = rows.insert_once(connection, match).values(**values)
        if rows.changed_one(connection.execute(new)):
            return match_id
        before = find(connection, content_id, image_url)
        assert before is not None
    return before


def by_id(
    connection: Connection, match_id: MatchId, organisation_id: OrganisationId | None = None
) -> Match:
    """
    Return one match.

    Args:
        organisation_id: The organisation that the match must belong to; None accepts any. The
            other functions use it in the same way.

    Raises:
        UnknownRowError: If no such match has this id.
    """
    query = _within(organisation_id, _ROWS.where(match.c.id == match_id))
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise UnknownRowError("No such match.")
    return _opened(connection, row)


def is_there(connection: Connection, match_id: MatchId) -> bool:
    """Return whether a match still exists; it is deleted with its content."""
    return connection.execute(select(match.c.id).where(match.c.id == match_id)).first() is not None


def search(
    connection: Connection,
    *,
    state: str | None,
    scan_id: ScanId | None,
    limit: int,
    organisation_id: OrganisationId | None = None,
    quarantined: bool | None = None,
) -> list[Match]:
    """
    Return at most `limit` matches, newest first, of one state or one scan if these are given.

    Args:
        quarantined: True for only the matches in quarantine, False for only the others, None for
            both.
    """
    ordered = _ROWS.order_by(match.c.found_at.desc(), match.c.id).limit(limit)
    query = _within(organisation_id, ordered)
    if state is not None:
        query = query.where(match.c.state == state)
    if scan_id is not None:
        query = query.where(match.c.scan_id == scan_id)
    if quarantined is not None:
        condition = quarantines.is_quarantined()
        query = query.where(condition if quarantined else not_(condition))
    return [_opened(connection, row) for row in connection.execute(query).mappings()]


def review(
    connection: Connection, match_id: MatchId, *, state: str, reviewer: KeyId, now: datetime
) -> bool:
    """Store a verdict on a suspected match; return False if it already has one."""
    query = (
        update(match)
        .where(match.c.id == match_id, match.c.state == "suspected")
        .values(state=state, reviewed_by=reviewer, reviewed_at=now)
    )
    return rows.changed_one(connection.execute(query))


def dismiss_because(connection: Connection, match_id: MatchId, reason: str) -> None:
    """Store why a match was dismissed."""
    connection.execute(insert(dismissal).values(match_id=match_id, reason=reason))


def reopen(connection: Connection, match_id: MatchId) -> bool:
    """Take back a dismissal; return False if the match was not dismissed or does not exist."""
    connection.execute(delete(dismissal).where(dismissal.c.match_id == match_id))
    query = (
        update(match)
        .where(match.c.id == match_id, match.c.state == "dismissed")
        .values(state="suspected", reviewed_by=None, reviewed_at=None)
    )
    return rows.changed_one(connection.execute(query))


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A match with a verdict, and the number of the verdict's audit entry."""

    match_id: MatchId
    tier: str
    state: str
    audit_seq: int | None


def reviewed(
    connection: Connection,
    *,
    since: datetime,
    until: datetime,
    organisation_id: OrganisationId | None = None,
) -> list[Reviewed]:
    """Return the matches whose verdict came at or after `since` and before `until`."""
    verdict = (audit_entry.c.subject == match.c.id) & audit_entry.c.action.in_(
        ("match.confirmed", "match.dismissed")
    )
    query = (
        select(
            match.c.id.label("match_id"), match.c.tier, match.c.state, func.max(audit_entry.c.seq)
        )
        .join(content, content.c.id == match.c.content_id)
        .join(case, case.c.id == content.c.case_id)
        .outerjoin(audit_entry, verdict)
        .where(match.c.reviewed_at >= since, match.c.reviewed_at < until)
        .group_by(match.c.id, match.c.tier, match.c.state)
        .order_by(match.c.id)
    )
    return [Reviewed(*row) for row in connection.execute(_within(organisation_id, query))]


def count_by_state(
    connection: Connection,
    scan_id: ScanId | None = None,
    organisation_id: OrganisationId | None = None,
) -> dict[str, int]:
    """Return how many matches are in each state, of one scan if that is given."""
    query = (
        select(match.c.state, func.count())
        .join(content, content.c.id == match.c.content_id)
        .join(case, case.c.id == content.c.case_id)
        .group_by(match.c.state)
    )
    query = _within(organisation_id, query)
    if scan_id is not None:
        query = query.where(match.c.scan_id == scan_id)
    return {state: number for state, number in connection.execute(query)}  # noqa: C416


def _within(
    organisation_id: OrganisationId | None, query: Select[*tuple[Any, ...]]
) -> Select[*tuple[Any, ...]]:
    return (
        query if organisation_id is None else query.where(case.c.organisation_id == organisation_id)
    )


def _opened(connection: Connection, row: RowMapping) -> Match:
    columns = dict(row)
    stored = WrappedKey(*(columns.pop(name) for name in WrappedKey._fields))
    private = Private.opened(row["id"], row, data_keys.unwrap(connection, stored))
    columns["quarantined"] = bool(columns["quarantined"])
    return Match(**columns | asdict(private))


def _context(match_id: MatchId, column: str) -> str:
    return f"{column} of match {match_id}"
