"""Batches of reported URLs."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal, cast

from pydantic import BaseModel, Field, StringConstraints

from hashsvc.api.schemas.base import Body, CaseNumber, OpaqueId
from hashsvc.matching import MatchState, Tier
from hashsvc.scanning import MAX_URL_LENGTH, Progress, Submitted
from hashsvc.store.scans import Item

ItemState = Literal["queued", "leased", "done", "failed", "dead", "cancelled"]


class ScanIn(Body):
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
    invalid_lines: list[InvalidLine] = Field(
        description="Lines that are no URL. They are not scanned; the others are."
    )

    @classmethod
    def of(cls, submitted: Submitted) -> "ScanCreatedOut":
        return cls(
            scan=submitted.scan_id,
            accepted=submitted.accepted,
            duplicates=submitted.duplicates,
            invalid_lines=[InvalidLine(line=line, rule=rule) for line, rule in submitted.invalid],
        )


class ScanOut(BaseModel):
    """How far a scan is."""

    scan: OpaqueId
    created_at: datetime
    cancelled: bool
    total: int = Field(description="All URLs of the scan.")
    finished: int = Field(description="URLs of which nothing more will come.")
    items: dict[str, int] = Field(description="URLs by state.", examples=[{"done": 12}])
    matches: dict[str, int] = Field(
        description="Matches that it found first, by state.", examples=[{"suspected": 1}]
    )
    duplicates: int = Field(description="Lines of the batch that named a URL a second time.")
    invalid: int = Field(description="Lines of the batch that were no URL.")
    watch: OpaqueId | None = Field(description="The watch that made it; null if none did.")

    @classmethod
    def of(cls, progress: Progress) -> "ScanOut":
        scan = progress.scan
        return cls(
            scan=scan.id,
            created_at=scan.created_at,
            cancelled=scan.cancelled_at is not None,
            total=progress.total,
            finished=progress.finished,
            items=progress.items,
            matches=progress.matches,
            duplicates=scan.duplicates,
            invalid=sum(map(len, scan.invalid.values())),
            watch=scan.watch_id,
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


class SightingOut(BaseModel):
    """A match that a scan has seen at one of its URLs."""

    match: OpaqueId
    new: bool = Field(description="False when an earlier scan had reported it.")
    tier: Tier
    state: MatchState
    why: str = Field(description="The evidence in a sentence.")
    case: CaseNumber
    content: OpaqueId
    image_url: str
    image_sha256: str = Field(description="Of the bytes that were found at first.")
    found_at: datetime


class ResultOut(ItemOut):
    """What became of one URL of a scan."""

    finished_at: datetime | None = Field(description="Null while it is not finished.")
    matches: list[SightingOut] | None = Field(
        description="Suspected re-uploads there, of the organisation's cases; null for scanners."
    )

    @classmethod
    def with_matches(cls, item: Item, matches: Iterable[SightingOut] | None) -> "ResultOut":
        return cls(
            **ItemOut.of(item).model_dump(),
            finished_at=item.finished_at,
            matches=None if matches is None else list(matches),
        )
