"""What the person shown has agreed to, case by case."""

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from hashsvc.store import rows
from hashsvc.store.ids import CaseId
from hashsvc.store.removal_tables import consent


@dataclass(frozen=True, slots=True)
class Consent:
    """
    One consent; days, no finer.

    Attributes:
        kind: "hash", "notify", "share" or "litigate".

        version: Of the text that was agreed to.

        withdrawn_on: None while it holds.
    """

    kind: str
    version: str
    given_on: str
    withdrawn_on: str | None


def give(connection: Connection, case_id: CaseId, *, kind: str, version: str, day: str) -> None:
    """Record a consent; one that holds for the same version already is left as it is."""
    held = any(
        each.kind == kind and each.version == version and each.withdrawn_on is None
        for each in of_case(connection, case_id)
    )
    if not held:
        connection.execute(
            insert(consent).values(case_id=case_id, kind=kind, version=version, given_on=day)
        )


def withdraw(connection: Connection, case_id: CaseId, *, kind: str, day: str) -> bool:
    """Record that a consent is withdrawn; False when there was none."""
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
    """Return a case's consents, oldest first, also those that were withdrawn."""
    query = (
        select(consent.c.kind, consent.c.version, consent.c.given_on, consent.c.withdrawn_on)
        .where(consent.c.case_id == case_id)
        .order_by(consent.c.id)
    )
    return rows.as_list(Consent, connection.execute(query))


def holds(connection: Connection, case_id: CaseId, kind: str) -> bool:
    """Tell whether a consent was given and not withdrawn."""
    return any(
        each.kind == kind and each.withdrawn_on is None for each in of_case(connection, case_id)
    )
