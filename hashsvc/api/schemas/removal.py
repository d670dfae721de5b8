"""Bodies of the routes for removal requests."""

import json
from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from hashsvc.api.schemas.base import Body, OpaqueId
from hashsvc.removal import Basis, Language, Outcome, RequestView, State
from hashsvc.removal.notices.fields import MAX_EXPLANATION, MAX_LINE
from hashsvc.store.mailings import Mailing
from hashsvc.store.notices import Notice
from hashsvc.store.requests import Event, Request

PlatformName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=300, pattern=r"^\S+$"),
    Field(description="An entry's id in the registry of platforms, or a host."),
]
Words = Annotated[str, StringConstraints(min_length=1, max_length=MAX_EXPLANATION)]
NoticeLanguage = Annotated[
    Language | None, Field(description="The notice's language; null: one that the channel takes.")
]


class RemovalIn(Body):
    """The confirmed match to raise a removal request for, and the actor to ask."""

    match: OpaqueId
    language: NoticeLanguage = None
    platform: PlatformName | None = Field(
        default=None, description="The actor to ask; null: the page's site."
    )
    basis: Basis | None = Field(
        default=None, description="The legal basis; null: one that the platform has a channel for."
    )


class MoveIn(Body):
    """The new state, when it came, and the reason."""

    to: State = Field(description="If it may not follow, the error names the states that may.")
    at: AwareDatetime | None = Field(default=None, description="When that was; null: now.")
    reason: Words | None = Field(
        default=None, description="The reason that the platform gave, or your own words."
    )


class ObservationIn(Body):
    """What an analyst saw with their own eyes, where a check cannot tell."""

    outcome: Outcome
    reason: Words = Field(description="How, for the record.")


class LetterIn(Body):
    """A complaint, a referral, or the annex to an order."""

    language: NoticeLanguage = None
    explanation: Words | None = Field(
        default=None, description="Words that the template does not have."
    )


class ElementIn(Body):
    """The words for one element of an order."""

    element: str = Field(
        pattern=r"^[a-z-]{1,60}$", description="Its id in the law data.", examples=["authority"]
    )
    text: str = Field(min_length=1, max_length=MAX_LINE, description="What to say of it.")


class OrderIn(LetterIn):
    """The annex to an order, and words for elements that otherwise are left to the court."""

    elements: list[ElementIn] = Field(default=[], max_length=20, description="Each element once.")


class NextIn(Body):
    """The actor to ask next about the same image."""

    platform: PlatformName | None = Field(
        default=None, description="Null: the next actor that was not asked yet."
    )


class SendIn(Body):
    """Whether to hand the notice to the mail server, or to show only what would be sent."""

    dry_run: bool = Field(default=True, description="Only show what would be sent.")


class SettlementIn(Body):
    """What you found out about a mail of which nobody knew whether it was sent."""

    was_sent: bool = Field(description="Whether the mail server took the notice.")
    reason: Words = Field(description="How you know, for the record.")


class SentOut(BaseModel):
    """The mail that was sent or, in a dry run, would be sent."""

    dry_run: bool = Field(description="True if the mail was only shown, not sent.")
    to: str = Field(description="The address of the channel.")
    subject: str = Field(description="Its first line.")
    size_bytes: int = Field(description="The size of the mail.")
    sha256: str = Field(description="Of the mail as it goes out.")


class EventOut(BaseModel):
    """One step of a removal request."""

    at: datetime = Field(description="When it happened; the audit log says when it was entered.")
    actor: str = Field(description="The key, or the part of the service, that did it.")
    state: State = Field(description="The request's state after it.")
    outcome: Outcome | None = Field(description="What a re-check saw; null for other steps.")
    reason: str | None = Field(description="The platform's reason, or an analyst's words.")
    facts: dict[str, Any] | None = Field(description="What servers answered to a re-check.")
    notice: OpaqueId | None = Field(description="The notice that the step made.")
    audit_entry: int | None = Field(
        description="Number of its entry in the audit log; null for steps before that was kept."
    )

    @classmethod
    def of(cls, event: Event) -> "EventOut":
        return cls(
            at=event.at,
            actor=event.actor,
            state=State(event.state),
            outcome=Outcome(event.outcome) if event.outcome else None,
            reason=event.reason,
            facts=json.loads(event.facts) if event.facts else None,
            notice=event.notice_id,
            audit_entry=event.audit_seq,
        )


