"""Organisations, and the organisation that each content belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from hashsvc.store import rows
from hashsvc.store.ids import ContentId, OrganisationId, PublicContentId
from hashsvc.store.tables import case, content, organisation


@dataclass(frozen=True, slots=True)
class Organisation:
    """A body whose analysts see only its own cases, matches, requests and scans."""

    id: OrganisationId
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Owned:
    """A content's ids, and the organisation of its case."""

    content_id: ContentId
    public_id: PublicContentId
    organisation_id: OrganisationId


def add(
    connection: Connection, organisation_id: OrganisationId, *, name: str, now: datetime
) -> None:
    """Store a new organisation; no other may have its name."""
    connection.execute(insert(organisation).values(id=organisation_id, name=name, created_at=now))


def all_organisations(connection: Connection) -> list[Organisation]:
    """Return every organisation, oldest first."""
    query = select(organisation).order_by(organisation.c.created_at, organisation.c.id)
    return rows.as_list(Organisation, connection.execute(query))


def has_id(connection: Connection, organisation_id: OrganisationId) -> bool:
    """Return whether an organisation has this id."""
    query = select(func.count()).where(organisation.c.id == organisation_id)
    return connection.execute(query).scalar_one() > 0


def has_name(connection: Connection, name: str) -> bool:
    """Return whether an organisation has this name."""
    query = select(func.count()).where(organisation.c.name == name)
    return connection.execute(query).scalar_one() > 0


def owned(connection: Connection, content_ids: Sequence[ContentId]) -> dict[ContentId, Owned]:
    """Return these contents with their organisations, by id; deleted contents are left out."""
    query = (
        select(
            content.c.id.label("content_id"),
            content.c.public_id,
            case.c.organisation_id,
        )
        .join(case, case.c.id == content.c.case_id)
        .where(content.c.id.in_(content_ids))
    )
    return {each.content_id: each for each in rows.as_list(Owned, connection.execute(query))}
