"""Removal requests and the events of each."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, Select, delete, exists, func, insert, not_, select, update

from hashsvc.store import data_keys, mailings, quarantines, rows
from hashsvc.store.feedback_tables import quarantine
from hashsvc.store.ids import (
    DEFAULT_ORGANISATION,
    CaseId,
    ContentId,
    MatchId,
    NoticeId,
    OrganisationId,
    RequestId,
)
from hashsvc.store.removal_tables import consent, removal_request, request_event
from hashsvc.store.tables import content, match

_UNSENT = ("draft", "approved")
_ENDED = ("gone", "reappeared", "withdrawn")
WAITING = ("sent", "receipted")
"""The states in which the platform owes an answer."""

_COLUMNS = [each for each in removal_request.c if each is not removal_request.c.dedup_digest]


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """
    A request to one actor about one image URL. It stays on record after its case is withdrawn.

    Attributes:
        match_id: None once the case is withdrawn.

        parent_id: The request that this one continues.

        link: Why it continues that request: "reappeared" or "escalated".

        check_at: When the scheduled re-check is due; None if no re-check is scheduled.

        first_seen: When the image was found; None for requests that are older than this field.

        answer_due_at: The end of the platform's time to answer; None while no answer is awaited.
    """

    id: RequestId
    match_id: MatchId | None
    platform: str
    page_url: str
    image_url: str
    state: str
    created_at: datetime
    organisation_id: OrganisationId = DEFAULT_ORGANISATION
    parent_id: RequestId | None = None
    link: str | None = None
    check_at: datetime | None = None
    first_seen: datetime | None = None
    answer_due_at: datetime | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Event:
    """
    One step in a request's life.

    Attributes:
        at: When the step happened, which may be before somebody entered it.

        state: The request's state after the step.

        outcome: What a re-check saw; None for other steps.

        reason: An analyst's or the platform's words.

        facts: What the servers answered to a re-check, as JSON text.

        notice_id: The notice that the step made or sent.

        audit_seq: Number of the audit entry that was written with the step; None for steps that are
            older than this field.
    """

    id: int
    request_id: RequestId
    at: datetime
    actor: str
    state: str
    outcome: str | None = None
    reason: str | None = None
    facts: str | None = None
    notice_id: NoticeId | None = None
    audit_seq: int | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Step:
    """A new event, without its id and its request."""

    at: datetime
    actor: str
    state: str
    outcome: str | None = None
    reason: str | None = None
    facts: str | None = None
    notice_id: NoticeId | None = None
    audit_seq: int | None = None


def dedup_key_of(case: str, platform: str, image_url: str) -> str:
    """Return the dedup key of a request: its case, its platform and its image's URL."""
    return "\n".join((case, platform, image_url))


def add(
    connection: Connection, request: Request, step: Step, *, dedup_key: str | None = None
) -> bool:
    """
    Store a new request and its first event.

    Args:
        dedup_key: The request's dedup key, from `dedup_key_of`.

    Returns:
        False, without storing anything, if an open request has the same dedup key.
    """
    key = data_keys.records(connection)
    new = rows.insert_once(connection, removal_request).values(
        id=request.id,
        match_id=request.match_id,
        platform=request.platform,
        page_url=key.seal_text(request.page_url, context=_context(request.id, "page_url")),
        image_url=key.seal_text(request.image_url, context=_context(request.id, "image_url")),
        state=request.state,
        created_at=request.created_at,
        organisation_id=request.organisation_id,
        dedup_digest=None if dedup_key is None else key.digest(dedup_key),
        parent_id=request.parent_id,
        link=request.link,
        check_at=request.check_at,
        first_seen=request.first_seen,
    )
    added = rows.changed_one(connection.execute(new))
    if added:
        add_event(connection, request.id, step)
    return added


def by_id(
    connection: Connection, request_id: RequestId, organisation_id: OrganisationId | None = None
) -> Request:
    """
    Return one request.

    Args:
        organisation_id: The request's organisation. In this module, None stands for any.

    Raises:
        UnknownRowError: If there is no such request.
    """
    query = _of(organisation_id, select(*_COLUMNS).where(removal_request.c.id == request_id))
    (request,) = _opened(connection, [rows.as_one(Request, connection.execute(query))])
    return request


