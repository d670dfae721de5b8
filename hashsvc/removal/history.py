"""A removal request with its steps and notices, and what can be read from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection

from hashsvc.removal.errors import UnknownRequestError
from hashsvc.removal.states import ABSENT, DECIDED, State
from hashsvc.store import mailings, notices, requests
from hashsvc.store.ids import NoticeId
from hashsvc.store.mailings import Mailing
from hashsvc.store.notices import Notice
from hashsvc.store.requests import Event, Request

REMOVAL_KINDS = ("dsa-notice", "take-it-down", "host")
"""
The kinds of notices that ask for removal.

Notices of other kinds complain about the outcome, refer it to an authority, or go to a court.
"""

# SQLite takes at most 32,766 values in a statement.
_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class RequestView:
    """
    A removal request with its steps and the notices that name it, both oldest first.

    The properties are read from the steps, each of which is in the audit log too.

    Attributes:
        mailing: An attempt to mail the request's notice whose outcome is not on record yet; None if
            there is none.
    """

    request: Request
    events: tuple[Event, ...]
    notices: tuple[Notice, ...] = ()
    mailing: Mailing | None = None

    @property
    def notice(self) -> Notice | None:
        """The notice that asks for removal."""
        return next((each for each in self.notices if each.kind in REMOVAL_KINDS), None)

    def notice_of(self, notice_id: NoticeId | None) -> Notice:
        """
        Return one of the notices; for None, the notice that asks for removal.

        Raises:
            UnknownRequestError: If there is no such notice of this request.
        """
        if notice_id is None:
            found = self.notice
        else:
            found = next((each for each in self.notices if each.id == notice_id), None)
        if found is None:
            raise UnknownRequestError("The request has no such notice.")
        return found

    def first(self, *states: State) -> Event | None:
        """Return the first step to any of these states."""
        return next((each for each in self.events if each.state in states), None)

    def last(self, *states: State) -> Event | None:
        """Return the last step that changed the state to one of these."""
        found, before = None, None
        for each in self.events:
            if each.state in states and each.state != before:
                found = each
            before = each.state
        return found

    @property
    def sent(self) -> Event | None:
        """The step by which the request was first sent."""
        return self.first(State.SENT)

    @property
    def decided(self) -> Event | None:
        """The step that recorded the platform's last answer."""
        return self.last(*DECIDED)

    @property
    def absent(self) -> Event | None:
        """
        The first of the re-checks that showed the image gone; None if it was never shown gone.

        If the image was gone more than once, the latest time counts.
        """
        states = [each.state for each in self.events]
        if State.GONE not in states:
            return None
        # Start from the check that led to `gone`: a later check that failed would end the row.
        gone = len(states) - 1 - states[::-1].index(State.GONE)
        while gone and states[gone - 1] == State.GONE:
            gone -= 1
        return absent_since(self.events[: gone + 1])

    @property
    def removed_after(self) -> timedelta | None:
        """
        Time from the first sending to the first of the re-checks that showed the image gone.

        None if the image is not gone now.
        """
        if self.request.state != State.GONE:
            return None
        sent, absent = self.sent, self.absent
        assert sent is not None
        assert absent is not None
        return absent.at - sent.at


def absent_since(events: Sequence[Event]) -> Event | None:
    """
    Return the first re-check of the latest unbroken row of checks that did not find the image.

    Return None if the last re-check had another outcome.
    """
    since = None
    for event in events:
        if event.outcome in ABSENT:
            since = since or event
        elif event.outcome is not None:
            since = None
    return since


def views_of(connection: Connection, found: Sequence[Request]) -> list[RequestView]:
    """Return each of these requests with its steps and notices."""
    views = []
    for begin in range(0, len(found), _AT_ONCE):
        some = found[begin : begin + _AT_ONCE]
        ids = [each.id for each in some]
        named = notices.of_requests(connection, ids)
        mailed = mailings.of_requests(connection, ids)
        events: dict[str, list[Event]] = {each: [] for each in ids}
        for event in requests.events_of(connection, ids):
            events[event.request_id].append(event)
        views += [
            RequestView(each, tuple(events[each.id]), tuple(named[each.id]), mailed.get(each.id))
            for each in some
        ]
    return views
