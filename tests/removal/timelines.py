"""Makes removal requests from their steps, without a service or a database."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hashsvc.removal.history import RequestView
from hashsvc.removal.states import Outcome, State
from hashsvc.store.ids import CaseId, MatchId, NoticeId, OrganisationId, RequestId
from hashsvc.store.notices import Notice
from hashsvc.store.requests import Event, Request

BEGIN = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
PAGE_URL = "https://canary.example/thread/7"
IMAGE_URL = "https://canary.example/img/b.jpg"
ACTOR = "a" * 32
CASE = 990_017

# A step has its hours after BEGIN and the state after it. A third value is what a re-check saw, or
# the reason in a platform's answer.
StepFacts = tuple[float, State] | tuple[float, State, Outcome | str]

STILL, GONE, UNREACHABLE = Outcome.STILL_THERE, Outcome.IMAGE_GONE, Outcome.UNREACHABLE
REPLACED = Outcome.IMAGE_REPLACED


class Timelines:
    """Makes requests. Steps have the ids 1, 2, 3 …, and their audit entries ten times the id."""

    def __init__(self) -> None:
        self._events = itertools.count(1)
        self._requests = itertools.count(1)
        self.views: list[RequestView] = []

    def add(
        self,
        *steps: StepFacts,
        platform: str = "a-site",
        channel: str | None = "form",
        basis: str = "dsa-notice",
        kind: str = "dsa-notice",
        parent: RequestView | None = None,
        link: str = "reappeared",
        facts: str | None = None,
    ) -> RequestView:
        """Add a request with these steps. A draft an hour before BEGIN is added if missing."""
        number = next(self._requests)
        request_id = RequestId(f"{number:032x}")
        drafted: Sequence[StepFacts] = ((-1, State.DRAFT), *steps)
        if steps[0][1] == State.DRAFT:
            drafted = steps
        events = tuple(self._event(request_id, each, facts) for each in drafted)
        notice = Notice(
            id=NoticeId(f"{number + 0x1000:032x}"),
            organisation_id=OrganisationId("0" * 32),
            case_id=CaseId(CASE),
            platform=platform,
            kind=kind,
            basis=basis,
            channel=channel,
            address="notices@a-site.example",
            language="en",
            created_at=events[0].at,
        )
        request = Request(
            id=request_id,
            match_id=MatchId("m" * 32),
            platform=platform,
            page_url=PAGE_URL,
            image_url=IMAGE_URL,
            state=events[-1].state,
            created_at=events[0].at,
            parent_id=parent.request.id if parent else None,
            link=link if parent else None,
        )
        self.views.append(RequestView(request, events, (notice,)))
        return self.views[-1]

    def gone(self, hours: float, **more: object) -> RequestView:
        """Add a request sent at BEGIN whose image is gone after some hours and a day later."""
        return self.add(
            (0, State.SENT),
            (hours, State.SENT, GONE),
            (hours + 24, State.GONE, GONE),
            **more,  # type: ignore[arg-type]
        )

    def up(self, hours: float, **more: object) -> RequestView:
        """Add a request sent at BEGIN whose image is still there after some hours."""
        return self.add((0, State.SENT), (hours, State.SENT, STILL), **more)  # type: ignore[arg-type]

    def _event(self, request_id: RequestId, step: StepFacts, facts: str | None) -> Event:
        number = next(self._events)
        hours, state, *more = step
        outcome = next((each for each in more if isinstance(each, Outcome)), None)
        reason = next((str(each) for each in more if not isinstance(each, Outcome)), None)
        return Event(
            id=number,
            request_id=request_id,
            at=after(hours),
            actor=ACTOR,
            state=state,
            outcome=outcome,
            reason=reason,
            facts=facts if outcome is not None else None,
            audit_seq=number * 10,
        )


def after(hours: float) -> datetime:
    """Return the time some hours after BEGIN."""
    return BEGIN + timedelta(hours=hours)
