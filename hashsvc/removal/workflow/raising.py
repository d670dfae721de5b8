"""
Raises removal requests. Each asks one actor to remove the image at one URL.

A request shares its notice with other requests of the same case to the same actor.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from hashsvc.bank import ConsentKind, find_case
from hashsvc.removal.errors import NotConfirmedError, NotPossibleError, RemovalError
from hashsvc.removal.history import RequestView, views_of
from hashsvc.removal.law.legal import Language
from hashsvc.removal.notices.facts import MOST_LOCATIONS, NoticeKind
from hashsvc.removal.platforms.entries import (
    ActorKind,
    Basis,
    Channel,
    Platform,
    Registry,
    platform_of,
)
from hashsvc.removal.platforms.registry import find, name_of
from hashsvc.removal.states import State
from hashsvc.removal.workflow.contacts import with_known_contact
from hashsvc.removal.workflow.context import RemovalContext
from hashsvc.removal.workflow.letters import KIND_FOR
from hashsvc.store import UnknownRowError, matches, notices, requests
from hashsvc.store.ids import CaseId, MatchId, NoticeId, OrganisationId, RequestId, random_id
from hashsvc.store.matches import Match
from hashsvc.store.notices import Notice
from hashsvc.store.requests import Request, Step, dedup_key_of

AUTOMATIC = "automatic"
"""The audit log names this actor for drafts that no person asked for."""

_TRY_AGAIN_AFTER = timedelta(hours=1)
_BASES = (Basis.DSA_NOTICE, Basis.OWN_RULES, Basis.ABUSE)
_HOSTS = frozenset({ActorKind.CDN, ActorKind.REGISTRAR})


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    How to raise a request. The registry of platforms decides each value that is None.

    Attributes:
        platform: An entry's id or a host; None for the site whose page shows the image.

        parent: The earlier request that the new one continues, and the link between them:
            "escalated" or "reappeared".
    """

    language: Language | None = None
    platform: str | None = None
    basis: Basis | None = None
    parent: tuple[RequestId, str] | None = None


def raise_request(
    context: RemovalContext,
    connection: Connection,
    match_id: MatchId,
    wanted: Wanted,
    *,
    actor: str,
    organisation_id: OrganisationId | None = None,
) -> RequestView:
    """
    Return the open request to an actor about a match. If there is none, raise and return a new one.

    Raises:
        UnknownRowError: If there is no such match.

        NotConfirmedError: If the match was not confirmed. An automatic draft is also allowed for a
            suspected match of tier `certain`.

        NoConsentError: If the person shown has not agreed that platforms may be asked.

        UnknownPlatformError: If the platform is neither an entry's id nor a host.
    """
    match = matches.by_id(connection, match_id, organisation_id)
    _check(match, actor)
    registry = context.platforms.registry(connection)
    platform = find(registry, wanted.platform) if wanted.platform else None
    name = _name(registry, match, platform)
    dedup_key = dedup_key_of(match.case, name, match.image_url)
    known = requests.by_dedup_key(connection, dedup_key)
    now = context.clock()
    if known is not None:
        if actor != AUTOMATIC:  # An automatic draft shows the request to nobody.
            context.record(connection, actor, "request.read", known.id, now)
        return context.view(connection, known.id)
    context.check_consent(connection, match.case, ConsentKind.NOTIFY)
    request = _new(match, name, wanted.parent or _came_back(connection, match, name), now)
    entry = with_known_contact(connection, platform or find(registry, name), now=now)
    like = _notice_like(context, connection, match, entry, name, wanted, now)
    notice, is_new = _draft(connection, like)
    seq = context.record(connection, actor, "request.raise", request.id, now)
    step = Step(now, actor, State.DRAFT, notice_id=notice.id, audit_seq=seq)
    if not requests.add(connection, request, step, dedup_key=dedup_key):
        raise NotPossibleError("Somebody else has just raised the same request.")
    if is_new:
        notices.add(connection, notice, [request.id])
    else:
        notices.add_request(connection, notice.id, request.id)
    return context.view(connection, request.id)


def _new(
    match: Match, platform: str, parent: tuple[RequestId, str] | None, now: datetime
) -> Request:
    return Request(
        id=RequestId(random_id()),
        match_id=match.id,
        platform=platform,
        page_url=match.page_url,
        image_url=match.image_url,
        state=State.DRAFT,
        created_at=now,
        organisation_id=match.organisation_id,
        parent_id=parent[0] if parent else None,
        link=parent[1] if parent else None,
        first_seen=match.found_at,
    )


