"""Organisations: made by an administrator or on the service's machine, and never deleted."""

from hashsvc import audit
from hashsvc.access.errors import BadNameError, NameTakenError
from hashsvc.clock import Clock
from hashsvc.store import Database, organisations
from hashsvc.store.ids import OrganisationId, random_id
from hashsvc.store.organisations import Organisation

LONGEST_NAME = 100
"""Characters. It is the one free text that is taken: of a body, from administrators alone."""


def create_organisation(database: Database, name: str, *, actor: str, clock: Clock) -> Organisation:
    """
    Make an organisation.

    Raises:
        BadNameError: If the name is empty, longer than LONGEST_NAME or of several lines.

        NameTakenError: If there is one with this name.
    """
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise BadNameError(f"An organisation's name is one line of 1 to {LONGEST_NAME} characters.")
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
