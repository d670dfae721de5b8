"""What the holder of a case may do after entering its number and PIN."""

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

# People mistype, so the first four wrong PINs cause no wait. The fifth causes one, and each further
# wrong PIN doubles it.
_FIRST_WITH_WAIT = 5
_FIRST_WAIT = timedelta(seconds=30)
# At one guess an hour, trying half of all PINs takes 5,700 years. A longer wait would only help
# somebody who wants to lock a holder out.
_LONGEST_WAIT = timedelta(hours=1)
_ACTOR = "holder"

REMEMBERED = timedelta(days=7)
"""How long a wrong PIN counts."""


@dataclass(frozen=True, slots=True)
class HolderView:
    """
    What a holder is shown of their case.

    Attributes:
        matches: The number of matches in each state.
    """

    case: CaseView
    matches: Mapping[str, int]
    requests: Sequence[RequestState]


class Holder:
    """A person who has entered the right number and PIN of a case."""

    def __init__(self, database: Database, bank: Bank, case: Case) -> None:
        self._database = database
        self._bank = bank
        self._case_id = case.id
        self.number = case.number

    def view(self) -> HolderView:
        """
        Return what the holder is shown of the case.

        Raises:
            UnknownCaseError: If the case was withdrawn after the PIN was entered. The other methods
                raise it too.
        """
        view = self._bank.view(self.number, actor=_ACTOR)
        with self._database.read() as connection:
            return HolderView(
                case=view,
                matches=holder_views.match_counts(connection, self._case_id),
                requests=holder_views.request_states(connection, self._case_id),
            )

    def add_contents(self, contents: Sequence[NewContent]) -> None:
        """Add contents; see `Bank.add_contents` for the errors."""
        self._bank.add_contents(self.number, contents, actor=_ACTOR)

    def withdraw_content(self, content: PublicContentId) -> None:
        """
        Withdraw one content.

        Raises:
            UnknownContentError: If the case has no such content.
        """
        self._bank.withdraw_content(self.number, content, actor=_ACTOR)

    def withdraw_case(self) -> None:
        """Withdraw the case with all its contents."""
        self._bank.withdraw_case(self.number, actor=_ACTOR)

    def renew(self) -> str:
        """Extend the case to a full lifetime from today; return the day on which it now ends."""
        return self._bank.renew_case(self.number, actor=_ACTOR)


class Holders:
    """Checks the number and PIN of holders who want to see their case."""

    def __init__(self, database: Database, bank: Bank, clock: Clock = utc_now) -> None:
        self._database = database
        self._bank = bank
        self._clock = clock

    def enter(self, number: str, pin: str) -> Holder:
        """
        Return the holder of the case with this number and this PIN.

        A caller cannot find out which numbers exist: for an unknown number the service takes the
        same steps and gives the same answer as for a wrong PIN.

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
        """Count a guess before checking it, so that simultaneous guesses cannot avoid the limit."""
        now = self._clock()
        with self._database.write() as connection:
            pin_guesses.forget_before(connection, now - REMEMBERED)
            before = pin_guesses.of(connection, number)
            if before and before.wait_until and before.wait_until > now:
                raise TooManyGuessesError(
                    "There were too many wrong PINs for this number. Wait before you try again.",
                    retry_after_s=(before.wait_until - now).total_seconds(),
                )
            guesses = before.wrong + 1 if before else 1
            pin_guesses.put(
                connection, number, wrong=guesses, now=now, wait_until=_wait_until(guesses, now)
            )


def _wait_until(guesses: int, now: datetime) -> datetime | None:
    if guesses < _FIRST_WITH_WAIT:
        return None
    # Cap the number of doublings, so that the wait stays a small number. Sixteen doublings already
    # go far beyond the longest wait.
    return now + min(_FIRST_WAIT * (1 << min(guesses - _FIRST_WITH_WAIT, 16)), _LONGEST_WAIT)