class AutomaticDrafts:
    """Drafts requests for matches of tier `certain` that nobody has looked at yet."""

    def __init__(self, context: RemovalContext) -> None:
        self._context = context
        self._try_again_at: dict[MatchId, datetime] = {}

    def raise_certain(self) -> int:
        """
        Draft a request for every match of tier `certain` that has none; return the number drafted.

        For some matches no request can be drafted, for example because another request already
        names the same place. The service tries such a match again after an hour, and not sooner,
        because each attempt takes a write transaction.
        """
        context, now = self._context, self._context.clock()
        with context.database.read() as connection:
            found = requests.certain_without(connection)
        waiting = {each: at for each, at in self._try_again_at.items() if at > now}
        raised = 0
        for match_id in found:
            if match_id in waiting:
                continue
            try:
                with context.database.write() as connection:
                    view = raise_request(context, connection, match_id, Wanted(), actor=AUTOMATIC)
            except (RemovalError, UnknownRowError):
                waiting[match_id] = now + _TRY_AGAIN_AFTER
                continue
            if view.request.match_id == match_id:
                raised += 1
            else:  # Another content of the case was found at the same place.
                waiting[match_id] = now + _TRY_AGAIN_AFTER
        self._try_again_at = waiting
        return raised


def actors_of(registry: Registry, match: Match) -> list[str]:
    """
    Return the actors that can take an image down, in the order in which they are asked.

    The site whose page shows the image comes first, then the host of the image, then the search
    engines.
    """
    engines = [each.id for each in registry.platforms if each.kind is ActorKind.SEARCH_ENGINE]
    found = [name_of(registry, match.page_url), name_of(registry, match.image_url), *engines]
    return list(dict.fromkeys(found))


def _check(match: Match, actor: str) -> None:
    if actor == AUTOMATIC and match.state == "suspected" and match.tier == "certain":
        return
    if match.state != "confirmed":
        raise NotConfirmedError("A removal request needs a match that an analyst confirmed.")


def _name(registry: Registry, match: Match, platform: Platform | None) -> str:
    if platform is None:
        return name_of(registry, match.page_url)
    if not platform.draft:
        return platform.id
    # Name the host as the URL does, because the URL may have a port.
    hosts = [platform_of(match.page_url), platform_of(match.image_url)]
    return next((each for each in hosts if find(registry, each).id == platform.id), platform.name)


def _came_back(connection: Connection, match: Match, platform: str) -> tuple[RequestId, str] | None:
    """
    Return the earlier request after which this content was gone from the platform, and the link.

    Return None if there is no such request. A copy that was found while the earlier image was still
    up does not count as coming back.
    """
    before = requests.gone_before(connection, match.content_id, platform)
    for each in views_of(connection, before):
        if each.absent is not None and each.absent.at <= match.found_at:
            return each.request.id, "reappeared"
    return None


def _notice_like(
    context: RemovalContext,
    connection: Connection,
    match: Match,
    platform: Platform,
    name: str,
    wanted: Wanted,
    now: datetime,
) -> Notice:
    bases = (wanted.basis,) if wanted.basis else _bases(context)
    channel = platform.channel(*bases)
    basis = channel.basis if channel else (wanted.basis or Basis.DSA_NOTICE)
    if basis not in KIND_FOR:
        raise NotPossibleError("No notice has the basis order: write the annex to an order.")
    kind = NoticeKind.HOST if platform.kind in _HOSTS else KIND_FOR[basis]
    if kind is NoticeKind.TAKE_IT_DOWN and context.settings.signatory is None:
        raise NotPossibleError("A notice under the TAKE IT DOWN Act needs the setting signatory.")
    return Notice(
        id=NoticeId(random_id()),
        organisation_id=match.organisation_id,
        case_id=_case_of(connection, match),
        platform=name,
        kind=kind,
        basis=basis,
        channel=channel.type if channel else None,
        address=channel.address if channel else None,
        language=wanted.language or _language(channel),
        created_at=now,
    )


def _bases(context: RemovalContext) -> tuple[Basis, ...]:
    # A notice that needs a signature is chosen only if there is somebody to sign it.
    return (*_BASES, Basis.TAKE_IT_DOWN) if context.settings.signatory else _BASES


def _language(channel: Channel | None) -> Language:
    known = set(Language)
    spoken = channel.languages if channel else ()
    return next((Language(each) for each in spoken if each in known), Language.EN)


def _case_of(connection: Connection, match: Match) -> CaseId:
    return find_case(connection, match.case).id


def _draft(connection: Connection, like: Notice) -> tuple[Notice, bool]:
    """Return the draft notice for the request, and whether it is new."""
    found = notices.draft_for(connection, like, most=MOST_LOCATIONS)
    return (like, True) if found is None else (found, False)
