"""Organisations: made by an administrator or on the service's machine, and never deleted."""

from hashsvc import audit
from hashsvc.api.errors import NameTakenError
from hashsvc.clock import Clock
from hashsvc.store import Database, organisations
from hashsvc.store.ids import OrganisationId, random_id
from hashsvc.store.organisations import Organisation


def create_organisation(database: Database, name: str, *, actor: str, clock: Clock) -> Organisation:
    """
    Make an organisation.

    Raises:
        NameTakenError: If there is one with this name.
    """
    made = Organisation(OrganisationId(random_id()), name, clock())
    with database.write() as connection:
        if organisations.has_name(connection, name):
            raise NameTakenError("There is an organisation of this name.")
        organisations.add(connection, made.id, name=name, now=made.created_at)
        audit.record(
            connection,
            actor=actor,
            action="organisation.create",
            subject=made.id,
            now=made.created_at,
        )
    return made
