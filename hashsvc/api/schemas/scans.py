"""Batches of reported URLs."""

from datetime import datetime
from typing import Annotated, Literal, cast

from pydantic import BaseModel, Field, StringConstraints

from hashsvc.api.schemas.base import Body, OpaqueId
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
