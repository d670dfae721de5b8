"""Checks on a schedule whether images are gone, and moves requests whose answer is overdue."""

from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from hashsvc.loops import Loop
from hashsvc.matching import signature_of
from hashsvc.removal.clocks.clock import ClockState, state_of
from hashsvc.removal.clocks.dues import clocks_of
from hashsvc.removal.errors import NotPossibleError, RemovalError
from hashsvc.removal.history import RequestView, absent_since, views_of
from hashsvc.removal.law.deadlines import ORDER, TIMELY, US_REQUEST
from hashsvc.removal.notices.fields import Explanation
from hashsvc.removal.recheck import Checked, dump_facts, recheck
from hashsvc.removal.states import ABSENT, RECHECKED, WAITING, Outcome, State
from hashsvc.removal.workflow.context import RemovalContext
from hashsvc.removal.workflow.moves import match_of, move_request, set_answer_due
from hashsvc.removal.workflow.raising import AutomaticDrafts, Wanted, raise_request
from hashsvc.scanning import Looker
from hashsvc.store import due_requests, requests
from hashsvc.store.ids import OrganisationId, RequestId
from hashsvc.store.requests import Step

ACTOR = "recheck"
CLOCK = "clock"
_EVERY_S = 10
# The most requests that one write transaction handles, so that other writers do not wait long.
_AT_ONCE = 200
_log = structlog.get_logger()


