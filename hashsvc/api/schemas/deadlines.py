"""Clocks of removal requests."""

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
    """A period that runs."""

    request: OpaqueId
    platform: str = Field(description="Its name, or its host.")
    rule: str = Field(description="Of the law data.", examples=["dsa-timely"])
    label: str = Field(description="What it is called.")
    law_version: str = Field(description="Of the law data.")
    set_by_law: bool = Field(description="Whether the law sets it; else the organisation does.")
    began_at: datetime = Field(description="When its event happened.")
    due_at: datetime = Field(description="The last moment of the period.")
    state: ClockState
    next_step: str = Field(description="What to do at its end.", examples=["complain"])

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
    """What is due today, what is late, and what comes next."""

    next: DeadlineOut | None = Field(description="What to do first; null: nothing runs.")
    overdue: list[DeadlineOut] = Field(description="Latest kept waiting first.")
    due_today: list[DeadlineOut] = Field(description="Ends on this day in Belgium.")
    running: list[DeadlineOut] = Field(description="All others that run, soonest first.")

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
