"""Removal requests, from the confirmed match to the image's being gone."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from hashsvc import audit
from hashsvc.clock import Clock, utc_now
from hashsvc.matching import signature_of
from hashsvc.removal.errors import NotConfirmedError, NotPossibleError, UnknownRequestError
from hashsvc.removal.legal import Language
from hashsvc.removal.notices import write_notice
from hashsvc.removal.platforms import platform_of
from hashsvc.removal.recheck import Outcome, recheck
from hashsvc.removal.states import MOVES, RECHECKED, State
from hashsvc.scanning import Looker
from hashsvc.settings import Settings
from hashsvc.signals import Signature
from hashsvc.store import Database, UnknownRowError, matches, requests
from hashsvc.store.ids import KeyId, MatchId, OrganisationId, RequestId, random_id
from hashsvc.store.requests import Event, Request

_ABSENT = frozenset({Outcome.IMAGE_GONE, Outcome.PAGE_GONE})


@dataclass(frozen=True, slots=True)
class RequestView:
    """A removal request and its steps, oldest first."""

    request: Request
    events: tuple[Event, ...]

    @property
    def removed_after(self) -> timedelta | None:
        """
        Time from the first sending to the first check of those that showed the image gone.

        None while it is not gone.
        """
        if self.request.state != State.GONE:
            return None
        states = [event.state for event in self.events]
        sent = self.events[states.index(State.SENT)]
        # The last row of `gone` began with the check that made it so; later ones may see less.
        gone = len(states) - 1
        while states[gone - 1] == State.GONE:
            gone -= 1
        since = _absent_since(self.events[: gone + 1])
        assert since is not None
        return since - sent.at


class Removal:
    """All removal requests."""

    def __init__(
        self, settings: Settings, database: Database, looker: Looker, clock: Clock = utc_now
    ) -> None:
        self._settings = settings
        self._database = database
        self._looker = looker
        self._clock = clock

    def raise_for(
        self,
        match_id: MatchId,
        *,
        actor: KeyId,
        organisation_id: OrganisationId | None = None,
        language: Language = Language.EN,
    ) -> RequestView:
        """
        Return the removal request for a confirmed match; raised when there is none yet.

        Args:
            organisation_id: Whose match it has to be; here and below, None stands for any.

            language: What the notice is written in, if it is raised now.

        Raises:
            UnknownRowError: If there is no such match.

            NotConfirmedError: If it was not confirmed.
        """
        now = self._clock()
        with self._database.write() as connection:
            match = matches.by_id(connection, match_id, organisation_id)
            if match.state != "confirmed":
                raise NotConfirmedError(
                    "A removal request needs a match that an analyst confirmed."
                )
            known = requests.by_match(connection, match_id)
            if known is not None:
                self._record(connection, actor, "request.read", known.id)
                return self._view(connection, known.id)
            request_id = RequestId(random_id())
            platform = platform_of(match.image_url)
            request = Request(
                id=request_id,
                match_id=match_id,
                platform=platform,
                page_url=match.page_url,
                image_url=match.image_url,
                state=State.DRAFT,
                notice=write_notice(
                    self._settings,
                    platform=platform,
                    page_url=match.page_url,
                    image_url=match.image_url,
                    reference=request_id,
                    found_at=match.found_at,
                    now=now,
                    language=language,
                ),
                created_at=now,
                organisation_id=match.organisation_id,
            )
            requests.add(connection, request, actor=actor)
            self._record(connection, actor, "request.raise", request_id)
            return self._view(connection, request_id)

    def view(
        self,
        request_id: RequestId,
        *,
        actor: KeyId,
        organisation_id: OrganisationId | None = None,
    ) -> RequestView:
        """
        Return one request.

        Raises:
            UnknownRequestError: If there is none with this id.
        """
        with self._database.write() as connection:
            self._record(connection, actor, "request.read", request_id)
            return self._view(connection, request_id, organisation_id)

    def search(
        self, *, state: State | None, limit: int, organisation_id: OrganisationId | None = None
    ) -> list[Request]:
        """Return requests, newest first, of one state when it is given."""
        with self._database.read() as connection:
            return requests.search(
                connection, state=state, limit=limit, organisation_id=organisation_id
            )

    def move(
        self,
        request_id: RequestId,
        to: State,
        *,
        actor: KeyId,
        organisation_id: OrganisationId | None = None,
    ) -> RequestView:
        """
        Change a request's state as an analyst may.

        Raises:
            UnknownRequestError: If there is no such request.

            NotPossibleError: If its state does not lead to the new one.
        """
        with self._database.write() as connection:
            request = self._view(connection, request_id, organisation_id).request
            allowed = MOVES.get(State(request.state), frozenset())
            if to not in allowed:
                steps = ", ".join(sorted(allowed)) or "nothing more by hand"
                raise NotPossibleError(f"From {request.state} a request may go to: {steps}.")
            requests.move(connection, request, state=to, actor=actor, now=self._clock())
            self._record(connection, actor, f"request.{to}", request_id)
            return self._view(connection, request_id)

    def recheck(
        self,
        request_id: RequestId,
        *,
        actor: KeyId,
        organisation_id: OrganisationId | None = None,
    ) -> tuple[Outcome, RequestView]:
        """
        Look whether the image is still there, and return what was seen and the request after it.

        It is `gone` once two checks in a row, `recheck_gap_s` apart, did not find it.

        Raises:
            UnknownRequestError: If there is no such request.

            NotPossibleError: If it was not sent, or its case is withdrawn.
        """
        with self._database.read() as connection:
            request = self._to_be_checked(connection, request_id, organisation_id).request
            assert request.match_id is not None
            content = self._content_of(connection, request.match_id)
        outcome = recheck(
            self._looker, content, page_url=request.page_url, image_url=request.image_url
        )
        now = self._clock()
        with self._database.write() as connection:
            # The look took its time, and the case may have been withdrawn meanwhile.
            view = self._to_be_checked(connection, request_id)
            state = self._state_after(view, outcome, now)
            requests.move(
                connection, view.request, state=state, actor=actor, now=now, outcome=outcome
            )
            self._record(connection, actor, "request.recheck", request_id)
            return outcome, self._view(connection, request_id)

    def _to_be_checked(
        self,
        connection: Connection,
        request_id: RequestId,
        organisation_id: OrganisationId | None = None,
    ) -> RequestView:
        view = self._view(connection, request_id, organisation_id)
        if view.request.state not in RECHECKED or view.request.match_id is None:
            raise NotPossibleError("Only a request that was sent, of a live case, is checked.")
        return view

    def _state_after(self, view: RequestView, outcome: Outcome, now: datetime) -> State:
        state = State(view.request.state)
        if outcome is Outcome.STILL_THERE:
            return State.REAPPEARED if state is State.GONE else state
        since = _absent_since(view.events)
        if outcome not in _ABSENT or since is None:
            return state
        gap = timedelta(seconds=self._settings.recheck_gap_s)
        return State.GONE if now - since >= gap else state

    def _content_of(self, connection: Connection, match_id: MatchId) -> Signature:
        match = matches.by_id(connection, match_id)
        return signature_of(connection, match.content_id)

    def _view(
        self,
        connection: Connection,
        request_id: RequestId,
        organisation_id: OrganisationId | None = None,
    ) -> RequestView:
        try:
            request = requests.by_id(connection, request_id, organisation_id)
        except UnknownRowError as error:
            raise UnknownRequestError("There is no such removal request.") from error
        return RequestView(request, tuple(requests.events_of(connection, request_id)))

    def _record(self, connection: Connection, actor: str, action: str, subject: str) -> None:
        audit.record(connection, actor=actor, action=action, subject=subject, now=self._clock())


def _absent_since(events: tuple[Event, ...]) -> datetime | None:
    """Return when the last checks, all of which did not find the image, began; None if none."""
    since = None
    for event in events:
        if event.outcome in _ABSENT:
            since = since or event.at
        elif event.outcome is not None:
            since = None
    return since
