"""Creates organisations. Organisations are never deleted."""

from hashsvc import audit
from hashsvc.access.errors import BadNameError, NameTakenError
from hashsvc.clock import Clock
from hashsvc.store import Database, organisations
from hashsvc.store.ids import OrganisationId, random_id
from hashsvc.store.organisations import Organisation

MAX_NAME_LENGTH = 100
"""Longest name of an organisation, in characters."""


def create_organisation(database: Database, name: str, *, actor: str, clock: Clock) -> Organisation:
    """
    Create an organisation and return it.

    Raises:
        BadNameError: If the name is empty, longer than MAX_NAME_LENGTH, or has several lines.

        NameTakenError: If another organisation has this name.
    """
    name = name.strip()
    if not 1 <= len(name) <= MAX_NAME_LENGTH or not name.isprintable():
        raise BadNameError(
            f"An organisation's name must be one line of 1 to {MAX_NAME_LENGTH} characters."
        )
    new = Organisation(OrganisationId(random_id()), name, clock())
    with database.write() as connection:
        if organisations.has_name(connection, name):
            raise NameTakenError("Another organisation has this name. Choose a different one.")
        organisations.add(connection, new.id, name=name, now=new.created_at)
        audit.record(
            connection,
            actor=actor,
            action="organisation.create",
            subject=new.id,
            now=new.created_at,
        )
    return new
