"""Consents: what the person shown in the images has agreed to, for each case."""

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from hashsvc.store import rows
from hashsvc.store.ids import CaseId
from hashsvc.store.removal_tables import consent


@dataclass(frozen=True, slots=True)
class Consent:
    """
    One consent; only days are kept, not times.

    Attributes:
        kind: "hash", "notify", "share" or "litigate".

        version: Version of the text that the person agreed to.

        withdrawn_on: None while the consent holds.
    """

    kind: str
    version: str
    given_on: str
    withdrawn_on: str | None


def give(connection: Connection, case_id: CaseId, *, kind: str, version: str, day: str) -> None:
    """Store a consent, unless one of the same kind and version already holds."""
    already_holds = any(
        each.kind == kind and each.version == version and each.withdrawn_on is None
        for each in of_case(connection, case_id)
    )
    if not already_holds:
        connection.execute(
            insert(consent).values(case_id=case_id, kind=kind, version=version, given_on=day)
        )


def withdraw(connection: Connection, case_id: CaseId, *, kind: str, day: str) -> bool:
    """Store that a consent is withdrawn; return False if none held."""
    query = (
        update(consent)
        .where(
            consent.c.case_id == case_id,
            consent.c.kind == kind,
            consent.c.withdrawn_on.is_(None),
        )
        .values(withdrawn_on=day)
    )
    return connection.execute(query).rowcount > 0


def of_case(connection: Connection, case_id: CaseId) -> list[Consent]:
    """Return a case's consents, oldest first, including withdrawn ones."""
    query = (
        select(consent.c.kind, consent.c.version, consent.c.given_on, consent.c.withdrawn_on)
        .where(consent.c.case_id == case_id)
        .order_by(consent.c.id)
    )
    return rows.as_list(Consent, connection.execute(query))


def holds(connection: Connection, case_id: CaseId, kind: str) -> bool:
    """Return whether a consent of this kind was given and not withdrawn."""
    return any(
        each.kind == kind and each.withdrawn_on is None for each in of_case(connection, case_id)
    )
