"""Removal requests: drafts, sending, re-checks, and the steps after a refusal."""

from typing import Annotated

from fastapi import APIRouter, Query, Response, status

from hashsvc.api.auth import AnalystDep, ServicesDep
from hashsvc.api.routes import problems
from hashsvc.api.schemas.base import Limit, OpaqueId
from hashsvc.api.schemas.removal import (
    LetterIn,
    MoveIn,
    NextIn,
    ObservationIn,
    OrderIn,
    PlatformName,
    RecheckOut,
    RemovalBriefOut,
    RemovalIn,
    RemovalOut,
    SendIn,
    SentOut,
    SettlementIn,
)
from hashsvc.api.services import Services
from hashsvc.removal import FORMATS, RequestView, State
from hashsvc.store.ids import MatchId, NoticeId, RequestId

router = APIRouter(prefix="/v1/removal-requests", tags=["removal requests"])

_MEDIA: dict[str, dict[str, str]] = {media: {} for media in sorted(set(FORMATS.values()))}


@router.post("", status_code=status.HTTP_201_CREATED, responses=problems(404, 409, 422))
def raise_removal_request(body: RemovalIn, caller: AnalystDep, services: ServicesDep) -> RemovalOut:
    """
    Draft the removal request for a confirmed match. A second call shows the same request.

    If the case already has a draft notice to the platform, the request is added to it.
    """
    made = services.removal.raise_for(
        MatchId(body.match),
        actor=caller.key_id,
        organisation_id=caller.organisation_id,
        language=body.language,
        platform=body.platform,
        basis=body.basis,
    )
    return _shown(made, services)


@router.get("", responses=problems(422))
def list_removal_requests(
    caller: AnalystDep,
    services: ServicesDep,
    state: Annotated[State | None, Query(description="List only requests in this state.")] = None,
    platform: Annotated[
        PlatformName | None, Query(description="List only requests to this platform.")
    ] = None,
    mailing: Annotated[
        str | None,
        Query(
            pattern="^unsure$",
            description="List only requests with a mail that may or may not have been sent.",
        ),
    ] = None,
    limit: Limit = 100,
) -> list[RemovalBriefOut]:
    """List removal requests, newest first."""
    found = services.removal.search(
        state=state,
        limit=limit,
        organisation_id=caller.organisation_id,
        platform=platform,
        unsure=mailing is not None,
    )
    ids = [each.id for each in found]
    services.record_list(caller.key_id, "request.list", "request.read", ids)
    return [RemovalBriefOut.brief(each) for each in found]


@router.get("/{request}", responses=problems(404, 422))
def read_removal_request(
    request: OpaqueId, caller: AnalystDep, services: ServicesDep
) -> RemovalOut:
    """Show a removal request with its notices and its steps."""
    view = services.removal.view(
        RequestId(request), actor=caller.key_id, organisation_id=caller.organisation_id
    )
    return _shown(view, services)


@router.get(
    "/{request}/notice",
    response_class=Response,
    responses={200: {"content": _MEDIA}, **problems(404, 409, 422)},
)
def read_notice(
    request: OpaqueId,
    caller: AnalystDep,
    services: ServicesDep,
    form: Annotated[
        str,
        Query(alias="format", pattern=f"^({'|'.join(FORMATS)})$", description="Document format."),
    ] = "text",
    notice: Annotated[
        OpaqueId | None,
        Query(description="Id of one of its notices. Default: the one that asks for removal."),
    ] = None,
) -> Response:
    """Show a notice as a document. A draft is shown as it would be sent now."""
    document = services.removal.document(
        RequestId(request),
        form,
        notice_id=None if notice is None else NoticeId(notice),
        actor=caller.key_id,
        organisation_id=caller.organisation_id,
    )
    return Response(document, media_type=FORMATS[form])


@router.post("/{request}/moves", responses=problems(404, 409, 422))
def move_removal_request(
    request: OpaqueId, body: MoveIn, caller: AnalystDep, services: ServicesDep
) -> RemovalOut:
    """
    Move a request to its next state, such as approved, sent, receipted or refused.

    A move that concerns the whole notice moves all requests on it.
    """
    moved = services.removal.move(
        RequestId(request),
        body.to,
        actor=caller.key_id,
        organisation_id=caller.organisation_id,
        at=body.at,
        reason=body.reason,
    )
    return _shown(moved, services)


