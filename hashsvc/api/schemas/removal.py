"""Schemas for removal requests, their notices and their steps."""

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
    StringConstraints(min_length=1, max_length=300, pattern=r"^[^\s\x00-\x1f\x7f]+$"),
    Field(description="An entry's id in the registry of platforms, or a host."),
]
Words = Annotated[str, StringConstraints(min_length=1, max_length=MAX_EXPLANATION)]
NoticeLanguage = Annotated[
    Language | None,
    Field(description="Language of the document. Null: the channel's preferred one."),
]


class RemovalIn(Body):
    """The confirmed match to raise a removal request for, and the platform to ask."""

    match: OpaqueId
    language: NoticeLanguage = None
    platform: PlatformName | None = Field(
        default=None, description="The platform to ask. Null: the site of the page."
    )
    basis: Basis | None = Field(
        default=None,
        description="Legal basis of the request. Null: one that the platform has a channel for.",
    )


class MoveIn(Body):
    """The next state of a removal request, and when and why it was reached."""

    to: State = Field(
        description="The next state. If it is not allowed now, the error lists the states that are."
    )
    at: AwareDatetime | None = Field(default=None, description="When it happened. Null: now.")
    reason: Words | None = Field(
        default=None, description="The reason that the platform gave, or your own explanation."
    )


class ObservationIn(Body):
    """What an analyst saw on the page, for images that a re-check cannot see."""

    outcome: Outcome
    reason: Words = Field(description="How you checked, for the record.")


class LetterIn(Body):
    """A complaint, a referral, or the annex to an order."""

    language: NoticeLanguage = None
    explanation: Words | None = Field(default=None, description="Text to add to the template.")


class ElementIn(Body):
    """Text for one element of an order."""

    element: str = Field(
        pattern=r"^[a-z-]{1,60}$",
        description="The element's id in the law data.",
        examples=["authority"],
    )
    text: str = Field(min_length=1, max_length=MAX_LINE, description="Text of the element.")


class OrderIn(LetterIn):
    """The annex to an order. Elements that are not given here are left to the court."""

    elements: list[ElementIn] = Field(
        default=[],
        max_length=20,
        description="Elements to fill in. Name each element at most once.",
    )


class NextIn(Body):
    """The next platform to ask about the same image."""

    platform: PlatformName | None = Field(
        default=None, description="The platform to ask. Null: the next one that was not asked yet."
    )


class SendIn(Body):
    """Whether to send the notice by e-mail or only to show the e-mail."""

    dry_run: bool = Field(default=True, description="True: show the e-mail and do not send it.")


class SettlementIn(Body):
    """What you found out about a mail that may or may not have been sent."""

    was_sent: bool = Field(description="Whether the mail server took the notice.")
    reason: Words = Field(description="How you know, for the record.")


class SentOut(BaseModel):
    """The e-mail that was sent, or would be sent."""

    dry_run: bool = Field(description="True: the e-mail was not sent.")
    to: str = Field(description="The channel's address.")
    subject: str = Field(description="Subject of the e-mail.")
    size_bytes: int = Field(description="Size of the e-mail.")
    sha256: str = Field(description="SHA-256 of the e-mail as it is sent.")


class EventOut(BaseModel):
    """One step of a removal request."""

    at: datetime = Field(
        description="When the step happened. The audit log says when it was recorded."
    )
    actor: str = Field(
        description="The key that took the step, or the part of the service that did."
    )
    state: State = Field(description="The request's state after the step.")
    outcome: Outcome | None = Field(
        description="Outcome of a re-check or observation. Null for other steps."
    )
    reason: str | None = Field(description="The platform's reason, or the analyst's explanation.")
    facts: dict[str, Any] | None = Field(
        description="Facts from the servers' responses to a re-check."
    )
    notice: OpaqueId | None = Field(
        description="The notice that the step created. Null if it created none."
    )
    audit_entry: int | None = Field(
        description="Number of its entry in the audit log. Null: the step was taken before such "
        "numbers were kept."
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
    """A notice that names the request, perhaps among others."""

    notice: OpaqueId = Field(description="Id of the notice. The notice quotes it as its reference.")
    kind: str = Field(description="Kind of document.", examples=["dsa-notice"])
    basis: Basis
    channel: str | None = Field(
        description="Channel type, for example e-mail. Null: no channel is known."
    )
    address: str | None = Field(description="The channel's address. Null: not known.")
    language: Language
    final: bool = Field(description="True: the text can no longer change. False: it is a draft.")
    made_with: dict[str, Any] | None = Field(
        description="Digests of the text, the law data and the template. Null for a draft."
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
    begun_by: str = Field(description="The key that asked for the mailing.")
    begun_at: datetime = Field(description="The time just before the mail server was contacted.")
    unsure_from: datetime = Field(
        description=(
            "From this time on, no process is still mailing the notice. The service does not know "
            "whether it was sent: find out, and settle the mail."
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
    """A removal request, as lists show it."""

    request: OpaqueId
    state: State
    platform: str = Field(
        description="The platform asked: an entry's id in the registry, or a host.",
        examples=["example.org"],
    )
    page_url: str
    image_url: str
    created_at: datetime
    parent: OpaqueId | None = Field(description="The request that this one continues. Null: none.")
    parent_reason: str | None = Field(
        description="Why it continues its parent: `reappeared` or `escalated`. Null: no parent."
    )
    next_check_at: datetime | None = Field(
        description="When the next re-check is due. Null: none is planned."
    )

    @classmethod
    def brief(cls, request: Request) -> "RemovalBriefOut":
        return cls(**_brief(request))


class RemovalOut(RemovalBriefOut):
    """A removal request with its notices and its steps."""

    notice_text: str = Field(description="The text of the notice that asks for removal.")
    notices: list[NoticeOut] = Field(description="Its notices, oldest first.")
    mailing: MailingOut | None = Field(
        description="An attempt to mail the notice, if its outcome is not on record. Null: none."
    )
    events: list[EventOut] = Field(description="Its steps, oldest first.")
    removed_after_s: float | None = Field(
        description=(
            "Seconds from sending to the first re-check that did not find the image. "
            "Null until it is gone."
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
    """The outcome of a re-check, and the request after it."""

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
