"""What goes in and out of the API."""

import json
from datetime import date, datetime
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints

from hashsvc.api.auth import Role
from hashsvc.bank import MAX_CONTENTS, CaseView, NewContent, OpenedCase
from hashsvc.matching import MatchState, Tier
from hashsvc.removal import Outcome, RequestView, State
from hashsvc.scanning import MAX_URL_LENGTH, Progress, Submitted
from hashsvc.signals import Signal, Signature, View, ViewedSignal
from hashsvc.store.ids import PublicContentId
from hashsvc.store.keys import Key
from hashsvc.store.matches import Match
from hashsvc.store.requests import Request
from hashsvc.store.scans import Item

# A candidate has 400 regions in two directions, and as many mirrored, beside its whole views.
_MAX_LOOKED_UP = 3_500

OpaqueId = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f]{32}$"),
    Field(description="A random id, 32 hexadecimal digits.", examples=["0f" * 16]),
]
CaseNumber = Annotated[str, Field(description="A case's number.", examples=["7K3M-X9QD-5"])]
Quality = Annotated[
    int,
    Field(ge=0, le=100, description="PDQ's measure of detail; below 50 an image is too plain."),
]
Evidence = Annotated[
    dict[str, Any],
    Field(description="The tier, why, and the distance of each algorithm and view; no signal."),
]
Limit = Annotated[int, Field(ge=1, le=1000, description="Most that are listed.")]
ItemState = Literal["queued", "leased", "done", "failed", "dead", "cancelled"]
SignalText = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z]+[0-9]+:[0-9a-f]{16,64}$"),
    Field(description="A signal's text, `algorithm:hex`.", examples=["phash1:9f172786e71f1e00"]),
]


class _Body(BaseModel):
    """A request's body: unknown fields are refused, so that nothing is taken unseen."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class NewCaseIn(_Body):
    """The question asked before a case is opened."""

    adult: StrictBool = Field(description="Whether the person shown was an adult in every image.")


class NewCaseOut(BaseModel):
    """A case's number and PIN; the PIN is shown this once."""

    number: CaseNumber
    pin: str = Field(description="Shown this once.", examples=["40718263"])

    @classmethod
    def of(cls, opened: OpenedCase) -> "NewCaseOut":
        return cls(number=opened.number, pin=opened.pin)


class ViewedSignalIn(_Body):
    """A signal and the view it was made from."""

    signal: SignalText
    view: View = Field(description="Contents have `whole` only; lookups may have every view.")


class SignatureIn(_Body):
    """The signals of one image, made on the sender's machine."""

    quality: Quality
    signals: list[ViewedSignalIn] = Field(min_length=1, max_length=_MAX_LOOKED_UP)

    def signature(self) -> Signature:
        """Return the signature; raises SignalFormatError for an unknown algorithm or width."""
        return Signature(
            self.quality,
            tuple(ViewedSignal(Signal.parse(each.signal), each.view) for each in self.signals),
        )


class ContentIn(SignatureIn):
    """One image of a case: its random id and its signature."""

    content: OpaqueId

    def new_content(self) -> NewContent:
        """Return the content as the bank takes it."""
        return NewContent(PublicContentId(self.content), self.signature())


class ContentsIn(_Body):
    """Contents to add: all of them, or none when one is refused."""

    contents: list[ContentIn] = Field(min_length=1, max_length=MAX_CONTENTS)


class ContentOut(BaseModel):
    """A content as its case shows it."""

    content: OpaqueId
    quality: Quality
    added_on: date


class CaseOut(BaseModel):
    """A case."""

    number: CaseNumber
    opened_on: date
    contents: list[ContentOut]

    @classmethod
    def of(cls, case: CaseView) -> "CaseOut":
        return cls(
            number=case.number,
            opened_on=date.fromisoformat(case.opened_on),
            contents=[
                ContentOut(
                    content=each.content,
                    quality=each.quality,
                    added_on=date.fromisoformat(each.added_on),
                )
                for each in case.contents
            ],
        )


class LookupOut(BaseModel):
    """One content that a looked-up signature matches; which one is not told."""

    tier: Tier
    evidence: Evidence | None = Field(description="Null unless the key is an analyst's.")


class ScanIn(_Body):
    """A batch of reported URLs."""

    urls: list[Annotated[str, StringConstraints(max_length=2 * MAX_URL_LENGTH)]] = Field(
        min_length=1,
        description="http or https URLs, of pages or of images.",
        examples=[["https://example.org/page"]],
    )


class InvalidLine(BaseModel):
    """A line of a batch that is no URL, counted from 1, and the rule it breaks."""

    line: int
    rule: str = Field(examples=["A URL begins with http:// or https://."])


