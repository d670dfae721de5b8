"""
What the institute and the platforms did, kept by hand beside the service: its ledger.

It keeps its own count of when a check is due and what a check has to say, from the rules as they
are written down, and shares no line with the service's own: where the two differ one of them is
wrong.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from benchmarks.world.internet import Copy

EVERY = timedelta(hours=24)
GAP = timedelta(hours=1)
ANSWER = timedelta(hours=48)
ORDER = timedelta(hours=6)
ABSENT = ("page-gone", "image-gone", "image-replaced")
_DECISIONS = ("removed", "refused", "partial", "identity-asked")
_UNCHECKED = ("draft", "approved", "reappeared", "withdrawn")
_TO_COURT = (
    "sent", "receipted", "removed", "refused", "partial", "identity-asked", "silent", "complained",
    "escalated", "revoked",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One step: when, the state after it, and what was seen if it was a check."""

    at: datetime
    state: str
    seen: str | None = None


@dataclass(slots=True, eq=False)
class LedgerNotice:
    """A notice, and the images that it names."""

    kind: str
    case: str
    platform: str
    entries: list["LedgerEntry"]
    approved: bool = False

    @property
    def images(self) -> frozenset[str]:
        """The addresses of the images."""
        return frozenset(each.copy.image_url for each in self.entries)


@dataclass(slots=True, eq=False)
class LedgerEntry:
    """
    A removal request as the ledger has it.

    Attributes:
        request: The service's id of it; None until it is known.

        absent_at, proof_at: The first and the last of the checks that proved the image gone.
    """

    case: str
    platform: str
    kind: str
    channel: str | None
    basis: str
    copy: Copy
    parent: "LedgerEntry | None" = None
    link: str | None = None
    request: str | None = None
    lines: list[LedgerLine] = field(default_factory=list)
    check_at: datetime | None = None
    absent_at: datetime | None = None
    proof_at: datetime | None = None

    @property
    def state(self) -> str:
        """The state after the last step."""
        return self.lines[-1].state

    def first(self, *states: str) -> datetime | None:
        """When the first step, and no check, led to one of these states."""
        return next((each.at for each in self.deeds if each.state in states), None)

    def last(self, state: str) -> datetime | None:
        """When the last one did."""
        return next((each.at for each in self.deeds[::-1] if each.state == state), None)

    @property
    def deeds(self) -> list[LedgerLine]:
        """The steps that are no checks."""
        return [each for each in self.lines if each.seen is None]

    @property
    def checks(self) -> list[LedgerLine]:
        """The steps that are checks."""
        return [each for each in self.lines if each.seen is not None]

    @property
    def was_sent(self) -> bool:
        """Whether a notice that names it went out."""
        return self.first("sent") is not None

    @property
    def may_go_to_court(self) -> bool:
        """Whether an order may be sought."""
        return self.state in _TO_COURT


class Ledger:
    """All requests and notices, by the rules."""

    def __init__(self) -> None:
        self.entries: list[LedgerEntry] = []
        self.letters: list[LedgerNotice] = []

    def begin(self, entry: LedgerEntry, at: datetime) -> LedgerEntry:
        """Note that a request was raised: it goes on the draft of its case to its platform."""
        entry.lines.append(LedgerLine(at, "draft"))
        self.entries.append(entry)
        for each in self.letters:
            same = (each.case, each.platform, each.kind) == (entry.case, entry.platform, entry.kind)
            if same and not each.approved:
                each.entries.append(entry)
                return entry
        self.letters.append(LedgerNotice(entry.kind, entry.case, entry.platform, [entry]))
        return entry

    def letter_of(self, entry: LedgerEntry) -> LedgerNotice:
        """Return the notice that asks for an entry's removal."""
        return next(each for each in self.letters if entry in each.entries)

    def write(self, kind: str, entries: Iterable[LedgerEntry]) -> None:
        """Note that another document was written about some entries."""
        listed = list(entries)
        new = LedgerNotice(kind, listed[0].case, listed[0].platform, listed, approved=True)
        self.letters.append(new)

    def approve(self, letter: LedgerNotice, at: datetime) -> None:
        """Note that a notice was approved, and with it all that it names."""
        letter.approved = True
        for each in letter.entries:
            each.lines.append(LedgerLine(at, "approved"))

    def deed(self, entry: LedgerEntry, state: str, at: datetime) -> None:
        """Note what an analyst did, or a platform answered."""
        entry.lines.append(LedgerLine(at, state))
        if state == "sent":
            entry.check_at = at + EVERY
        elif state == "order-served":
            # Its last moment is still in time.
            entry.check_at = at + ORDER + timedelta(seconds=1)
        elif state in _UNCHECKED:
            entry.check_at = None

    def look(self, entry: LedgerEntry, seen: str, at: datetime) -> None:
        """Note what a check, or an analyst's own eyes, saw, and what follows from it."""
        state = entry.state
        if seen == "still-there":
            served = entry.last("order-served")
            if state == "gone":
                self._come_back(entry, at)
                return
            if state == "order-served" and served is not None and at > served + ORDER:
                state = "breached"
        elif seen in ABSENT and state != "gone":
            before = _since(entry.checks)
            if before is not None and at - before >= GAP:
                state, entry.absent_at, entry.proof_at = "gone", before, at
        entry.lines.append(LedgerLine(at, state, seen))

    def hour(self, now: datetime) -> None:
        """Do what is due by the clock alone: checks, and silence."""
        for each in list(self.entries):
            if each.check_at is not None and each.check_at <= now:
                each.check_at = now + EVERY
                self.look(each, each.copy.seen, now)
                if each.state not in ("gone", "reappeared") and each.lines[-1].seen in ABSENT:
                    each.check_at = now + GAP
        for each in self.entries:
            sent = each.last("sent")
            if each.state in ("sent", "receipted") and sent is not None and now > sent + ANSWER:
                each.lines.append(LedgerLine(now, "silent"))

    def withdraw(self, case: str, at: datetime) -> None:
        """Note that a case was withdrawn: what was not sent is forgotten, all else ends."""
        unsent = [each for each in self._of(case) if each.state in ("draft", "approved")]
        self.entries = [each for each in self.entries if each not in unsent]
        for letter in self.letters:
            letter.entries = [each for each in letter.entries if each not in unsent]
        self.letters = [each for each in self.letters if each.entries]
        for each in self._of(case):
            each.check_at = None
            if each.state not in ("gone", "reappeared", "withdrawn"):
                each.lines.append(LedgerLine(at, "withdrawn"))

    def of_order(self, entry: LedgerEntry) -> list[LedgerEntry]:
        """Return what an order about an entry is about: all of the case at the platform."""
        return [
            each
            for each in self._of(entry.case)
            if each.platform == entry.platform and each.may_go_to_court
        ]

    def _of(self, case: str) -> list[LedgerEntry]:
        return [each for each in self.entries if each.case == case]

    def _come_back(self, entry: LedgerEntry, at: datetime) -> None:
        entry.lines.append(LedgerLine(at, "reappeared", "still-there"))
        entry.check_at = None
        child = LedgerEntry(
            entry.case,
            entry.platform,
            entry.kind,
            entry.channel,
            entry.basis,
            entry.copy,
            parent=entry,
            link="reappeared",
        )
        self.begin(child, at)


def _since(checks: list[LedgerLine]) -> datetime | None:
    """Return when the checks in a row began that did not find the image, up to the last one."""
    began = None
    for each in checks:
        if each.seen not in ABSENT:
            began = None
        elif began is None:
            began = each.at
    return began
