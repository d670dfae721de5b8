"""Deadlines of removal requests: overdue, due today and later."""

from fastapi import APIRouter, Response

from hashsvc.access.callers import Caller
from hashsvc.api.auth import AnalystDep, ServicesDep
from hashsvc.api.routes import problems
from hashsvc.api.schemas.deadlines import DeadlinesOut
from hashsvc.api.services import Services
from hashsvc.removal import Language
from hashsvc.removal.clocks.calendar_feed import calendar_feed
from hashsvc.removal.clocks.clock import Countdown
from hashsvc.removal.clocks.dues import all_clocks
from hashsvc.removal.platforms.registry import names

router = APIRouter(prefix="/v1/deadlines", tags=["deadlines"])

_NAME = {
    Language.EN: "Removal requests: what is due",
    Language.NL: "Verwijderingsverzoeken: wat vervalt",
    Language.FR: "Demandes de retrait : échéances",
    Language.DE: "Löschersuchen: was fällig ist",
}


@router.get("", responses=problems(422))
def list_deadlines(
    caller: AnalystDep, services: ServicesDep, language: Language = Language.EN
) -> DeadlinesOut:
    """List open deadlines: overdue, due today and later."""
    clocks, platforms = _clocks(caller, services)
    return DeadlinesOut.of(clocks, platforms, services.clock(), language)


@router.get(
    ".ics",
    response_class=Response,
    responses={200: {"content": {"text/calendar": {}}}, **problems(422)},
)
def read_deadline_calendar(
    caller: AnalystDep, services: ServicesDep, language: Language = Language.EN
) -> Response:
    """Show the deadlines as a calendar to subscribe to. It names no URL and no case."""
    clocks, platforms = _clocks(caller, services)
    content = calendar_feed(
        clocks,
        now=services.clock(),
        name=_NAME[language],
        platforms=platforms,
        language=language,
    )
    return Response(content, media_type="text/calendar; charset=utf-8")


def _clocks(caller: Caller, services: Services) -> tuple[list[Countdown], dict[str, str]]:
    """Return all deadlines that are not met yet, and the name of each request's platform."""
    removal = services.removal
    views = removal.views(caller.organisation_id)
    services.record_list(
        caller.key_id, "request.list", "request.read", [each.request.id for each in views]
    )
    clocks = all_clocks(
        views, removal.context.letters.law, answer_within_h=services.settings.answer_within_h
    )
    known = names(removal.context.platforms.all(), {each.request.platform for each in views})
    platforms = {str(each.request.id): known[each.request.platform] for each in views}
    return [each for each in clocks if each.met_at is None], platforms
