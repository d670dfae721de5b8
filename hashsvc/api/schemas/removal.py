"""Removal requests."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from hashsvc.api.schemas.base import Body, OpaqueId
from hashsvc.removal import Language, Outcome, RequestView, State
from hashsvc.store.requests import Request


class RemovalIn(Body):
    """The confirmed match to raise a removal request for."""

    match: OpaqueId
    language: Language = Field(default=Language.EN, description="What the notice is written in.")


class MoveIn(Body):
    """The state to go to."""

    to: State = Field(description="If it may not follow, the answer names the states that may.")


class EventOut(BaseModel):
    """One step of a removal request."""

    at: datetime
    actor: str = Field(description="The key that did it.")
    state: State = Field(description="The request's state after it.")
    outcome: Outcome | None = Field(description="What a re-check saw; null for other steps.")


class RemovalBriefOut(BaseModel):
    """A removal request in a list."""

    request: OpaqueId
    state: State
    platform: str = Field(description="The host of the image's URL.", examples=["example.org"])
    page_url: str
    image_url: str
    created_at: datetime

    @classmethod
    def brief(cls, request: Request) -> "RemovalBriefOut":
        return cls(**_brief(request))


class RemovalOut(RemovalBriefOut):
    """A removal request, its notice, and its steps."""

    notice: str = Field(description="The notice's text, as it goes to the platform.")
    events: list[EventOut] = Field(description="Oldest first.")
    removed_after_s: float | None = Field(
        description=(
            "Seconds from the sending to the first check that did not find it; null until gone."
        )
    )

    @classmethod
    def of(cls, view: RequestView) -> "RemovalOut":
        after = view.removed_after
        return cls(
            **_brief(view.request),
            notice=view.request.notice,
            events=[
                EventOut(
                    at=each.at,
                    actor=each.actor,
                    state=State(each.state),
                    outcome=Outcome(each.outcome) if each.outcome else None,
                )
                for each in view.events
            ],
            removed_after_s=after.total_seconds() if after is not None else None,
        )


class RecheckOut(BaseModel):
    """What a re-check saw, and the request after it."""

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
    }