def by_ids(connection: Connection, request_ids: Sequence[RequestId]) -> list[Request]:
    """Return the requests with these ids, in no particular order; unknown ids are left out."""
    return _all(connection, select(*_COLUMNS).where(removal_request.c.id.in_(request_ids)))


def by_dedup_key(connection: Connection, dedup_key: str) -> Request | None:
    """Return the open request with this key; None if there is no such request."""
    digest = data_keys.records(connection).digest(dedup_key)
    return _first(connection, select(*_COLUMNS).where(removal_request.c.dedup_digest == digest))


def by_match(connection: Connection, match_id: MatchId) -> list[Request]:
    """Return the requests for a match, oldest first."""
    query = select(*_COLUMNS).where(removal_request.c.match_id == match_id)
    return _all(connection, query.order_by(removal_request.c.created_at, removal_request.c.id))


def gone_before(connection: Connection, content_id: ContentId, platform: str) -> list[Request]:
    """Return the requests that removed images of a content from a platform, newest first."""
    query = (
        select(*_COLUMNS)
        .join(match, match.c.id == removal_request.c.match_id)
        .where(
            match.c.content_id == content_id,
            removal_request.c.platform == platform,
            removal_request.c.state.in_(("gone", "reappeared")),
        )
        .order_by(removal_request.c.created_at.desc(), removal_request.c.id)
    )
    return _all(connection, query)


def search(
    connection: Connection,
    *,
    state: str | None,
    limit: int | None,
    organisation_id: OrganisationId | None = None,
    platform: str | None = None,
    case_id: CaseId | None = None,
    unsure_at: datetime | None = None,
) -> list[Request]:
    """
    Return requests, newest first, of one state, platform or case when these are given.

    Args:
        unsure_at: Return only requests for which, at this time, nobody knows whether a mailed
            notice was sent.
    """
    query = select(*_COLUMNS).order_by(removal_request.c.created_at.desc(), removal_request.c.id)
    if limit is not None:
        query = query.limit(limit)
    if state is not None:
        query = query.where(removal_request.c.state == state)
    if platform is not None:
        query = query.where(removal_request.c.platform == platform)
    if case_id is not None:
        of_case = (
            select(match.c.id)
            .join(content, content.c.id == match.c.content_id)
            .where(content.c.case_id == case_id)
        )
        query = query.where(removal_request.c.match_id.in_(of_case))
    if unsure_at is not None:
        query = query.where(mailings.is_unsure(unsure_at))
    return _all(connection, _of(organisation_id, query))


def certain_without(connection: Connection) -> list[MatchId]:
    """
    Return the matches of tier `certain` for which a request may be drafted automatically.

    They were not dismissed, have no request, and their case has the consent `notify`. A match in
    quarantine waits until an analyst has reviewed the quarantine.
    """
    agreed = exists().where(
        consent.c.case_id == content.c.case_id,
        consent.c.kind == "notify",
        consent.c.withdrawn_on.is_(None),
    )
    query = (
        select(match.c.id)
        .join(content, content.c.id == match.c.content_id)
        .outerjoin(quarantine, quarantine.c.content_id == match.c.content_id)
        .where(
            match.c.tier == "certain",
            match.c.state != "dismissed",
            ~exists().where(removal_request.c.match_id == match.c.id),
            not_(quarantines.is_quarantined()),
            agreed,
        )
        .order_by(match.c.found_at)
    )
    return [MatchId(each) for each in connection.execute(query).scalars()]


def children_of(connection: Connection, request_id: RequestId) -> list[Request]:
    """Return the requests that continue a request, oldest first."""
    query = select(*_COLUMNS).where(removal_request.c.parent_id == request_id)
    return _all(connection, query.order_by(removal_request.c.created_at, removal_request.c.id))


def move(connection: Connection, request: Request, step: Step) -> bool:
    """Store a step and the request's new state; return False if the state has changed meanwhile."""
    changed: dict[str, object] = {"state": step.state}
    if step.state not in WAITING:
        changed["answer_due_at"] = None
    if step.state in ("reappeared", "withdrawn"):
        changed |= {"dedup_digest": None, "check_at": None}
    query = (
        update(removal_request)
        .where(removal_request.c.id == request.id, removal_request.c.state == request.state)
        .values(**changed)
    )
    moved = rows.changed_one(connection.execute(query))
    if moved:
        add_event(connection, request.id, step)
    return moved