@router.post("/{request}/mails", responses=problems(404, 409, 422, 502))
def mail_notice(
    request: OpaqueId, body: SendIn, caller: AnalystDep, services: ServicesDep
) -> SentOut:
    """
    Hand an approved notice to the mail server, or only show the e-mail.

    If the server takes the notice, its requests move to sent. If the answer to this call is of type
    `urn:hashsvc:unsure-sending`, or there is no answer, the notice may have been sent: see
    `mailing` of the request. Nothing is sent again until you settle the mail.
    """
    mail = services.removal.mail(
        RequestId(request),
        dry_run=body.dry_run,
        actor=caller.key_id,
        organisation_id=caller.organisation_id,
    )
    return SentOut(
        dry_run=body.dry_run,
        to=mail.to,
        subject=mail.subject,
        size_bytes=mail.size,
        sha256=mail.sha256,
    )


@router.post("/{request}/mail-settlements", responses=problems(404, 409, 422))
def settle_mail(
    request: OpaqueId, body: SettlementIn, caller: AnalystDep, services: ServicesDep
) -> RemovalOut:
    """
    Say whether a notice was sent, if the service has no record of that.

    If the notice was sent, the time of sending is the time when its mailing began. If it was not
    sent, it may be mailed again.
    """
    view = services.removal.mailer.settle(
        RequestId(request),
        was_sent=body.was_sent,
        reason=body.reason,
        actor=caller.key_id,
        organisation_id=caller.organisation_id,
    )
    return _shown(view, services)


@router.post("/{request}/rechecks", responses=problems(404, 409, 422))
def recheck_removal_request(
    request: OpaqueId, caller: AnalystDep, services: ServicesDep
) -> RecheckOut:
    """Check now whether the image is still there. Two checks, some time apart, prove it gone."""
    outcome, view = services.removal.rechecks.check(
        RequestId(request), actor=caller.key_id, organisation_id=caller.organisation_id
    )
    return RecheckOut(outcome=outcome, request=_shown(view, services))


@router.post("/{request}/observations", responses=problems(404, 409, 422))
def record_observation(
    request: OpaqueId, body: ObservationIn, caller: AnalystDep, services: ServicesDep
) -> RemovalOut:
    """Record what you saw on the page yourself. It counts as one re-check."""
    view = services.removal.rechecks.observe(
        RequestId(request),
        body.outcome,
        reason=body.reason,
        actor=caller.key_id,
        organisation_id=caller.organisation_id,
    )
    return _shown(view, services)


@router.post("/{request}/complaints", responses=problems(404, 409, 422))
def write_complaint(
    request: OpaqueId, body: LetterIn, caller: AnalystDep, services: ServicesDep
) -> RemovalOut:
    """Write the internal complaint to the platform (DSA Article 20)."""
    view = services.removal.remedies.complain(
        RequestId(request),
        language=body.language,
        explanation=body.explanation,
        actor=caller.key_id,
        organisation_id=caller.organisation_id,
    )
    return _shown(view, services)


@router.post("/{request}/referrals", responses=problems(404, 409, 422))
def write_referral(
    request: OpaqueId, body: LetterIn, caller: AnalystDep, services: ServicesDep
) -> RemovalOut:
    """
    Write the referral to the Digital Services Coordinator.

    A referral is the complaint about the platform under article 53 of the DSA.
    """
    view = services.removal.remedies.refer(
        RequestId(request),
        language=body.language,
        explanation=body.explanation,
        actor=caller.key_id,
        organisation_id=caller.organisation_id,
    )
    return _shown(view, services)


@router.post("/{request}/orders", responses=problems(404, 409, 422))
def write_order_annex(
    request: OpaqueId, body: OrderIn, caller: AnalystDep, services: ServicesDep
) -> RemovalOut:
    """Write the annex to a court order about a case's images."""
    view = services.removal.remedies.seek_order(
        RequestId(request),
        language=body.language,
        explanation=body.explanation,
        known={each.element: each.text for each in body.elements},
        actor=caller.key_id,
        organisation_id=caller.organisation_id,
    )
    return _shown(view, services)


@router.post(
    "/{request}/escalations",
    status_code=status.HTTP_201_CREATED,
    responses=problems(404, 409, 422),
)
def escalate_removal_request(
    request: OpaqueId, body: NextIn, caller: AnalystDep, services: ServicesDep
) -> RemovalOut:
    """Draft the request to the next actor that can take the image down."""
    view = services.removal.remedies.ask_next(
        RequestId(request),
        platform=body.platform,
        actor=caller.key_id,
        organisation_id=caller.organisation_id,
    )
    return _shown(view, services)


def _shown(view: RequestView, services: Services) -> RemovalOut:
    return RemovalOut.of(view, services.removal.text_of(view))
