"""Schemas for watches: scans repeated on a schedule."""

from datetime import datetime

from pydantic import BaseModel, Field

from hashsvc.api.schemas.base import Body, OpaqueId
from hashsvc.scanning import MOST_DAYS, MOST_HOURS
from hashsvc.store.watches import Watch


class WatchIn(Body):
    """The scan to repeat, how often and for how long."""

    scan: OpaqueId = Field(description="The scan whose URLs are watched.")
    every_h: int = Field(ge=1, le=MOST_HOURS, description="Hours from one scan to the next.")
    days: int = Field(ge=1, le=MOST_DAYS, description="Days until the watch ends.")


class WatchOut(BaseModel):
    """A watch."""

    watch: OpaqueId
    last_scan: OpaqueId = Field(description="The latest scan of the watched URLs.")
    every_h: int = Field(description="Hours from one scan to the next.")
    created_at: datetime
    next_scan_at: datetime | None = Field(
        description="When the next scan begins. Null: the watch has ended."
    )
    ends_at: datetime = Field(description="When the watch ends.")

    @classmethod
    def of(cls, watch: Watch) -> "WatchOut":
        return cls(
            watch=watch.id,
            last_scan=watch.scan_id,
            every_h=watch.every_h,
            created_at=watch.created_at,
            next_scan_at=watch.due_at,
            ends_at=watch.ends_at,
        )
