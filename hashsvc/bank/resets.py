"""New PINs for lost ones: two analysts of the case's organisation give one out together."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from hashsvc import audit
from hashsvc.bank.errors import SameKeyError, UnknownResetError
from hashsvc.bank.finding import find_case
from hashsvc.bank.numbers import new_pin
from hashsvc.bank.pins import hash_pin
from hashsvc.clock import Clock, utc_now
from hashsvc.store import Database, UnknownRowError, cases, pin_guesses, pin_resets
from hashsvc.store.ids import KeyId, OrganisationId, ResetId, random_id

_LASTS = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class RequestedReset:
    """A request for a new PIN, and when it is over."""

    reset_id: ResetId
    expires_at: datetime


class Resets:
    """The requests for new PINs."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    def request(
        self, number: str, *, actor: KeyId, organisation_id: OrganisationId
    ) -> RequestedReset:
        """
        Ask for a new PIN, in place of an earlier request for the same case.

        Raises:
            UnknownCaseError: If there is no such case of this organisation.
        """
        now, reset_id = self._clock(), ResetId(random_id())
        made = RequestedReset(reset_id, now + _LASTS)
        with self._database.write() as connection:
            case = find_case(connection, number, organisation_id)
            pin_resets.add(
                connection, reset_id, case.id, by=actor, now=now, expires_at=made.expires_at
            )
            audit.record(connection, actor=actor, action="pin.request", subject=number, now=now)
        return made

    def approve(
        self, number: str, reset_id: ResetId, *, actor: KeyId, organisation_id: OrganisationId
    ) -> str:
        """
        Give the case a new PIN and return it, this once; the old one is worth nothing then.

        Raises:
            UnknownCaseError: If there is no such case of this organisation.

            UnknownResetError: If there is no such request for it, it is over, or was used.

            SameKeyError: If it was made with the same key.
        """
        now, pin = self._clock(), new_pin()
        pin_hash = hash_pin(pin)
        with self._database.write() as connection:
            case = find_case(connection, number, organisation_id)
            try:
                reset = pin_resets.waiting(connection, reset_id, case.id, now)
            except UnknownRowError as error:
                raise UnknownResetError("There is no such request, or it is over.") from error
            if reset.requested_by == actor:
                raise SameKeyError("Another analyst has to approve what one has requested.")
            if not pin_resets.approve(connection, reset_id, by=actor, now=now):
                raise UnknownResetError("There is no such request, or it is over.")
            cases.set_pin_hash(connection, case, pin_hash)
            pin_guesses.forget(connection, number)
            audit.record(connection, actor=actor, action="pin.renew", subject=number, now=now)
        return pin
