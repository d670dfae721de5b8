"""Schemas for the deadlines of removal requests."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, Field

from hashsvc.api.schemas.base import OpaqueId
from hashsvc.removal import Language
from hashsvc.removal.clocks.clock import (
    ClockState,
    Countdown,
    due_today,
    label_of,
    next_step,
    overdue,
    state_of,
)


class DeadlineOut(BaseModel):
    """A deadline of one removal request that has not been met yet."""

    request: OpaqueId
    platform: str = Field(description="The platform's name, or its host if it has no entry.")
    rule: str = Field(description="The rule's id in the law data.", examples=["dsa-timely"])
    label: str = Field(description="The deadline in words, in the requested language.")
    law_version: str = Field(description="Version of the law data that sets the deadline.")
    set_by_law: bool = Field(
        description="True: the law sets the deadline. False: the organisation sets it."
    )
    began_at: datetime = Field(description="When the event that starts the deadline happened.")
    due_at: datetime = Field(description="The last moment at which the deadline can be met.")
    state: ClockState
    next_step: str = Field(
        description="What to do once the deadline has passed.", examples=["complain"]
    )

    @classmethod
    def of(
        cls, clock: Countdown, platforms: dict[str, str], now: datetime, language: Language
    ) -> "DeadlineOut":
        return cls(
            request=clock.reference,
            platform=platforms[clock.reference],
            rule=clock.deadline.id,
            label=label_of(clock, language),
            law_version=clock.law.version,
            set_by_law=clock.deadline.hard,
            began_at=clock.began_at,
            due_at=clock.due_at,
            state=state_of(clock, now),
            next_step=clock.deadline.then.value,
        )


class DeadlinesOut(BaseModel):
    """Open deadlines: overdue, due today and later."""

    next: DeadlineOut | None = Field(
        description="The deadline to act on first. Null: there is none."
    )
    overdue: list[DeadlineOut] = Field(description="Overdue deadlines, the longest overdue first.")
    due_today: list[DeadlineOut] = Field(description="Deadlines that end today in Belgium.")
    running: list[DeadlineOut] = Field(description="Later deadlines, the soonest first.")

    @classmethod
    def of(
        cls,
        clocks: Sequence[Countdown],
        platforms: dict[str, str],
        now: datetime,
        language: Language,
    ) -> "DeadlinesOut":
        def shown(found: Sequence[Countdown]) -> list[DeadlineOut]:
            return [DeadlineOut.of(each, platforms, now, language) for each in found]

        first = next_step(clocks, now)
        running = [each for each in clocks if state_of(each, now) is ClockState.RUNNING]
        return cls(
            next=None if first is None else shown([first])[0],
            overdue=shown(overdue(clocks, now)),
            due_today=shown(due_today(clocks, now)),
            running=shown(sorted(running, key=lambda each: each.due_at)),
        )
