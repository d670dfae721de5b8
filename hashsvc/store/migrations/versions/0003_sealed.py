"""
Data keys; sealed codes, PIN hashes, URLs, evidence and notices; erasures

Rows are sealed in place, so their unsealed bytes stay in the SQLite file until it is rewritten.
Database.migrate rewrites it. If that fails, the erasure that this migration stores makes sure that
housekeeping rewrites the file later.
"""

import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa
from alembic import op

from hashsvc.keyring import DataKey, KeyEncryptionKey
from hashsvc.store.data_keys import keyring_of
from hashsvc.store.packing import pack, unpack
from hashsvc.store.tables import UtcTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_RECORDS = "records"
_PAGE = 1000
# Older cases had no end. They get this lifetime from their opening, but at least 60 more days.
_LIFETIME = timedelta(days=730)
_LEAST_LEFT = timedelta(days=60)


def _rows(name: str, *columns: str) -> sa.TableClause:
    binary = ("wrapped", "sealed", "code", "image_sha256", "image_digest")
    return sa.table(
        name,
        *(sa.column(each, sa.LargeBinary() if each in binary else None) for each in columns),
    )


_data_key = _rows("data_key", "id", "kek_id", "wrapped")
_case = _rows("bank_case", "id", "number", "pin_hash", "opened_on", "ends_on", "key_id")
_content = _rows("content", "id", "case_id", "public_id")
_signal = _rows("signal", "id", "content_id", "algorithm", "view", "code")
_signature = _rows("signature", "content_id", "sealed")
_item = _rows("scan_item", "id", "scan_id", "url")
_match = _rows(
    "match", "id", "content_id", "page_url", "image_url", "evidence", "image_sha256", "image_digest"
)
_request = _rows("removal_request", "id", "match_id", "page_url", "image_url", "notice")
_erasure = sa.table("erasure", sa.column("id"), sa.column("at", UtcTime))

_MATCH_TEXTS = ("page_url", "image_url", "evidence")
_REQUEST_TEXTS = ("page_url", "image_url", "notice")


def upgrade() -> None:
    _create_tables()
    connection = op.get_bind()
    kek = keyring_of(connection).first()
    records = _new_key(connection, kek, _RECORDS)
    keys = _seal_cases(connection, kek)
    _seal_codes(connection, keys)
    op.drop_index(op.f("ix_signal_content_id"), "signal")
    op.drop_table("signal")
    op.add_column("match", sa.Column("image_digest", sa.LargeBinary(), nullable=True))
    _seal_matches(connection, keys)
    _rebuild_match("image_url", "image_digest")
    _change_items(connection, records.seal_text)
    _change_requests(connection, records.seal_text)
    if keys or connection.execute(sa.select(_item.c.id).limit(1)).first():
        connection.execute(
            sa.insert(_erasure).values(id=secrets.token_hex(16), at=datetime.now(UTC))
        )


def downgrade() -> None:
    connection = op.get_bind()
    records = _key(connection, _RECORDS)
    keys = {
        case_id: _key(connection, key_id)
        for case_id, key_id in connection.execute(sa.select(_case.c.id, _case.c.key_id))
    }
    _change_requests(connection, records.open_text)
    _change_items(connection, records.open_text)
    _open_matches(connection, keys)
    _rebuild_match("image_digest", "image_url")
    op.drop_column("match", "image_digest")
    _create_signal()
    _open_codes(connection, keys)
    for row in _paged(connection, _case):
        pin_hash = keys[row.id].open_text(row.pin_hash, context=f"pin of case {row.number}")
        connection.execute(sa.update(_case).where(_case.c.id == row.id).values(pin_hash=pin_hash))
    op.drop_index(op.f("ix_bank_case_key_id"), "bank_case")
    op.drop_index(op.f("ix_bank_case_ends_on"), "bank_case")
    op.drop_column("bank_case", "key_id")
    op.drop_table("signature")
    op.drop_index(op.f("ix_erasure_purged_at"), "erasure")
    op.drop_table("erasure")
    op.drop_table("data_key")


