"""
The tables. Columns hold opaque ids, codes, times and states; never a name or an image.

SQLite tables are STRICT, so types are INTEGER, REAL, TEXT and BLOB there.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    TIMESTAMP,
    BigInteger,
    CheckConstraint,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.types import TypeEngine

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite hands out rowids from INTEGER PRIMARY KEY only; elsewhere ids are 64 bits wide.
BigId = BigInteger().with_variant(Integer(), "sqlite")


class UtcTime(TypeDecorator[datetime]):
    """An aware datetime in UTC; ISO text of fixed width on SQLite, so that text sorts by time."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Text())
        return dialect.type_descriptor(TIMESTAMP(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> object:
        if value is None:
            return None
        assert value.tzinfo is not None, "times are aware"
        moment = value.astimezone(UTC)
        return moment.isoformat(timespec="microseconds") if dialect.name == "sqlite" else moment

    def process_result_value(self, value: object, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        assert isinstance(moment, datetime)
        return moment.astimezone(UTC)


def _table(name: str, *parts: Column[object] | UniqueConstraint | CheckConstraint | Index) -> Table:
    # AUTOINCREMENT: the id of a deleted row must never come back, for an index may still hold it.
    autoincrement = any(
        isinstance(part, Column) and part.primary_key and isinstance(part.type, BigInteger)
        for part in parts
    )
    return Table(name, metadata, *parts, sqlite_strict=True, sqlite_autoincrement=autoincrement)


def _one_of(column: str, *values: str) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


api_key = _table(
    "api_key",
    Column("id", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("token_sha256", LargeBinary, nullable=False, unique=True),
    Column("created_at", UtcTime, nullable=False),
    Column("revoked_at", UtcTime),
    _one_of("role", "intake", "analyst", "scanner", "admin"),
)

case = _table(
    "bank_case",  # CASE is a word of SQL
    Column("id", BigId, primary_key=True),
    Column("number", Text, nullable=False, unique=True),
    Column("pin_hash", Text, nullable=False),
    Column("opened_on", Text, nullable=False),
)

content = _table(
    "content",
    Column("id", BigId, primary_key=True),
    Column("public_id", Text, nullable=False, unique=True),
    Column("case_id", ForeignKey("bank_case.id"), nullable=False, index=True),
    Column("quality", Integer, nullable=False),
    Column("added_on", Text, nullable=False),
    CheckConstraint("quality BETWEEN 0 AND 100", name="quality"),
)

signal = _table(
    "signal",
    Column("id", BigId, primary_key=True),
    Column("content_id", ForeignKey("content.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("algorithm", Text, nullable=False),
    Column("view", Text, nullable=False),
    Column("code", LargeBinary, nullable=False),
)

# What indices follow. `content_id` is no foreign key: a removal outlives its content.
change = _table(
    "change",
    Column("seq", BigId, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("content_id", BigId, nullable=False),
    _one_of("kind", "add", "remove"),
)

scan = _table(
    "scan",
    Column("id", Text, primary_key=True),
    Column("key_id", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("cancelled_at", UtcTime),
)

scan_item = _table(
    "scan_item",
    Column("id", BigId, primary_key=True),
    Column("scan_id", ForeignKey("scan.id", ondelete="CASCADE"), nullable=False),
    Column("url", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("due_at", UtcTime, nullable=False),
    Column("reason", Text),
    Column("images", Integer, nullable=False, default=0),
    Column("images_failed", Integer, nullable=False, default=0),
    Column("finished_at", UtcTime),
    _one_of("state", "queued", "leased", "done", "failed", "dead", "cancelled"),
    Index(None, "state", "due_at"),
    Index(None, "scan_id", "state"),
)

match = _table(
    "match",
    Column("id", Text, primary_key=True),
    Column("content_id", ForeignKey("content.id", ondelete="CASCADE"), nullable=False),
    Column("scan_id", ForeignKey("scan.id", ondelete="SET NULL"), index=True),
    Column("page_url", Text, nullable=False),
    Column("image_url", Text, nullable=False),
    Column("image_sha256", LargeBinary, nullable=False),
    Column("tier", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("found_at", UtcTime, nullable=False),
    Column("reviewed_by", Text),
    Column("reviewed_at", UtcTime),
    UniqueConstraint("content_id", "image_url"),
    _one_of("tier", "certain", "likely", "possible"),
    _one_of("state", "suspected", "confirmed", "dismissed"),
)

removal_request = _table(
    "removal_request",
    Column("id", Text, primary_key=True),
    Column("match_id", ForeignKey("match.id", ondelete="SET NULL"), unique=True),
    Column("platform", Text, nullable=False),
    Column("page_url", Text, nullable=False),
    Column("image_url", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("notice", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

request_event = _table(
    "request_event",
    Column("id", BigId, primary_key=True),
    Column(
        "request_id",
        ForeignKey("removal_request.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("at", UtcTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("outcome", Text),
)

audit_entry = _table(
    "audit_entry",
    Column("seq", BigId, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)