def add_event(connection: Connection, request_id: RequestId, step: Step) -> None:
    """Store a step without changing the request."""
    key = data_keys.records(connection)
    sealed = {
        name: None if value is None else key.seal_text(value, context=_context(request_id, name))
        for name, value in (("reason", step.reason), ("facts", step.facts))
    }
    values = {name: getattr(step, name) for name in Step.__slots__}
    connection.execute(insert(request_event).values(request_id=request_id, **values | sealed))


def events_of(connection: Connection, request_ids: Sequence[RequestId]) -> list[Event]:
    """Return the steps of these requests, oldest first."""
    query = (
        select(request_event)
        .where(request_event.c.request_id.in_(request_ids))
        .order_by(request_event.c.id)
    )
    key = data_keys.records(connection)

    def opened(event: Event, column: str, sealed: str | None) -> str | None:
        context = _context(event.request_id, column)
        return None if sealed is None else key.open_text(sealed, context=context)

    return [
        replace(
            each,
            reason=opened(each, "reason", each.reason),
            facts=opened(each, "facts", each.facts),
        )
        for each in rows.as_list(Event, connection.execute(query))
    ]


def delete_unsent(connection: Connection, request_id: RequestId) -> None:
    """Delete a request that was never sent and whose case is withdrawn."""
    connection.execute(delete(removal_request).where(removal_request.c.id == request_id))


def count_by_state(connection: Connection) -> dict[str, int]:
    """Return how many requests are in each state."""
    query = select(removal_request.c.state, func.count()).group_by(removal_request.c.state)
    return {state: number for state, number in connection.execute(query)}  # noqa: C416


def withdraw_for(
    connection: Connection,
    content_id: ContentId,
    *,
    actor: str,
    now: datetime,
    record: Callable[[str, RequestId], int],
) -> None:
    """
    End the requests for a content that is about to be deleted.

    A request that was never sent is deleted. One that was sent, or whose notice is being mailed,
    stays on record without its match. A request whose image is gone stays `gone`: it counts in the
    platform's record.

    Args:
        record: Writes the audit entry of an action on a request, and returns its number.
    """
    of_content = select(match.c.id).where(match.c.content_id == content_id)
    theirs = removal_request.c.match_id.in_(of_content)
    unsent = removal_request.c.state.in_(_UNSENT) & not_(mailings.is_under_way())
    connection.execute(delete(removal_request).where(theirs, unsent))
    open_ones = connection.execute(
        select(*_COLUMNS).where(theirs, removal_request.c.state.not_in(_ENDED))
    )
    for request in rows.as_list(Request, open_ones):
        seq = record("request.withdrawn", request.id)
        move(connection, request, Step(now, actor, "withdrawn", audit_seq=seq))
    connection.execute(
        update(removal_request).where(theirs).values(check_at=None, dedup_digest=None)
    )


def _of(
    organisation_id: OrganisationId | None, query: Select[*tuple[object, ...]]
) -> Select[*tuple[object, ...]]:
    if organisation_id is None:
        return query
    return query.where(removal_request.c.organisation_id == organisation_id)


def _first(connection: Connection, query: Select[*tuple[object, ...]]) -> Request | None:
    found = _all(connection, query)
    return found[0] if found else None


def _all(connection: Connection, query: Select[*tuple[object, ...]]) -> list[Request]:
    return _opened(connection, rows.as_list(Request, connection.execute(query)))


def _opened(connection: Connection, requests: Iterable[Request]) -> list[Request]:
    listed = list(requests)
    if not listed:
        return []
    key = data_keys.records(connection)
    return [
        replace(
            each,
            page_url=key.open_text(each.page_url, context=_context(each.id, "page_url")),
            image_url=key.open_text(each.image_url, context=_context(each.id, "image_url")),
        )
        for each in listed
    ]


def _context(request_id: RequestId, column: str) -> str:
    return f"{column} of request {request_id}"
