"""Schemas for listed images, and for pending contents that are similar to one."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, Field

from hashsvc.api.schemas.base import CaseNumber, OpaqueId
from hashsvc.store.listed import ListedImage
from hashsvc.store.pending import PendingContent


class LabelOut(BaseModel):
    """The label of a listed image."""

    label: OpaqueId = Field(
        description="The image's only name. Keep a note elsewhere of what it shows."
    )


class ListedOut(LabelOut):
    """A listed image. Its signals are not shown."""

    signals_kept: int = Field(description="Number of signals kept for the image.")
    added_by: str = Field(
        description="The key that listed the image, or `cli` for the command line."
    )
    added_at: datetime = Field(description="When the image was listed.")

    @classmethod
    def of(cls, image: ListedImage) -> "ListedOut":
        return cls(
            label=image.label,
            signals_kept=image.signals,
            added_by=image.added_by,
            added_at=image.added_at,
        )


class PendingContentOut(BaseModel):
    """A pending content: it waits for an analyst and is not searched."""

    content: OpaqueId
    case: CaseNumber
    reason: Literal["common", "protected"] = Field(description="The list that has a similar image.")
    label: OpaqueId | None = Field(
        description="The similar image's label. Null: it is an image shipped with the service."
    )
    pending_since: date = Field(description="The day of submission. The time of day is not kept.")

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
