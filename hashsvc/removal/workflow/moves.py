"""Moves requests from state to state after an analyst's step, an answer or a deadline."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from hashsvc.bank import ConsentKind
from hashsvc.removal.clocks.dues import answer_due_at, clocks_of
from hashsvc.removal.errors import NotConfirmedError, NotPossibleError
from hashsvc.removal.history import RequestView, views_of
from hashsvc.removal.law.deadlines import ORDER
from hashsvc.removal.states import MOVES, WAITING, State
from hashsvc.removal.workflow.context import RemovalContext
from hashsvc.removal.workflow.letters import documents_of, named_in
from hashsvc.store import due_requests, matches, notices, requests
from hashsvc.store.ids import KeyId, NoticeId, RequestId, random_id
from hashsvc.store.matches import Match
from hashsvc.store.notices import Notice
from hashsvc.store.requests import Step

# These states apply to a whole notice, and therefore to all requests on it.
_TOGETHER = frozenset({State.APPROVED, State.SENT, State.RECEIPTED})
# The last moment of a period still counts as in time, so check a second after it.
_JUST_AFTER = timedelta(seconds=1)


def move_request(
    context: RemovalContext,
    connection: Connection,
    view: RequestView,
    to: State,
    *,
    actor: str,
    at: datetime | None = None,
    reason: str | None = None,
    notice_id: NoticeId | None = None,
) -> None:
    """
    Change a request's state. If the new state applies to a whole notice, change all its requests.

    Args:
        at: When the step happened, if that was before now.

        notice_id: The notice that this step wrote.

    Raises:
        NotPossibleError: If the state does not lead to the new one, the notice is being mailed, the
            time is not between the last step and now, or somebody else moved the request first.

        NotConfirmedError: If the match was dismissed.

        NoConsentError: If the person shown has not agreed that platforms may be asked.
    """
    check_move(view, to)
    at = _time_of(context, view, at)
    if to is State.APPROVED:
        group = _approve(context, connection, view, actor=actor, at=at)
    else:
        group = _together(connection, view, to)
    for each in group:
        _time_of(context, each, at)
        if to is State.SENT:
            _check_consent(context, connection, each)
        record_step(
            context, connection, each, to, actor=actor, at=at, reason=reason, notice_id=notice_id
        )


def record_step(
    context: RemovalContext,
    connection: Connection,
    view: RequestView,
    to: State,
    *,
    actor: str,
    at: datetime,
    reason: str | None = None,
    notice_id: NoticeId | None = None,
) -> None:
    """
    Record a step of one request, and set when its next re-check and the platform's answer are due.

    If the request's state does not lead to the step's state, the step is recorded, but the request
    keeps its state, for example if a platform answers after the image is gone.

    Raises:
        NotPossibleError: If somebody else has just moved the request.
    """
    request = view.request
    state = State(request.state)
    seq = context.record(connection, actor, f"request.{to}", request.id, context.clock())
    step = Step(at, actor, to, reason=reason, notice_id=notice_id, audit_seq=seq)
    if not requests.move(connection, request, step):
        raise NotPossibleError("Somebody else has just moved this request.")
    if state is State.GONE or to not in MOVES.get(state, frozenset()):
        _go_back(context, connection, view, step)
        return
    if to is State.SENT:
        interval = timedelta(hours=context.settings.recheck_every_h)
        due_requests.set_check(connection, request.id, at + interval)
    elif to is State.ORDER_SERVED:
        _check_when_over(context, connection, request.id)
    if to in WAITING:
        set_answer_due(context, connection, context.view(connection, request.id))


def set_answer_due(context: RemovalContext, connection: Connection, view: RequestView) -> None:
    """Store when the platform's time to answer a request ends, if that time has changed."""
    hours = context.settings.answer_within_h
    due = answer_due_at(view, context.letters.law, answer_within_h=hours)
    if due != view.request.answer_due_at:
        due_requests.set_answer_due(connection, view.request.id, due)


def _go_back(
    context: RemovalContext, connection: Connection, view: RequestView, step: Step
) -> None:
    """Record that a request returns to the state that it had before a step."""
    request, state = replace(view.request, state=step.state), view.request.state
    seq = context.record(connection, step.actor, f"request.{state}", request.id, context.clock())
    at = max(step.at, view.events[-1].at)
    requests.move(connection, request, Step(at, step.actor, state, audit_seq=seq))


