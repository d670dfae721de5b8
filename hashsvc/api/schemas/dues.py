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


class ClockOut(BaseModel):
    """A period that runs."""

    request: OpaqueId
    platform: str = Field(description="Its name, or its host.")
    rule: str = Field(description="Of the law data.", examples=["dsa-timely"])
    label: str = Field(description="What it is called.")
    version: str = Field(description="Of the law data.")
    hard: bool = Field(description="Whether the law sets it; else the organisation does.")
    began_at: datetime = Field(description="When its event happened.")
    due_at: datetime = Field(description="The last moment of the period.")
    standing: ClockState
    then: str = Field(description="What to do at its end.", examples=["complain"])

    @classmethod
    def of(
        cls, clock: Countdown, platforms: dict[str, str], now: datetime, language: Language
    ) -> "ClockOut":
        return cls(
            request=clock.reference,
            platform=platforms[clock.reference],
            rule=clock.deadline.id,
            label=label_of(clock, language),
            version=clock.law.version,
            hard=clock.deadline.hard,
            began_at=clock.began_at,
            due_at=clock.due_at,
            standing=state_of(clock, now),
            then=clock.deadline.then.value,
        )


class DuesOut(BaseModel):
    """What is due today, what is late, and what comes next."""

    next: ClockOut | None = Field(description="What to do first; null: nothing runs.")
    overdue: list[ClockOut] = Field(description="Latest kept waiting first.")
    today: list[ClockOut] = Field(description="Ends on this day in Belgium.")
    running: list[ClockOut] = Field(description="All others that run, soonest first.")

    @classmethod
    def of(
        cls,
        clocks: Sequence[Countdown],
        platforms: dict[str, str],
        now: datetime,
        language: Language,
    ) -> "DuesOut":
        def shown(found: Sequence[Countdown]) -> list[ClockOut]:
            return [ClockOut.of(each, platforms, now, language) for each in found]

        first = next_step(clocks, now)
        running = [each for each in clocks if state_of(each, now) is ClockState.RUNNING]
        return cls(
            next=None if first is None else shown([first])[0],
            overdue=shown(overdue(clocks, now)),
            today=shown(due_today(clocks, now)),
            running=shown(sorted(running, key=lambda each: each.due_at)),
        )
