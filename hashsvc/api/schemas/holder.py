"""What holders of cases send and are shown; they have no key, but a number and a PIN."""

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    StrictBool,
    StringConstraints,
    model_validator,
)

from hashsvc.api import holder_messages
from hashsvc.api.holder_messages import Message
from hashsvc.api.schemas.base import Body, OpaqueId
from hashsvc.api.schemas.cases import ContentOut, contents_of
from hashsvc.api.schemas.signatures import ContentIn
from hashsvc.bank import MAX_CONTENTS, HolderView, read_case_number
from hashsvc.removal import State
from hashsvc.store.holder_views import RequestState

TypedNumber = Annotated[
    str,
    StringConstraints(max_length=20),
    AfterValidator(read_case_number),
    Field(description="A case's number; case and dashes do not matter.", examples=["7K3M-X9QD-5"]),
]
Pin = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]{4}[ -]?[0-9]{4}$"),
    AfterValidator(lambda pin: pin.replace(" ", "").replace("-", "")),
    Field(description="The case's PIN.", examples=["40718263"], repr=False),
]


class HolderIn(Body):
    """What shows that somebody is the holder of a case."""

    number: TypedNumber
    pin: Pin


class HolderContentsIn(HolderIn):
    """Contents that a holder adds."""

    contents: list[ContentIn] = Field(min_length=1, max_length=MAX_CONTENTS)


class HolderWithdrawIn(HolderIn):
    """What a holder withdraws: one content, or the case with all of them."""

    content: OpaqueId | None = Field(None, description="The content; null for the whole case.")
    whole_case: StrictBool = Field(False, description="True to withdraw the whole case.")

    @model_validator(mode="after")
    def _is_clear(self) -> Self:
        if self.whole_case is (self.content is not None):
            raise ValueError("Either a content is named, or `whole_case` is true.")
        return self


class MessageOut(BaseModel):
    """A sentence for the holder, and what it takes to say it in another language."""

    key: str = Field(description="Which sentence it is.", examples=["request.gone"])
    values: dict[str, str] = Field(
        description="What is put into it.", examples=[{"platform": "example.org"}]
    )
    text: str = Field(description="The sentence in English.")

    @classmethod
    def of(cls, message: Message) -> "MessageOut":
        return cls(key=message.key, values=dict(message.values), text=message.text)


class HolderRequestOut(BaseModel):
    """A removal request, as the holder is told of it."""

    platform: str = Field(description="The host of the image's URL.", examples=["example.org"])
    state: State
    since: datetime = Field(description="When it came into this state.")
    message: MessageOut = Field(description="The state as a sentence for the holder.")

    @classmethod
    def of(cls, request: RequestState) -> "HolderRequestOut":
        return cls(
            platform=request.platform,
            state=State(request.state),
            since=request.since,
            message=MessageOut.of(holder_messages.of_request(request)),
        )


class HolderOut(BaseModel):
    """A case, as its holder is shown it."""

    opened_on: date
    ends_on: date | None = Field(
        description="The first day on which it is no more; null: until it is withdrawn."
    )
    ends_soon: bool = Field(description="Whether that is within a month.")
    contents: list[ContentOut]
    matches: dict[str, int] = Field(description="Matches by state.", examples=[{"confirmed": 1}])
    requests: list[HolderRequestOut] = Field(description="Removal requests, oldest first.")
    messages: list[MessageOut] = Field(description="Messages about the case as a whole.")

    @classmethod
    def of(cls, holding: HolderView) -> "HolderOut":
        case = holding.case
        return cls(
            opened_on=date.fromisoformat(case.opened_on),
            ends_on=date.fromisoformat(case.ends_on) if case.ends_on else None,
            ends_soon=case.ends_soon,
            contents=contents_of(case),
            matches=dict(holding.matches),
            requests=[HolderRequestOut.of(each) for each in holding.requests],
            messages=[MessageOut.of(each) for each in holder_messages.of_case(holding)],
        )


class RenewedOut(BaseModel):
    """The new end of a case."""

    ends_on: date = Field(description="The first day on which the case is no more.")
