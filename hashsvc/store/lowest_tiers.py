"""
The lowest tier whose matches are recorded, by case and by host.

Without a row, matches of every tier are recorded.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from hashsvc.store import rows
from hashsvc.store.feedback_tables import case_lowest_tier, host_lowest_tier
from hashsvc.store.ids import CaseId, ContentId, OrganisationId
from hashsvc.store.tables import case, content


@dataclass(frozen=True, slots=True)
class HostRule:
    """An organisation's lowest tier for a host and its subdomains."""

    host: str
    lowest_tier: str


def of_case(connection: Connection, case_id: CaseId) -> str | None:
    """Return a case's lowest tier; None if matches of every tier are recorded."""
    query = select(case_lowest_tier.c.lowest_tier).where(case_lowest_tier.c.case_id == case_id)
    return connection.execute(query).scalar_one_or_none()


def set_for_case(connection: Connection, case_id: CaseId, lowest_tier: str | None) -> None:
    """Set a case's lowest tier; with None, matches of every tier are recorded."""
    connection.execute(delete(case_lowest_tier).where(case_lowest_tier.c.case_id == case_id))
    if lowest_tier is not None:
        values = {"case_id": case_id, "lowest_tier": lowest_tier}
        connection.execute(insert(case_lowest_tier).values(**values))


def of_hosts(connection: Connection, organisation_id: OrganisationId) -> list[HostRule]:
    """Return an organisation's rules, in order of host."""
    query = (
        select(host_lowest_tier.c.host, host_lowest_tier.c.lowest_tier)
        .where(host_lowest_tier.c.organisation_id == organisation_id)
        .order_by(host_lowest_tier.c.host)
    )
    return rows.as_list(HostRule, connection.execute(query))


def set_for_host(
    connection: Connection, organisation_id: OrganisationId, host: str, lowest_tier: str | None
) -> None:
    """Set an organisation's lowest tier for a host; with None, the host has none."""
    connection.execute(
        delete(host_lowest_tier).where(
            host_lowest_tier.c.organisation_id == organisation_id, host_lowest_tier.c.host == host
        )
    )
    if lowest_tier is not None:
        connection.execute(
            insert(host_lowest_tier).values(
                organisation_id=organisation_id, host=host, lowest_tier=lowest_tier
            )
        )


def of_content(connection: Connection, content_id: ContentId) -> tuple[str | None, list[HostRule]]:
    """Return the lowest tier of a content's case, and its organisation's rules for hosts."""
    query = (
        select(case.c.organisation_id, case_lowest_tier.c.lowest_tier)
        .join(content, content.c.case_id == case.c.id)
        .outerjoin(case_lowest_tier, case_lowest_tier.c.case_id == case.c.id)
        .where(content.c.id == content_id)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None, []
    return row.lowest_tier, of_hosts(connection, row.organisation_id)
