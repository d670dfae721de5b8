"""Schemas for scans (batches of reported URLs), their items and their results."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal, cast

from pydantic import BaseModel, Field, StringConstraints

from hashsvc.api.schemas.base import Body, CaseNumber, LongList, OpaqueId
from hashsvc.matching import MatchState, Tier
from hashsvc.scanning import MAX_URL_LENGTH, Progress, Submitted
from hashsvc.store.scans import Item
from hashsvc.store.tallies import Tally

_ICONS = "Number of icons that were left out."
_OVER_LIMIT = "Number of images and films left out because a page has more than the limit."
_FRAMES = "Number of frames of pages that were not read, or only in part."
_PARTS = "Number of linked pages and style sheets that were not read, and of pages read in part."
_PICTURES = (
    "Number of frames of animations and sections of long images that were not examined, because an "
    "image has too many."
)
ItemState = Literal["queued", "leased", "done", "failed", "dead", "cancelled"]


class ScanIn(Body):
    """A batch of reported URLs."""

    urls: LongList[Annotated[str, StringConstraints(max_length=2 * MAX_URL_LENGTH)]] = Field(
        min_length=1,
        description="URLs of pages or images. Each begins with http:// or https://.",
        examples=[["https://example.org/page"]],
    )


class InvalidLine(BaseModel):
    """A line of a batch that is not a valid URL."""

    line: int = Field(description="The line's number. The first line is 1.")
    rule: str = Field(
        description="The rule that the line breaks.",
        examples=["A URL begins with http:// or https://."],
    )


class ScanCreatedOut(BaseModel):
    """The new scan, and what became of each line of the batch."""

    scan: OpaqueId
    accepted: int = Field(description="Number of URLs that will be scanned.")
    duplicates: int = Field(description="Number of lines that repeat a URL.")
    invalid_lines: list[InvalidLine] = Field(
        description="Lines that are not valid URLs. They are not scanned; the others are."
    )

    @classmethod
    def of(cls, submitted: Submitted) -> "ScanCreatedOut":
        return cls(
            scan=submitted.scan_id,
            accepted=submitted.accepted,
            duplicates=submitted.duplicates,
            invalid_lines=[InvalidLine(line=line, rule=rule) for line, rule in submitted.invalid],
        )


class TallyOut(BaseModel):
    """
    What became of the images of a scan's URLs: totals of the last attempt at each.

    `images_seen` is the sum of `images`, `images_failed`, `icons_left_out` and
    `images_over_limit`.
    """

    urls: int = Field(description="Number of URLs that the totals cover: those looked at so far.")
    images_seen: int = Field(description="Number of images that the URLs have.")
    images: int = Field(description="Number of images examined.")
    images_failed: int = Field(description="Number of images that could not be fetched or read.")
    icons_left_out: int = Field(description=_ICONS)
    images_over_limit: int = Field(description=_OVER_LIMIT)
    frames_not_followed: int = Field(description=_FRAMES)
    parts_not_read: int = Field(description=_PARTS)
    pictures_left_out: int = Field(description=_PICTURES)

    @classmethod
    def of(cls, urls: int, tally: Tally) -> "TallyOut":
        return cls(urls=urls, images_seen=tally.images_seen, **asdict(tally))


class ScanOut(BaseModel):
    """The progress of a scan."""

    scan: OpaqueId
    created_at: datetime
    cancelled: bool = Field(description="True if the scan is cancelled.")
    total: int = Field(description="Number of URLs in the scan.")
    finished: int = Field(description="Number of URLs that are finished.")
    items: dict[str, int] = Field(
        description="Number of URLs in each state.", examples=[{"done": 12}]
    )
    matches: dict[str, int] = Field(
        description="Number of matches in each state that this scan was the first to find.",
        examples=[{"suspected": 1}],
    )
    duplicates: int = Field(description="Number of lines of the batch that repeated a URL.")
    invalid: int = Field(description="Number of lines of the batch that were not valid URLs.")
    watch: OpaqueId | None = Field(description="The watch that created the scan. Null: none.")
    tally: TallyOut

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
            tally=TallyOut.of(progress.tallied, progress.tally),
        )


class ItemOut(BaseModel):
    """One URL of a scan."""

    id: int = Field(
        description="Number of the item. For the next page, pass the last item's number as `after`."
    )
    url: str
    state: ItemState = Field(
        description="State of the URL. A `failed` URL is tried again; a `dead` URL was given up."
    )
    attempts: int = Field(description="Number of attempts.")
    reason: str | None = Field(
        description="Why the last attempt failed. Null: it did not fail.", examples=["timeout"]
    )
    images_seen: int | None = Field(
        description="Number of images that the URL has: the sum of the next four numbers. Null: "
        "not known."
    )
    images: int = Field(description="Number of images examined.")
    images_failed: int = Field(description="Number of images that could not be fetched or read.")
    icons_left_out: int | None = Field(description=f"{_ICONS} Null: not known.")
    images_over_limit: int | None = Field(description=f"{_OVER_LIMIT} Null: not known.")
    frames_not_followed: int | None = Field(description=f"{_FRAMES} Null: not known.")
    parts_not_read: int | None = Field(description=f"{_PARTS} Null: not known.")
    pictures_left_out: int | None = Field(description=f"{_PICTURES} Null: not known.")

    @classmethod
    def of(cls, item: Item) -> "ItemOut":
        return cls(
            id=item.id,
            url=item.url,
            state=cast("ItemState", item.state),
            attempts=item.attempts,
            reason=item.reason,
            images_seen=item.images_seen,
            images=item.images,
            images_failed=item.images_failed,
            icons_left_out=item.icons_left_out,
            images_over_limit=item.images_over_limit,
            frames_not_followed=item.frames_not_followed,
            parts_not_read=item.parts_not_read,
            pictures_left_out=item.pictures_left_out,
        )


class SightingOut(BaseModel):
    """A match that a scan saw at one of its URLs."""

    match: OpaqueId
    new: bool = Field(
        description="True if this scan found it first; false if it was recorded before."
    )
    tier: Tier
    state: MatchState
    why: str = Field(description="The reason for the match, in a sentence.")
    case: CaseNumber
    content: OpaqueId
    image_url: str
    image_sha256: str = Field(description="SHA-256 of the image's bytes when it was first found.")
    found_at: datetime


class ResultOut(ItemOut):
    """The result for one URL of a scan."""

    finished_at: datetime | None = Field(
        description="When the URL was finished. Null: it is not finished."
    )
    matches: list[SightingOut] | None = Field(
        description="Matches at this URL with the organisation's cases. Null for keys of role "
        "scanner."
    )

    @classmethod
    def with_matches(cls, item: Item, matches: Iterable[SightingOut] | None) -> "ResultOut":
        return cls(
            **ItemOut.of(item).model_dump(),
            finished_at=item.finished_at,
            matches=None if matches is None else list(matches),
        )