class NoticeOut(BaseModel):
    """A notice that names a request."""

    notice: OpaqueId = Field(description="The notice's id, which is its reference too.")
    kind: str = Field(description="The kind of letter.", examples=["dsa-notice"])
    basis: Basis
    channel: str | None = Field(description="How it is handed in; null: no channel is known.")
    address: str | None = Field(description="Where it goes; null: not known.")
    language: Language
    final: bool = Field(description="True: the text is as it goes out. False: it is a draft.")
    made_with: dict[str, Any] | None = Field(
        description="Digest of its text, law data and template; null for a draft."
    )

    @classmethod
    def of(cls, notice: Notice) -> "NoticeOut":
        return cls(
            notice=notice.id,
            kind=notice.kind,
            basis=Basis(notice.basis),
            channel=notice.channel,
            address=notice.address,
            language=Language(notice.language),
            final=notice.fixed is not None,
            made_with=json.loads(notice.fixed) if notice.fixed else None,
        )


class MailingOut(BaseModel):
    """An attempt to mail the notice that asks for removal; its outcome is not on record."""

    request: OpaqueId = Field(description="The request for which the notice is mailed.")
    begun_by: str = Field(description="The key that asked for it.")
    begun_at: datetime = Field(description="Just before the mail server was contacted.")
    unsure_from: datetime = Field(
        description=(
            "From then on nobody is still mailing it, and nobody knows whether it was sent: find "
            "out, and settle it."
        )
    )

    @classmethod
    def of(cls, mailing: Mailing) -> "MailingOut":
        return cls(
            request=mailing.request_id,
            begun_by=mailing.begun_by,
            begun_at=mailing.begun_at,
            unsure_from=mailing.unsure_from,
        )


class RemovalBriefOut(BaseModel):
    """A removal request in a list."""

    request: OpaqueId
    state: State
    platform: str = Field(
        description="The actor that is asked: an entry's id in the registry, or a host.",
        examples=["example.org"],
    )
    page_url: str
    image_url: str
    created_at: datetime
    parent: OpaqueId | None = Field(description="The request that this one goes on from.")
    parent_reason: str | None = Field(
        description="Why this request goes on from its parent: `reappeared` or `escalated`."
    )
    next_check_at: datetime | None = Field(description="When the next check is due; null: none.")

    @classmethod
    def brief(cls, request: Request) -> "RemovalBriefOut":
        return cls(**_brief(request))


class RemovalOut(RemovalBriefOut):
    """A removal request, its notices, and its steps."""

    notice_text: str = Field(description="The text of the notice that asks for removal.")
    notices: list[NoticeOut] = Field(description="Oldest first.")
    mailing: MailingOut | None = Field(
        description="The attempt to mail the notice that has no outcome yet; null: none."
    )
    events: list[EventOut] = Field(description="Oldest first.")
    removed_after_s: float | None = Field(
        description=(
            "Seconds from the sending to the first check that did not find it; null until gone."
        )
    )

    @classmethod
    def of(cls, view: RequestView, notice_text: str) -> "RemovalOut":
        after = view.removed_after
        return cls(
            **_brief(view.request),
            notice_text=notice_text,
            notices=[NoticeOut.of(each) for each in view.notices],
            mailing=None if view.mailing is None else MailingOut.of(view.mailing),
            events=[EventOut.of(each) for each in view.events],
            removed_after_s=None if after is None else after.total_seconds(),
        )


class RecheckOut(BaseModel):
    """What one re-check saw, and the request after it."""

    outcome: Outcome
    request: RemovalOut


def _brief(request: Request) -> dict[str, Any]:
    return {
        "request": request.id,
        "state": State(request.state),
        "platform": request.platform,
        "page_url": request.page_url,
        "image_url": request.image_url,
        "created_at": request.created_at,
        "parent": request.parent_id,
        "parent_reason": request.link,
        "next_check_at": request.check_at,
    }
