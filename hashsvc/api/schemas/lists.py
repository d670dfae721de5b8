"""Listed images, and contents that wait because they are like one."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, Field

from hashsvc.api.schemas.base import CaseNumber, OpaqueId
from hashsvc.store.listed import ListedImage
from hashsvc.store.pending import PendingContent


class LabelOut(BaseModel):
    """What a listed image is known by."""

    label: OpaqueId = Field(description="Note elsewhere what it shows: here it has no other name.")


class ListedOut(LabelOut):
    """A listed image, without its signals."""

    signals_kept: int = Field(description="How many signals are kept of it.")
    added_by: str = Field(description="The key that put it there; `cli` for the command line.")
    added_at: datetime = Field(description="When it was put there.")

    @classmethod
    def of(cls, image: ListedImage) -> "ListedOut":
        return cls(
            label=image.label,
            signals_kept=image.signals,
            added_by=image.added_by,
            added_at=image.added_at,
        )


class PendingContentOut(BaseModel):
    """A content that waits for an analyst."""

    content: OpaqueId
    case: CaseNumber
    reason: Literal["common", "protected"] = Field(description="The list that it is on.")
    label: OpaqueId | None = Field(description="The listed image that it is like.")
    pending_since: date = Field(description="The day on which it was submitted; no finer.")

    @classmethod
    def of(cls, pending: PendingContent) -> "PendingContentOut":
        return cls.model_validate(
            {
                "content": pending.content,
                "case": pending.case,
                "reason": pending.reason,
                "label": pending.label,
                "pending_since": pending.pending_since.date(),
            }
        )