class Rechecks(Loop):
    """Re-checks images on demand or on schedule, and moves their requests."""

    def __init__(self, context: RemovalContext, looker: Looker) -> None:
        super().__init__("rechecks", every_s=_EVERY_S)
        self._context = context
        self._looker = looker
        self._interval = timedelta(hours=context.settings.recheck_every_h)
        self._gap = timedelta(seconds=context.settings.recheck_gap_s)
        self._drafts = AutomaticDrafts(context) if context.settings.raise_certain else None
        self._has_set_dues = False

    def check(
        self,
        request_id: RequestId,
        *,
        actor: str,
        organisation_id: OrganisationId | None = None,
    ) -> tuple[Outcome, RequestView]:
        """
        Check whether the image is still there, and return the outcome and the updated request.

        The request becomes `gone` when two checks in a row, at least `recheck_gap_s` seconds apart,
        did not find the image.

        Raises:
            UnknownRequestError: If there is no such request.

            NotPossibleError: If the request was not sent, or its case is withdrawn.
        """
        with self._context.database.read() as connection:
            view = self._to_be_checked(connection, request_id, organisation_id)
            content = signature_of(connection, match_of(connection, view).content_id)
        request = view.request
        seen = recheck(
            self._looker, content, page_url=request.page_url, image_url=request.image_url
        )
        return seen.outcome, self._record(request_id, seen, actor=actor)

    def observe(
        self,
        request_id: RequestId,
        outcome: Outcome,
        *,
        reason: str,
        actor: str,
        organisation_id: OrganisationId | None = None,
    ) -> RequestView:
        """
        Record what an analyst saw with their own eyes, where a check is uncertain.

        An observation counts as one check.

        Raises:
            UnknownRequestError: If there is no such request.

            NotPossibleError: If the request was not sent, or its case is withdrawn.

            BadNoticeError: If the reason is too long, or contains what no notice may contain.
        """
        Explanation(reason)
        with self._context.database.read() as connection:
            self._to_be_checked(connection, request_id, organisation_id)
        seen = Checked(outcome, {"analyst": {"outcome": outcome}})
        return self._record(request_id, seen, actor=actor, reason=reason)

    def work_once(self) -> bool:
        """Re-check one request that is due, and return whether there was one."""
        now = self._context.clock()
        with self._context.database.write() as connection:
            due = due_requests.take_check(connection, now, next_at=now + self._interval)
        if due is None:
            return False
        try:
            outcome, view = self.check(due, actor=ACTOR)
        except NotPossibleError:
            return True  # The case was withdrawn in the meantime.
        if outcome in ABSENT and view.request.state != State.GONE:
            # `gone` needs a second check. Plan it for the earliest time at which it counts.
            with self._context.database.write() as connection:
                soon = min(self._gap, self._interval)
                due_requests.set_check(connection, due, self._context.clock() + soon)
        return True

    def mark_silent(self) -> int:
        """
        Move requests whose answer is overdue to `silent`, and return how many were moved.

        The database stores when each answer is due, and a call reads only requests whose answer is
        overdue. The first call computes these times again for all waiting requests, because the
        settings or the law data may have changed while the service was down.
        """
        context, marked = self._context, 0
        if not self._has_set_dues:
            self._set_dues()
            self._has_set_dues = True
        with context.database.read() as connection:
            overdue = due_requests.overdue_answers(connection, context.clock())
        for each in overdue:
            try:
                with context.database.write() as connection:
                    view = context.view(connection, each)
                    if self._is_late(view):
                        move_request(context, connection, view, State.SILENT, actor=CLOCK)
                        marked += 1
                    else:
                        set_answer_due(context, connection, view)
            except RemovalError:
                continue  # The request was answered or withdrawn in the meantime.
        return marked

    def _set_dues(self) -> None:
        context = self._context
        with context.database.read() as connection:
            waiting = due_requests.awaited_answers(connection)
        for begin in range(0, len(waiting), _AT_ONCE):
            with context.database.write() as connection:
                found = requests.by_ids(connection, waiting[begin : begin + _AT_ONCE])
                for view in views_of(connection, found):
                    set_answer_due(context, connection, view)

    def run_once(self) -> None:
        """Do all due re-checks, move overdue requests to `silent`, and make automatic drafts."""
        while not self.is_stopping and self.work_once():
            continue
        self.mark_silent()
        if self._drafts is not None:
            self._drafts.raise_certain()

    def _record(
        self, request_id: RequestId, seen: Checked, *, actor: str, reason: str | None = None
    ) -> RequestView:
        context, now = self._context, self._context.clock()
        with context.database.write() as connection:
            # The check took some time: the case may have been withdrawn in the meantime.
            view = self._to_be_checked(connection, request_id)
            state = self._state_after(view, seen.outcome, now)
            seq = context.record(connection, actor, "request.recheck", request_id, now)
            step = Step(
                now,
                actor,
                state,
                outcome=seen.outcome,
                reason=reason,
                facts=dump_facts(seen),
                audit_seq=seq,
            )
            if not requests.move(connection, view.request, step):
                raise NotPossibleError("Somebody else has just moved this request.")
            if state is State.REAPPEARED:
                self._raise_again(connection, view, actor)
            return context.view(connection, request_id)

    def _raise_again(self, connection: Connection, view: RequestView, actor: str) -> None:
        """Draft a new request for an image that came back."""
        parent = (view.request.id, "reappeared")
        wanted = Wanted(platform=view.request.platform, parent=parent)
        try:
            match = match_of(connection, view)
            raise_request(self._context, connection, match.id, wanted, actor=actor)
        except RemovalError as error:
            # Consent was withdrawn, or the registry lacks the platform's entry. The old request
            # already has the step that says that the image came back.
            _log.warning("removal.not_raised_again", error=type(error).__name__)

    def _to_be_checked(
        self,
        connection: Connection,
        request_id: RequestId,
        organisation_id: OrganisationId | None = None,
    ) -> RequestView:
        view = self._context.view(connection, request_id, organisation_id)
        if view.request.state not in RECHECKED or view.request.match_id is None:
            raise NotPossibleError(
                "Only a sent request can be checked, and only while its case is not withdrawn."
            )
        return view

    def _state_after(self, view: RequestView, outcome: Outcome, now: datetime) -> State:
        state = State(view.request.state)
        if outcome is Outcome.STILL_THERE:
            if state is State.GONE:
                return State.REAPPEARED
            is_late = state is State.ORDER_SERVED and self._is_overdue(view, ORDER, now)
            return State.BREACHED if is_late else state
        first = absent_since(view.events)
        if outcome not in ABSENT or first is None:
            return state
        return State.GONE if now - first.at >= self._gap else state

    def _is_late(self, view: RequestView) -> bool:
        waits = view.request.state in WAITING
        now = self._context.clock()
        return waits and any(self._is_overdue(view, each, now) for each in (TIMELY, US_REQUEST))

    def _is_overdue(self, view: RequestView, deadline: str, now: datetime) -> bool:
        context = self._context
        hours = context.settings.answer_within_h
        clocks = clocks_of(view, context.letters.law, answer_within_h=hours)
        return any(
            each.deadline.id == deadline and state_of(each, now) is ClockState.OVERDUE
            for each in clocks
        )
