"""The operator's own entries in the registry of platforms, and stored RDAP answers about hosts."""

from collections.abc import Iterator, MutableMapping
from datetime import datetime

from sqlalchemy import Connection, delete, func, select, update

from hashsvc.store import rows
from hashsvc.store.removal_tables import platform_entry, rdap_answer


def put(connection: Connection, entry_id: str, entry: str, *, now: datetime) -> None:
    """Store an entry (JSON text), replacing the one with the same id."""
    values = {"entry": entry, "changed_at": now}
    changed = update(platform_entry).where(platform_entry.c.id == entry_id).values(**values)
    if not rows.changed_one(connection.execute(changed)):
        connection.execute(
            rows.insert_once(connection, platform_entry).values(id=entry_id, **values)
        )


def remove(connection: Connection, entry_id: str) -> bool:
    """Delete an entry; return False if there is none."""
    query = delete(platform_entry).where(platform_entry.c.id == entry_id)
    return rows.changed_one(connection.execute(query))


def all_entries(connection: Connection) -> list[str]:
    """Return all entries (JSON text), in order of id."""
    query = select(platform_entry.c.entry).order_by(platform_entry.c.id)
    return list(connection.execute(query).scalars())


class RdapAnswers(MutableMapping[str, tuple[str | None, datetime]]):
    """RDAP answers by host: the abuse contact (None if there is none), and when RDAP was asked."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __getitem__(self, host: str) -> tuple[str | None, datetime]:
        query = select(rdap_answer.c.email, rdap_answer.c.asked_at).where(
            rdap_answer.c.host == host
        )
        row = self._connection.execute(query).one_or_none()
        if row is None:
            raise KeyError(host)
        return row.email, row.asked_at

    def __setitem__(self, host: str, answer: tuple[str | None, datetime]) -> None:
        self.pop(host, None)
        email, asked_at = answer
        self._connection.execute(
            rows.insert_once(self._connection, rdap_answer).values(
                host=host, email=email, asked_at=asked_at
            )
        )

    def __delitem__(self, host: str) -> None:
        query = delete(rdap_answer).where(rdap_answer.c.host == host)
        if not rows.changed_one(self._connection.execute(query)):
            raise KeyError(host)

    def __iter__(self) -> Iterator[str]:
        yield from self._connection.execute(select(rdap_answer.c.host)).scalars()

    def __len__(self) -> int:
        return self._connection.execute(select(func.count()).select_from(rdap_answer)).scalar_one()