def _create_tables() -> None:
    op.create_table(
        "data_key",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kek_id", sa.Text(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_key")),
        sqlite_autoincrement=False,
        sqlite_strict=True,
    )
    op.create_table(
        "erasure",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("purged_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure")),
        sqlite_autoincrement=False,
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_erasure_purged_at"), "erasure", ["purged_at"], unique=False)
    op.create_table(
        "signature",
        sa.Column("content_id", _BIG_ID, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["content_id"], ["content.id"], name=op.f("fk_signature_content_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("content_id", name=op.f("pk_signature")),
        sqlite_autoincrement=False,
        sqlite_strict=True,
    )
    op.add_column("bank_case", sa.Column("key_id", sa.Text(), nullable=True))
    op.create_index(op.f("ix_bank_case_key_id"), "bank_case", ["key_id"], unique=True)
    op.create_index(op.f("ix_bank_case_ends_on"), "bank_case", ["ends_on"], unique=False)


def _create_signal() -> None:
    op.create_table(
        "signal",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("content_id", _BIG_ID, nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("view", sa.Text(), nullable=False),
        sa.Column("code", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["content_id"], ["content.id"], name=op.f("fk_signal_content_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signal")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_signal_content_id"), "signal", ["content_id"], unique=False)


def _rebuild_match(old: str, new: str) -> None:
    """Make matches unique by content and column `new`, instead of by content and `old`."""
    connection = op.get_bind()
    # SQLite rebuilds the table and drops the old one, which sets the requests' links to null.
    links = connection.execute(
        sa.select(_request.c.id, _request.c.match_id).where(_request.c.match_id.is_not(None))
    ).all()
    before = sa.Table(
        "match",
        sa.MetaData(),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("content_id", _BIG_ID, nullable=False),
        sa.Column("scan_id", sa.Text(), nullable=True),
        sa.Column("page_url", sa.Text(), nullable=False),
        sa.Column("image_url", sa.Text(), nullable=False),
        sa.Column("image_digest", sa.LargeBinary(), nullable=True),
        sa.Column("image_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("found_at", UtcTime(), nullable=False),
        sa.Column("reviewed_by", sa.Text(), nullable=True),
        sa.Column("reviewed_at", UtcTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('suspected', 'confirmed', 'dismissed')", name="ck_match_state"
        ),
        sa.CheckConstraint("tier IN ('certain', 'likely', 'possible')", name="ck_match_tier"),
        sa.ForeignKeyConstraint(
            ["content_id"], ["content.id"], name="fk_match_content_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["scan_id"], ["scan.id"], name="fk_match_scan_id", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_match"),
        sa.UniqueConstraint("content_id", old, name=f"uq_match_content_id_{old}"),
        sa.Index("ix_match_scan_id", "scan_id"),
    )
    with op.batch_alter_table(
        "match", copy_from=before, table_kwargs={"sqlite_strict": True}
    ) as batch_op:
        batch_op.drop_constraint(f"uq_match_content_id_{old}", type_="unique")
        batch_op.alter_column("image_digest", nullable=old == "image_digest")
        batch_op.create_unique_constraint(f"uq_match_content_id_{new}", ["content_id", new])
    for request_id, match_id in links:
        connection.execute(
            sa.update(_request).where(_request.c.id == request_id).values(match_id=match_id)
        )


def _new_key(connection: sa.Connection, kek: KeyEncryptionKey, key_id: str) -> DataKey:
    key = DataKey.new()
    connection.execute(
        sa.insert(_data_key).values(id=key_id, kek_id=kek.id, wrapped=kek.wrap(key, key_id=key_id))
    )
    return key


def _key(connection: sa.Connection, key_id: str) -> DataKey:
    row = connection.execute(sa.select(_data_key).where(_data_key.c.id == key_id)).one()
    return keyring_of(connection).unwrap(row.wrapped, kek_id=row.kek_id, key_id=key_id)


def _paged(connection: sa.Connection, rows: sa.TableClause) -> Iterator[sa.Row[tuple[object, ...]]]:
    """Yield all rows in order of id; the caller may change them at the same time."""
    query = sa.select(rows).order_by(rows.c.id).limit(_PAGE)
    page = connection.execute(query).all()
    while page:
        yield from page
        page = connection.execute(query.where(rows.c.id > page[-1].id)).all()


def _seal_cases(connection: sa.Connection, kek: KeyEncryptionKey) -> dict[int, DataKey]:
    keys: dict[int, DataKey] = {}
    today = datetime.now(UTC).date()
    for row in _paged(connection, _case):
        key_id = secrets.token_hex(16)
        keys[row.id] = _new_key(connection, kek, key_id)
        ends = max(date.fromisoformat(row.opened_on) + _LIFETIME, today + _LEAST_LEFT)
        connection.execute(
            sa.update(_case)
            .where(_case.c.id == row.id)
            .values(
                key_id=key_id,
                pin_hash=keys[row.id].seal_text(row.pin_hash, context=f"pin of case {row.number}"),
                ends_on=row.ends_on or ends.isoformat(),
            )
        )
    return keys


def _context(row: sa.Row[tuple[object, ...]]) -> str:
    return f"codes of content {row.public_id} of case {row.case_id}"


def _seal_codes(connection: sa.Connection, keys: dict[int, DataKey]) -> None:
    for row in _paged(connection, _content):
        signals = connection.execute(
            sa.select(_signal.c.algorithm, _signal.c.view, _signal.c.code)
            .where(_signal.c.content_id == row.id)
            .order_by(_signal.c.id)
        )
        packed = pack([(algorithm, view, code) for algorithm, view, code in signals])
        sealed = keys[row.case_id].seal(packed, context=_context(row))
        connection.execute(sa.insert(_signature).values(content_id=row.id, sealed=sealed))


def _open_codes(connection: sa.Connection, keys: dict[int, DataKey]) -> None:
    for row in _paged(connection, _content):
        query = sa.select(_signature.c.sealed).where(_signature.c.content_id == row.id)
        packed = keys[row.case_id].open(
            connection.execute(query).scalar_one(), context=_context(row)
        )
        for group in unpack(packed):
            for code in group:
                connection.execute(
                    sa.insert(_signal).values(
                        content_id=row.id, algorithm=group.algorithm, view=group.view, code=code
                    )
                )


def _keys_by_content(connection: sa.Connection, keys: dict[int, DataKey]) -> dict[int, DataKey]:
    rows = connection.execute(sa.select(_content.c.id, _content.c.case_id))
    return {content_id: keys[case_id] for content_id, case_id in rows}


def _seal_matches(connection: sa.Connection, keys: dict[int, DataKey]) -> None:
    by_content = _keys_by_content(connection, keys)
    for row in _paged(connection, _match):
        key = by_content[row.content_id]
        _change_texts(connection, _match, row, _MATCH_TEXTS, key.seal_text)
        sha256 = key.seal(row.image_sha256, context=f"image_sha256 of match {row.id}")
        connection.execute(
            sa.update(_match)
            .where(_match.c.id == row.id)
            .values(image_sha256=sha256, image_digest=key.digest(row.image_url))
        )


def _open_matches(connection: sa.Connection, keys: dict[int, DataKey]) -> None:
    by_content = _keys_by_content(connection, keys)
    for row in _paged(connection, _match):
        key = by_content[row.content_id]
        _change_texts(connection, _match, row, _MATCH_TEXTS, key.open_text)
        sha256 = key.open(row.image_sha256, context=f"image_sha256 of match {row.id}")
        connection.execute(
            sa.update(_match).where(_match.c.id == row.id).values(image_sha256=sha256)
        )


def _change_items(connection: sa.Connection, change: Callable[..., str]) -> None:
    for row in _paged(connection, _item):
        url = change(row.url, context=f"url of scan {row.scan_id}")
        connection.execute(sa.update(_item).where(_item.c.id == row.id).values(url=url))


def _change_requests(connection: sa.Connection, change: Callable[..., str]) -> None:
    for row in _paged(connection, _request):
        _change_texts(connection, _request, row, _REQUEST_TEXTS, change)


def _change_texts(
    connection: sa.Connection,
    rows: sa.TableClause,
    row: sa.Row[tuple[object, ...]],
    columns: tuple[str, ...],
    change: Callable[..., str],
) -> None:
    kind = {"removal_request": "request"}.get(rows.name, rows.name)
    changed = {
        each: change(getattr(row, each), context=f"{each} of {kind} {row.id}") for each in columns
    }
    connection.execute(sa.update(rows).where(rows.c.id == row.id).values(changed))