class ScanCreatedOut(BaseModel):
    """What became of a batch."""

    scan: OpaqueId
    accepted: int = Field(description="URLs to be scanned.")
    duplicates: int = Field(description="Lines that name a URL a second time.")
    invalid: list[InvalidLine]

    @classmethod
    def of(cls, submitted: Submitted) -> "ScanCreatedOut":
        return cls(
            scan=submitted.scan_id,
            accepted=submitted.accepted,
            duplicates=submitted.duplicates,
            invalid=[InvalidLine(line=line, rule=rule) for line, rule in submitted.invalid],
        )


class ScanOut(BaseModel):
    """How far a scan is."""

    scan: OpaqueId
    created_at: datetime
    cancelled: bool
    total: int = Field(description="All URLs of the scan.")
    finished: int = Field(description="URLs of which nothing more will come.")
    items: dict[str, int] = Field(description="URLs by state.", examples=[{"done": 12}])
    matches: dict[str, int] = Field(description="Matches by state.", examples=[{"suspected": 1}])

    @classmethod
    def of(cls, progress: Progress) -> "ScanOut":
        return cls(
            scan=progress.scan.id,
            created_at=progress.scan.created_at,
            cancelled=progress.scan.cancelled_at is not None,
            total=progress.total,
            finished=progress.finished,
            items=progress.items,
            matches=progress.matches,
        )


class ItemOut(BaseModel):
    """One URL of a scan."""

    id: int = Field(description="Grows along the list; `after` takes it.")
    url: str
    state: ItemState = Field(description="What is `failed` is tried again, what is `dead` not.")
    attempts: int = Field(description="How often it was tried.")
    reason: str | None = Field(
        description="Why it failed; null if it did not.", examples=["timeout"]
    )
    images: int = Field(description="Images looked at.")
    images_failed: int = Field(description="Images that could not be looked at.")

    @classmethod
    def of(cls, item: Item) -> "ItemOut":
        return cls(
            id=item.id,
            url=item.url,
            state=cast("ItemState", item.state),
            attempts=item.attempts,
            reason=item.reason,
            images=item.images,
            images_failed=item.images_failed,
        )


class MatchOut(BaseModel):
    """A suspected re-upload."""

    match: OpaqueId
    state: MatchState
    tier: Tier
    why: str = Field(description="The evidence in a sentence.")
    evidence: Evidence
    case: CaseNumber
    content: OpaqueId
    page_url: str = Field(description="The reported URL.")
    image_url: str = Field(description="The image there; the page's own URL if that is an image.")
    image_sha256: str = Field(description="Of the bytes that were found.", examples=["0f" * 32])
    found_at: datetime
    reviewed_by: OpaqueId | None = Field(description="The key that gave the verdict.")
    reviewed_at: datetime | None

    @classmethod
    def of(cls, match: Match) -> "MatchOut":
        evidence = json.loads(match.evidence)
        return cls(
            match=match.id,
            state=MatchState(match.state),
            tier=Tier(match.tier),
            why=evidence["why"],
            evidence=evidence,
            case=match.case,
            content=match.content,
            page_url=match.page_url,
            image_url=match.image_url,
            image_sha256=match.image_sha256.hex(),
            found_at=match.found_at,
            reviewed_by=match.reviewed_by,
            reviewed_at=match.reviewed_at,
        )


class VerdictIn(_Body):
    """What an analyst says of a match."""

    confirmed: StrictBool = Field(description="True: it is the image. False: it is another one.")


class RemovalIn(_Body):
    """The confirmed match to raise a removal request for."""

    match: OpaqueId


class MoveIn(_Body):
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


class KeyIn(_Body):
    """The role of a new key."""

    role: Role


class KeyOut(BaseModel):
    """A key, without its token."""

    key: OpaqueId
    role: Role
    created_at: datetime
    revoked_at: datetime | None = Field(description="Null while the key is good.")

    @classmethod
    def of(cls, key: Key) -> "KeyOut":
        return cls(
            key=key.id,
            role=Role(key.role),
            created_at=key.created_at,
            revoked_at=key.revoked_at,
        )


class NewKeyOut(BaseModel):
    """A new key and its token, which is shown this once."""

    key: OpaqueId
    role: Role
    token: str = Field(description="Shown this once.", examples=["hsk_…"])


class HealthOut(BaseModel):
    """That the service is up."""

    status: Literal["up"]
    version: str


class AuditOut(BaseModel):
    """That the audit log's chain holds, and its length."""

    entries: int = Field(description="How many there are; all follow from one another.")


def _brief(request: Request) -> dict[str, Any]:
    return {
        "request": request.id,
        "state": State(request.state),
        "platform": request.platform,
        "page_url": request.page_url,
        "image_url": request.image_url,
        "created_at": request.created_at,
    }
