"""PIN resets: two analysts of a case's organisation together give its holder a new PIN."""

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

_LIFETIME = timedelta(hours=24)
_UNKNOWN = "There is no such request, or it has expired."


@dataclass(frozen=True, slots=True)
class RequestedReset:
    """A request for a new PIN, and when it expires."""

    reset_id: ResetId
    expires_at: datetime


class Resets:
    """Requesting and approving new PINs."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    def request(
        self, number: str, *, actor: KeyId, organisation_id: OrganisationId
    ) -> RequestedReset:
        """
        Request a new PIN; this replaces an earlier request for the same case.

        Raises:
            UnknownCaseError: If there is no such case of this organisation.
        """
        now, reset_id = self._clock(), ResetId(random_id())
        made = RequestedReset(reset_id, now + _LIFETIME)
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
        Replace the case's PIN with a new one, and return that; the service never shows it again.

        Raises:
            UnknownCaseError: If there is no such case of this organisation.

            UnknownResetError: If the case has no such request, or it is expired or approved.

            SameKeyError: If the same key made the request.
        """
        now, pin = self._clock(), new_pin()
        pin_hash = hash_pin(pin)
        with self._database.write() as connection:
            case = find_case(connection, number, organisation_id)
            try:
                reset = pin_resets.waiting(connection, reset_id, case.id, now)
            except UnknownRowError as error:
                raise UnknownResetError(_UNKNOWN) from error
            if reset.requested_by == actor:
                raise SameKeyError("Another analyst must approve your request.")
            if not pin_resets.approve(connection, reset_id, by=actor, now=now):
                raise UnknownResetError(_UNKNOWN)
            cases.set_pin_hash(connection, case, pin_hash)
            pin_guesses.forget(connection, number)
            audit.record(connection, actor=actor, action="pin.renew", subject=number, now=now)
        return pin
