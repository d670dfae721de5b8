"""
The institute's own ledger of what it and the platforms did, kept independently of the service.

The ledger works out for itself when a check is due and what the check has to find. It follows the
written rules and shares no code with the service, so any difference between the two is an error in
one of them.
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
    """One step: its time, the state after it, and what was seen if the step was a check."""

    at: datetime
    state: str
    seen: str | None = None


@dataclass(slots=True, eq=False)
class LedgerNotice:
    """A notice, and the requests that it names."""

    kind: str
    case: str
    platform: str
    entries: list["LedgerEntry"]
    approved: bool = False

    @property
    def images(self) -> frozenset[str]:
        """The URLs of its images."""
        return frozenset(each.copy.image_url for each in self.entries)


@dataclass(slots=True, eq=False)
class LedgerEntry:
    """
    A removal request in the ledger.

    Attributes:
        request: The service's id of the request; None until it is known.

        check_at: When the next check is due; None if no check is due.

        absent_at: When the first of the checks that proved the image gone was made.

        proof_at: When the last of these checks was made.
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
        """Return when an action first led to one of these states; None if none did."""
        return next((each.at for each in self.actions if each.state in states), None)

    def last(self, state: str) -> datetime | None:
        """Return when an action last led to this state; None if none did."""
        return next((each.at for each in self.actions[::-1] if each.state == state), None)

    @property
    def actions(self) -> list[LedgerLine]:
        """The steps that are not checks."""
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
    """All requests and notices, as the rules require them."""

    def __init__(self) -> None:
        self.entries: list[LedgerEntry] = []
        self.notices: list[LedgerNotice] = []

    def begin(self, entry: LedgerEntry, at: datetime) -> LedgerEntry:
        """Record a new request, on its case's unapproved notice to its platform or on a new one."""
        entry.lines.append(LedgerLine(at, "draft"))
        self.entries.append(entry)
        for each in self.notices:
            same = (each.case, each.platform, each.kind) == (entry.case, entry.platform, entry.kind)
            if same and not each.approved:
                each.entries.append(entry)
                return entry
        self.notices.append(LedgerNotice(entry.kind, entry.case, entry.platform, [entry]))
        return entry

    def notice_of(self, entry: LedgerEntry) -> LedgerNotice:
        """Return the notice that asks for an entry's removal."""
        return next(each for each in self.notices if entry in each.entries)

    def add_document(self, kind: str, entries: Iterable[LedgerEntry]) -> None:
        """Record that another document was written about some entries."""
        listed = list(entries)
        new = LedgerNotice(kind, listed[0].case, listed[0].platform, listed, approved=True)
        self.notices.append(new)

    def approve(self, notice: LedgerNotice, at: datetime) -> None:
        """Record that a notice was approved, and with it every request on it."""
        notice.approved = True
        for each in notice.entries:
            each.lines.append(LedgerLine(at, "approved"))

    def record_action(self, entry: LedgerEntry, state: str, at: datetime) -> None:
        """Record what an analyst did or a platform answered."""
        entry.lines.append(LedgerLine(at, state))
        if state == "sent":
            entry.check_at = at + EVERY
        elif state == "order-served":
            # Removal at the very end of the period still counts as in time.
            entry.check_at = at + ORDER + timedelta(seconds=1)
        elif state in _UNCHECKED:
            entry.check_at = None

    def record_check(self, entry: LedgerEntry, seen: str, at: datetime) -> None:
        """Record what a check or an analyst saw, and what follows from it."""
        state = entry.state
        if seen == "still-there":
            served = entry.last("order-served")
            if state == "gone":
                self._begin_again(entry, at)
                return
            if state == "order-served" and served is not None and at > served + ORDER:
                state = "breached"
        elif seen in ABSENT and state != "gone":
            before = _absent_since(entry.checks)
            if before is not None and at - before >= GAP:
                state, entry.absent_at, entry.proof_at = "gone", before, at
        entry.lines.append(LedgerLine(at, state, seen))

    def pass_hour(self, now: datetime) -> None:
        """Record the checks that are due, and the platforms that did not answer in time."""
        for each in list(self.entries):
            if each.check_at is not None and each.check_at <= now:
                each.check_at = now + EVERY
                self.record_check(each, each.copy.seen, now)
                if each.state not in ("gone", "reappeared") and each.lines[-1].seen in ABSENT:
                    each.check_at = now + GAP
        for each in self.entries:
            sent = each.last("sent")
            if each.state in ("sent", "receipted") and sent is not None and now > sent + ANSWER:
                each.lines.append(LedgerLine(now, "silent"))

    def withdraw(self, case: str, at: datetime) -> None:
        """Record that a case was withdrawn: unsent requests are deleted, the others end."""
        unsent = [each for each in self._of_case(case) if each.state in ("draft", "approved")]
        self.entries = [each for each in self.entries if each not in unsent]
        for notice in self.notices:
            notice.entries = [each for each in notice.entries if each not in unsent]
        self.notices = [each for each in self.notices if each.entries]
        for each in self._of_case(case):
            each.check_at = None
            if each.state not in ("gone", "reappeared", "withdrawn"):
                each.lines.append(LedgerLine(at, "withdrawn"))

    def entries_of_order(self, entry: LedgerEntry) -> list[LedgerEntry]:
        """Return the entries that an order covers: all of the case at the platform."""
        return [
            each
            for each in self._of_case(entry.case)
            if each.platform == entry.platform and each.may_go_to_court
        ]

    def _of_case(self, case: str) -> list[LedgerEntry]:
        return [each for each in self.entries if each.case == case]

    def _begin_again(self, entry: LedgerEntry, at: datetime) -> None:
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


def _absent_since(checks: list[LedgerLine]) -> datetime | None:
    """Return since when every check found the image absent; None if the last one did not."""
    began = None
    for each in checks:
        if each.seen not in ABSENT:
            began = None
        elif began is None:
            began = each.at
    return began
