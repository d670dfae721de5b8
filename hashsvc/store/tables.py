"""
Tables for cases, scans, matches and the audit log, and helpers for defining tables.

Columns hold opaque ids, codes, times and states; never a person's name or an image. Private values
are sealed (see hashsvc.keyring): codes, hashes of PINs, URLs, digests of found images, evidence,
notices. A sealed text is stored as base64 in a text column.

SQLite tables are STRICT, so their columns have the types INTEGER, REAL, TEXT and BLOB.
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
    text,
)
from sqlalchemy.types import TypeEngine

from hashsvc.store.ids import DEFAULT_ORGANISATION

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite generates ids only for INTEGER PRIMARY KEY. On PostgreSQL ids are 64 bits wide.
BigId = BigInteger().with_variant(Integer(), "sqlite")


class UtcTime(TypeDecorator[datetime]):
    """An aware datetime in UTC. SQLite stores ISO text of fixed width, which sorts by time."""

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


def table(name: str, *parts: Column[object] | UniqueConstraint | CheckConstraint | Index) -> Table:
    # AUTOINCREMENT: the id of a deleted row must never be used again, because an index may still
    # hold it.
    autoincrement = any(
        isinstance(part, Column) and part.primary_key and isinstance(part.type, BigInteger)
        for part in parts
    )
    return Table(name, metadata, *parts, sqlite_strict=True, sqlite_autoincrement=autoincrement)


def one_of(column: str, *values: str) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def organisation_column() -> Column[object]:
    # No foreign key: SQLite cannot add one to a table that has rows. Organisations are never
    # deleted.
    return Column("organisation_id", Text, nullable=False, server_default=DEFAULT_ORGANISATION)


organisation = table(
    "organisation",
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created_at", UtcTime, nullable=False),
)

api_key = table(
    "api_key",
    Column("id", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("token_sha256", LargeBinary, nullable=False, unique=True),
    Column("created_at", UtcTime, nullable=False),
    Column("revoked_at", UtcTime),
    organisation_column(),
    Column("expires_at", UtcTime),
    Column("last_used_on", Text),
    # Answers to this key's lookups name contents by digests made with this secret, so that nobody
    # can compare the names that two keys get.
    Column("match_secret", LargeBinary),
    one_of("role", "intake", "analyst", "scanner", "admin"),
)

# A person who signs in through an issuer. The person's key has no token. The digest of the issuer's
# name for the person is made with the records key.
person = table(
    "person",
    Column("key_id", ForeignKey("api_key.id"), primary_key=True),
    Column("name_digest", LargeBinary, nullable=False, unique=True),
)

# A data key is wrapped by the key-encryption key `kek_id`, which is never stored here. `wrapped` is
# zeros once the data key is destroyed.
data_key = table(
    "data_key",
    Column("id", Text, primary_key=True),
    Column("kek_id", Text, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
)

# The random ids of what was erased, and the time since which the file holds no byte of it.
erasure = table(
    "erasure",
    Column("id", Text, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("purged_at", UtcTime, index=True),
)

case = table(
    "bank_case",  # CASE is a keyword of SQL.
    Column("id", BigId, primary_key=True),
    Column("number", Text, nullable=False, unique=True),
    Column("pin_hash", Text, nullable=False),
    Column("opened_on", Text, nullable=False),
    organisation_column(),
    # The first day on which the case no longer exists, unless it is renewed before; null if it
    # lasts until it is withdrawn.
    Column("ends_on", Text, index=True),
    # The data key. Null only during a migration; no foreign key, as with organisations.
    Column("key_id", Text, index=True, unique=True),
)

# Counts of wrong PINs. Numbers that no case has are counted too: otherwise the wait would reveal
# which numbers exist.
pin_guess = table(
    "pin_guess",
    Column("number_sha256", LargeBinary, primary_key=True),
    Column("wrong", Integer, nullable=False),
    Column("last_at", UtcTime, nullable=False),
    Column("wait_until", UtcTime),
)

pin_reset = table(
    "pin_reset",
    Column("id", Text, primary_key=True),
    Column("case_id", ForeignKey("bank_case.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("approved_by", Text),
    Column("approved_at", UtcTime),
)

content = table(
    "content",
    Column("id", BigId, primary_key=True),
    Column("public_id", Text, nullable=False, unique=True),
    Column("case_id", ForeignKey("bank_case.id"), nullable=False, index=True),
    Column("quality", Integer, nullable=False),
    Column("added_on", Text, nullable=False),
    CheckConstraint("quality BETWEEN 0 AND 100", name="quality"),
)

# All of a content's codes, sealed together.
signature = table(
    "signature",
    Column("content_id", ForeignKey("content.id", ondelete="CASCADE"), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)

# A content that waits for an analyst. It gets its entry in the change feed when it is released.
pending_content = table(
    "pending_content",
    Column("content_id", ForeignKey("content.id", ondelete="CASCADE"), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("label", Text),
    Column("pending_since", UtcTime, nullable=False),
    one_of("reason", "common", "protected"),
)

# Codes of listed images: common ones, which belong to nobody, and protected ones, which must stay
# public. The label is a random id; no name is stored.
listed_signal = table(
    "listed_signal",
    Column("id", BigId, primary_key=True),
    Column("list", Text, nullable=False),
    Column("label", Text, nullable=False, index=True),
    Column("algorithm", Text, nullable=False),
    Column("code", LargeBinary, nullable=False),
    Column("added_by", Text, nullable=False),
    Column("added_at", UtcTime, nullable=False),
    one_of("list", "common", "protected"),
)

# The change feed that indices follow. `content_id` is not a foreign key, because the entry of a
# removal outlives its content.
change = table(
    "change",
    Column("seq", BigId, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("content_id", BigId, nullable=False),
    one_of("kind", "add", "remove"),
)

# `duplicates` counts the lines of the batch that repeated a URL, and `invalid` lists those that
# were not valid URLs, by rule (JSON). The digests of an Idempotency-Key and of the batch sent with
# it are made with the records key.
scan = table(
    "scan",
    Column("id", Text, primary_key=True),
    Column("key_id", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("cancelled_at", UtcTime),
    organisation_column(),
    Column("duplicates", Integer, nullable=False, server_default=text("0")),
    Column("invalid", Text),
    Column("repeat_digest", LargeBinary, unique=True, index=True),
    Column("batch_digest", LargeBinary),
    Column("watch_id", Text, index=True),
    # Name of the proxy that the URLs are fetched through; null for the settings' default.
    Column("via", Text),
)

# The states of items that are still to be done. Queries must use exactly this text, which the index
# has too: otherwise SQLite does not use the index.
WAITING = text("state IN ('queued', 'leased', 'failed')")

scan_item = table(
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
    # Made with the records key: it shows which items share a host, but not the host's name.
    Column("host_digest", LargeBinary),
    # Attempts that do not count towards the limit: see `scans.Item`.
    Column("attempts_before", Integer, nullable=False, server_default=text("0")),
    # Null until somebody has counted; see `tallies.Tally`.
    Column("icons_left_out", Integer),
    Column("images_over_limit", Integer),
    Column("frames_not_followed", Integer),
    Column("parts_not_read", Integer),
    Column("pictures_left_out", Integer),
    one_of("state", "queued", "leased", "done", "failed", "dead", "cancelled"),
    Index(None, "due_at", "host_digest", sqlite_where=WAITING, postgresql_where=WAITING),
    Index(None, "scan_id", "state"),
)

# A scan that is repeated on a schedule; `scan_id` is the latest of its scans.
watch = table(
    "watch",
    Column("id", Text, primary_key=True),
    Column("key_id", Text, nullable=False),
    organisation_column(),
    Column("scan_id", ForeignKey("scan.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("every_h", Integer, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    # Null once the watch has ended.
    Column("due_at", UtcTime, index=True),
    Column("ends_at", UtcTime, nullable=False),
)

match = table(
    "match",
    Column("id", Text, primary_key=True),
    Column("content_id", ForeignKey("content.id", ondelete="CASCADE"), nullable=False),
    Column("scan_id", ForeignKey("scan.id", ondelete="SET NULL"), index=True),
    Column("page_url", Text, nullable=False),
    Column("image_url", Text, nullable=False),
    Column("image_digest", LargeBinary, nullable=False),
    Column("image_sha256", LargeBinary, nullable=False),
    Column("tier", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("found_at", UtcTime, nullable=False),
    Column("reviewed_by", Text),
    Column("reviewed_at", UtcTime),
    # Facts about the download (JSON, sealed); null if they were not kept.
    Column("facts", Text),
    UniqueConstraint("content_id", "image_digest"),
    one_of("tier", "certain", "likely", "possible"),
    one_of("state", "suspected", "confirmed", "dismissed"),
)

# An item's scan saw a match's image, for the first time or again.
sighting = table(
    "sighting",
    Column("item_id", ForeignKey("scan_item.id", ondelete="CASCADE"), primary_key=True),
    Column("match_id", ForeignKey("match.id", ondelete="CASCADE"), primary_key=True, index=True),
)

bulk_export = table(
    "bulk_export",
    Column("id", Text, primary_key=True),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("approved_by", Text),
    Column("approved_at", UtcTime),
    Column("taken_by", Text),
    Column("taken_at", UtcTime),
)

audit_entry = table(
    "audit_entry",
    Column("seq", BigId, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)