def check_move(view: RequestView, to: State) -> None:
    """
    Check that a request may move to another state, and that its notice is not being mailed.

    Raises:
        NotPossibleError: If the request may not move to the state, or its notice is being mailed.
            The message names the allowed states, or says when the mailing began.
    """
    allowed = MOVES.get(State(view.request.state), frozenset())
    if to not in allowed:
        steps = ", ".join(sorted(allowed)) or "no other state by hand"
        raise NotPossibleError(f"From {view.request.state} a request may go to: {steps}.")
    if view.mailing is not None:
        raise NotPossibleError(
            f"Somebody began to mail the notice at {_minute(view.mailing.begun_at)}, and the "
            "outcome is not on record yet. If there is still no outcome at "
            f"{_minute(view.mailing.unsure_from)}, find out whether the notice was sent, and "
            "settle the mail."
        )


def check_sending(context: RemovalContext, connection: Connection, view: RequestView) -> None:
    """
    Check that a notice may be sent now, for this request and for all that move with it.

    Raises:
        NotPossibleError: If a state does not lead to `sent`, or the notice is being mailed.

        NoConsentError: If the person shown no longer agrees.
    """
    check_move(view, State.SENT)
    for each in _together(connection, view, State.SENT):
        _check_consent(context, connection, each)


def match_of(connection: Connection, view: RequestView) -> Match:
    """
    Return the match that a request was raised for.

    Raises:
        NotPossibleError: If the case is withdrawn.
    """
    if view.request.match_id is None:
        raise NotPossibleError("The case of this request is withdrawn.")
    return matches.by_id(connection, view.request.match_id)


def _together(connection: Connection, view: RequestView, to: State) -> list[RequestView]:
    """Return the requests that move together with this one, including this one."""
    before = view.request.state
    of_notice = to in _TOGETHER and before in (State.APPROVED, State.SENT, State.SILENT)
    ends_notice = to is State.WITHDRAWN and before == State.APPROVED
    if view.notice is None or not (of_notice or ends_notice):
        return [view]
    if before == State.SILENT and to is State.SENT:
        return [view]
    named = named_in(connection, view.notice.id)
    return views_of(connection, [each for each in named if each.state == before])


def _approve(
    context: RemovalContext, connection: Connection, view: RequestView, *, actor: str, at: datetime
) -> list[RequestView]:
    """
    Store the final form of a request's notice, and return the requests that it names.

    The analyst who approves a request also confirms its match. Other requests on the notice whose
    matches are not confirmed move to a new draft.
    """
    assert view.notice is not None
    match = match_of(connection, view)
    if match.state == "dismissed":
        raise NotConfirmedError("The match was dismissed; this request can only be withdrawn.")
    now, reviewer = context.clock(), KeyId(actor)
    if matches.review(connection, match.id, state="confirmed", reviewer=reviewer, now=now):
        context.record(connection, actor, "match.confirmed", match.id, now)
    drafts = [each for each in named_in(connection, view.notice.id) if each.state == State.DRAFT]
    views = views_of(connection, drafts)
    ready = [each for each in views if match_of(connection, each).state == "confirmed"]
    _set_apart(connection, view.notice, [each for each in views if each not in ready])
    for each in ready:
        _check_consent(context, connection, each)
    named = [each.request for each in ready]
    recipient = context.recipient(connection, view.notice)
    written = context.letters.compose(context.letters.facts(view.notice, named, recipient, now=at))
    documents = documents_of(written, view.notice, at)
    context.letters.fix(connection, view.notice, written, documents)
    return ready


def _set_apart(connection: Connection, notice: Notice, views: list[RequestView]) -> None:
    """Put these requests on a new notice of their own."""
    if not views:
        return
    ids = [each.request.id for each in views]
    notices.take_off(connection, notice.id, ids)
    notices.add(connection, replace(notice, id=NoticeId(random_id())), ids)


def _check_consent(context: RemovalContext, connection: Connection, view: RequestView) -> None:
    context.check_consent(connection, match_of(connection, view).case, ConsentKind.NOTIFY)


def _check_when_over(
    context: RemovalContext, connection: Connection, request_id: RequestId
) -> None:
    """Schedule a re-check for the moment at which an order's time is over."""
    view = context.view(connection, request_id)
    for each in clocks_of(view, context.letters.law):
        if each.deadline.id == ORDER:
            due_requests.set_check(connection, request_id, each.due_at + _JUST_AFTER)


def _time_of(context: RemovalContext, view: RequestView, at: datetime | None) -> datetime:
    now = context.clock()
    if at is None:
        return now
    # An analyst may enter an answer days after it came. Re-checks may have run since then; ignore
    # those that changed nothing, and those that found the image gone.
    is_gone = view.request.state == State.GONE
    before, last = None, view.request.created_at
    for each in view.events:
        if each.outcome is None or (each.state != before and not is_gone):
            last = max(last, each.at)
        before = each.state
    if not last <= at <= now:
        raise NotPossibleError("A step cannot be before the last one, nor in the future.")
    return at


def _minute(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%H:%M} UTC"
