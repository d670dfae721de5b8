"""What goes in and out of the API."""

import json
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from hashsvc.bank import MAX_SIGNALS, CaseView, NewContent, OpenedCase
from hashsvc.matching import MatchState, Tier
from hashsvc.removal import Outcome, RequestView, State
from hashsvc.scanning import MAX_URL_LENGTH, Progress, Submitted
from hashsvc.signals import Signal, Signature, View, ViewedSignal
from hashsvc.store.ids import PublicContentId
from hashsvc.store.keys import Key
from hashsvc.store.matches import Match
from hashsvc.store.requests import Request
from hashsvc.store.scans import Item

OpaqueId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$"), Field(examples=["0f" * 16])]
SignalText = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z]+[0-9]+:[0-9a-f]{16,64}$"),
    Field(description="A signal's text, `algorithm:hex`.", examples=["phash1:9f172786e71f1e00"]),
]


class _Body(BaseModel):
    """A request's body: unknown fields are refused, so that nothing is taken unseen."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(examples=["urn:hashsvc:unknowncase"])
    title: str
    status: int
    detail: str


class NewCaseIn(_Body):
    """The question asked before a case is opened."""

    adult: bool = Field(description="Whether the person shown was an adult in every image.")


class NewCaseOut(BaseModel):
    """A case's number and PIN; the PIN is shown this once."""

    number: str = Field(examples=["7K3M-X9QD-4"])
    pin: str = Field(examples=["40718263"])

    @classmethod
    def of(cls, opened: OpenedCase) -> "NewCaseOut":
        return cls(number=opened.number, pin=opened.pin)


class ViewedSignalIn(_Body):
    """A signal and the view it was made from."""

    signal: SignalText
    view: View


class SignatureIn(_Body):
    """The signals of one image, made on the sender's machine."""

    quality: int = Field(ge=0, le=100)
    signals: list[ViewedSignalIn] = Field(min_length=1, max_length=4 * MAX_SIGNALS)

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

    contents: list[ContentIn] = Field(min_length=1, max_length=100)


class ContentOut(BaseModel):
    """A content as its case shows it."""

    content: OpaqueId
    quality: int
    added_on: str


class CaseOut(BaseModel):
    """A case."""

    number: str
    opened_on: str
    contents: list[ContentOut]

    @classmethod
    def of(cls, case: CaseView) -> "CaseOut":
        return cls(
            number=case.number,
            opened_on=case.opened_on,
            contents=[
                ContentOut(content=each.content, quality=each.quality, added_on=each.added_on)
                for each in case.contents
            ],
        )


class LookupOut(BaseModel):
    """One content that a looked-up signature matches; the evidence is for analysts only."""

    tier: Tier
    evidence: dict[str, Any] | None = None


class ScanIn(_Body):
    """A batch of reported URLs."""

    urls: list[Annotated[str, StringConstraints(max_length=2 * MAX_URL_LENGTH)]] = Field(
        min_length=1
    )


class InvalidLine(BaseModel):
    """A line of a batch that is no URL, counted from 1, and the rule it breaks."""

    line: int
    rule: str


class ScanCreatedOut(BaseModel):
    """What became of a batch."""

    scan: OpaqueId
    accepted: int
    duplicates: int
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
    total: int
    finished: int
    items: dict[str, int] = Field(description="Items by state.")
    matches: dict[str, int] = Field(description="Matches by state.")

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

    id: int
    url: str
    state: str
    attempts: int
    reason: str | None
    images: int
    images_failed: int

    @classmethod
    def of(cls, item: Item) -> "ItemOut":
        return cls(
            id=item.id,
            url=item.url,
            state=item.state,
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
    why: str
    evidence: dict[str, Any]
    case: str
    content: OpaqueId
    page_url: str
    image_url: str
    image_sha256: str
    found_at: datetime
    reviewed_by: str | None
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

    confirmed: bool = Field(description="True: it is the image. False: it is another one.")


class RemovalIn(_Body):
    """The confirmed match to raise a removal request for."""

    match: OpaqueId


class MoveIn(_Body):
    """The state to go to."""

    to: State


class EventOut(BaseModel):
    """One step of a removal request."""

    at: datetime
    actor: str
    state: State
    outcome: Outcome | None


class RemovalBriefOut(BaseModel):
    """A removal request in a list."""

    request: OpaqueId
    state: State
    platform: str
    page_url: str
    image_url: str
    created_at: datetime

    @classmethod
    def brief(cls, request: Request) -> "RemovalBriefOut":
        return cls(**_brief(request))


class RemovalOut(RemovalBriefOut):
    """A removal request, its notice, and its steps."""

    notice: str
    events: list[EventOut]
    removed_after_s: float | None = Field(
        description="From the sending to the first check that did not find it; null until gone."
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

    role: str = Field(pattern="^(intake|analyst|scanner|admin)$")


class KeyOut(BaseModel):
    """A key, without its token."""

    key: OpaqueId
    role: str
    created_at: datetime
    revoked_at: datetime | None

    @classmethod
    def of(cls, key: Key) -> "KeyOut":
        return cls(key=key.id, role=key.role, created_at=key.created_at, revoked_at=key.revoked_at)


class NewKeyOut(BaseModel):
    """A new key and its token, which is shown this once."""

    key: OpaqueId
    role: str
    token: str


class HealthOut(BaseModel):
    """That the service is up."""

    status: str
    version: str


class AuditOut(BaseModel):
    """That the audit log's chain holds, and its length."""

    entries: int


def _brief(request: Request) -> dict[str, Any]:
    return {
        "request": request.id,
        "state": State(request.state),
        "platform": request.platform,
        "page_url": request.page_url,
        "image_url": request.image_url,
        "created_at": request.created_at,
    }
