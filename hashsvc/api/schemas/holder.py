"""Schemas for holders' calls. Holders identify by case number and PIN, not by an API key."""

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
    Field(
        description="The case number. Upper or lower case and dashes do not matter.",
        examples=["7K3M-X9QD-5"],
    ),
]
Pin = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]{4}[ -]?[0-9]{4}$"),
    AfterValidator(lambda pin: pin.replace(" ", "").replace("-", "")),
    Field(description="The case's PIN.", examples=["40718263"], repr=False),
]


class HolderIn(Body):
    """Case number and PIN: they show that the caller is the holder."""

    number: TypedNumber
    pin: Pin


class HolderContentsIn(HolderIn):
    """Contents for a holder to add."""

    contents: list[ContentIn] = Field(
        min_length=1,
        max_length=MAX_CONTENTS,
        description="The contents to add. If one is refused, none is added.",
    )


class HolderWithdrawIn(HolderIn):
    """What a holder withdraws: one content or the whole case."""

    content: OpaqueId | None = Field(
        None, description="The content to withdraw. Null if `whole_case` is true."
    )
    whole_case: StrictBool = Field(False, description="True to withdraw the whole case.")

    @model_validator(mode="after")
    def _names_one_target(self) -> Self:
        if self.whole_case is (self.content is not None):
            raise ValueError("Name a content, or set `whole_case` to true, but not both.")
        return self


class MessageOut(BaseModel):
    """A message for the holder, with a key and values for its translation."""

    key: str = Field(description="The message's key.", examples=["request.gone"])
    values: dict[str, str] = Field(
        description="The values that the text contains.", examples=[{"platform": "example.org"}]
    )
    text: str = Field(description="The message in English.")

    @classmethod
    def of(cls, message: Message) -> "MessageOut":
        return cls(key=message.key, values=dict(message.values), text=message.text)


class HolderRequestOut(BaseModel):
    """A removal request, as its holder sees it."""

    platform: str = Field(description="The host of the image's URL.", examples=["example.org"])
    state: State
    since: datetime = Field(description="When the request entered this state.")
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
    """A case, as its holder sees it."""

    opened_on: date
    ends_on: date | None = Field(
        description="The day on which the case is deleted. Null: it stays until it is withdrawn."
    )
    ends_soon: bool = Field(description="True if the case ends within a month.")
    contents: list[ContentOut]
    matches: dict[str, int] = Field(
        description="Number of matches in each state.", examples=[{"confirmed": 1}]
    )
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
    """The new end date of a case."""

    ends_on: date = Field(description="The day on which the case is deleted.")
