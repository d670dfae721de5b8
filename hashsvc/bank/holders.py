"""What the holder of a case may do: whoever knows its number and its PIN."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hashsvc import audit
from hashsvc.bank.cases import Bank, CaseView
from hashsvc.bank.errors import TooManyGuessesError, UnknownCaseError, WrongPinError
from hashsvc.bank.finding import find_case
from hashsvc.bank.pins import check_pin
from hashsvc.bank.submissions import NewContent
from hashsvc.clock import Clock, utc_now
from hashsvc.store import Database, holder_views, pin_guesses
from hashsvc.store.cases import Case
from hashsvc.store.holder_views import RequestState
from hashsvc.store.ids import PublicContentId

# A mistyped PIN costs nothing; after so many wrong ones each next has to wait twice as long.
_FREE = 5
_FIRST_WAIT = timedelta(seconds=30)
# At one an hour, half of all PINs take 5,700 years; somebody who locks a case out does it for long.
_LONGEST_WAIT = timedelta(hours=1)
_ACTOR = "holder"

REMEMBERED = timedelta(days=7)
"""So long wrong PINs count."""


@dataclass(frozen=True, slots=True)
class HolderView:
    """
    What a holder is shown of their case.

    Attributes:
        matches: How many there are in each state.
    """

    case: CaseView
    matches: Mapping[str, int]
    requests: Sequence[RequestState]


class Holder:
    """Somebody who has shown number and PIN of a case, and what they may do."""

    def __init__(self, database: Database, bank: Bank, case: Case) -> None:
        self._database = database
        self._bank = bank
        self._case_id = case.id
        self.number = case.number

    def view(self) -> HolderView:
        """
        Return what there is of the case.

        Raises:
            UnknownCaseError: If it has been withdrawn since; so below.
        """
        view = self._bank.view(self.number, actor=_ACTOR)
        with self._database.read() as connection:
            return HolderView(
                case=view,
                matches=holder_views.match_counts(connection, self._case_id),
                requests=holder_views.request_states(connection, self._case_id),
            )

    def add_contents(self, contents: Sequence[NewContent]) -> None:
        """Add contents; raises what `Bank.add_contents` does."""
        self._bank.add_contents(self.number, contents, actor=_ACTOR)

    def withdraw_content(self, content: PublicContentId) -> None:
        """
        Withdraw one content.

        Raises:
            UnknownContentError: If the case holds no such content.
        """
        self._bank.withdraw_content(self.number, content, actor=_ACTOR)

    def withdraw_case(self) -> None:
        """Withdraw the case with all its contents."""
        self._bank.withdraw_case(self.number, actor=_ACTOR)

    def renew(self) -> str:
        """Let the case end a lifetime from today, and return that day."""
        return self._bank.renew_case(self.number, actor=_ACTOR)


class Holders:
    """The door for those whose cases are in the bank."""

    def __init__(self, database: Database, bank: Bank, clock: Clock = utc_now) -> None:
        self._database = database
        self._bank = bank
        self._clock = clock

    def enter(self, number: str, pin: str) -> Holder:
        """
        Return the holder of the case with this number and this PIN.

        Whether there is such a number is told by nothing: the same is read, checked, counted and
        answered in both cases.

        Raises:
            WrongPinError: If no case has this number and this PIN.

            TooManyGuessesError: If there were too many wrong PINs before.
        """
        self._count(number)
        case = self._find(number)
        if not check_pin(pin, case.pin_hash if case else None) or case is None:
            with self._database.write() as connection:
                audit.record(
                    connection,
                    actor=_ACTOR,
                    action="pin.wrong",
                    subject=pin_guesses.digest_of(number).hex()[:32],
                    now=self._clock(),
                )
            raise WrongPinError("No case has this number and this PIN.")
        with self._database.write() as connection:
            pin_guesses.forget(connection, number)
        return Holder(self._database, self._bank, case)

    def _find(self, number: str) -> Case | None:
        with self._database.read() as connection:
            try:
                return find_case(connection, number)
            except UnknownCaseError:
                return None

    def _count(self, number: str) -> None:
        """Count a guess before it is checked, so that many at once are no way around."""
        now = self._clock()
        with self._database.write() as connection:
            pin_guesses.forget_before(connection, now - REMEMBERED)
            before = pin_guesses.of(connection, number)
            if before and before.wait_until and before.wait_until > now:
                raise TooManyGuessesError(
                    "There were too many wrong PINs for this number; wait before the next.",
                    retry_after_s=(before.wait_until - now).total_seconds(),
                )
            tried = before.wrong + 1 if before else 1
            pin_guesses.put(
                connection, number, wrong=tried, now=now, wait_until=_wait_until(tried, now)
            )


def _wait_until(tried: int, now: datetime) -> datetime | None:
    if tried < _FREE:
        return None
    # Beyond sixteen doublings the longest wait has long been reached.
    return now + min(_FIRST_WAIT * (1 << min(tried - _FREE, 16)), _LONGEST_WAIT)
