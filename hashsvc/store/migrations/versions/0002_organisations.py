"""Organisations, keys that expire, wrong PINs, listed images, pending contents, dual approval"""

import secrets
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from hashsvc.store.tables import UtcTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_DEFAULT_ORGANISATION = "0" * 32
_SCOPED = ("api_key", "bank_case", "scan", "removal_request")


def upgrade() -> None:
    op.create_table(
        "organisation",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
        sa.UniqueConstraint("name", name=op.f("uq_organisation_name")),
        sqlite_autoincrement=False,
        sqlite_strict=True,
    )
    # Add columns, but do not rebuild tables: in a rebuilt table the ids of deleted rows could be
    # used again.
    for table in _SCOPED:
        op.add_column(
            table,
            sa.Column(
                "organisation_id",
                sa.Text(),
                server_default=_DEFAULT_ORGANISATION,
                nullable=False,
            ),
        )
    op.add_column("api_key", sa.Column("expires_at", UtcTime(), nullable=True))
    op.add_column("api_key", sa.Column("last_used_on", sa.Text(), nullable=True))
    op.add_column("api_key", sa.Column("match_secret", sa.LargeBinary(), nullable=True))
    op.add_column("bank_case", sa.Column("ends_on", sa.Text(), nullable=True))
    _fill()
    _create_tables()


def _fill() -> None:
    connection = op.get_bind()
    organisation = sa.table(
        "organisation", sa.column("id"), sa.column("name"), sa.column("created_at", UtcTime())
    )
    connection.execute(
        sa.insert(organisation).values(
            id=_DEFAULT_ORGANISATION, name="default", created_at=datetime.now(UTC)
        )
    )
    key = sa.table("api_key", sa.column("id"), sa.column("match_secret", sa.LargeBinary()))
    for (key_id,) in connection.execute(sa.select(key.c.id)).all():
        connection.execute(
            sa.update(key).where(key.c.id == key_id).values(match_secret=secrets.token_bytes(32))
        )


def _create_tables() -> None:
    op.create_table(
        "pin_guess",
        sa.Column("number_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("wrong", sa.Integer(), nullable=False),
        sa.Column("last_at", UtcTime(), nullable=False),
        sa.Column("wait_until", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("number_sha256", name=op.f("pk_pin_guess")),
        sqlite_autoincrement=False,
        sqlite_strict=True,
    )
    op.create_table(
        "pin_reset",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case_id", _BIG_ID, nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", UtcTime(), nullable=False),
        sa.Column("expires_at", UtcTime(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("approved_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["bank_case.id"], name=op.f("fk_pin_reset_case_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pin_reset")),
        sqlite_autoincrement=False,
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_pin_reset_case_id"), "pin_reset", ["case_id"], unique=False)
    op.create_table(
        "pending_content",
        sa.Column("content_id", _BIG_ID, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("pending_since", UtcTime(), nullable=False),
        sa.CheckConstraint(
            "reason IN ('common', 'protected')", name=op.f("ck_pending_content_reason")
        ),
        sa.ForeignKeyConstraint(
            ["content_id"],
            ["content.id"],
            name=op.f("fk_pending_content_content_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("content_id", name=op.f("pk_pending_content")),
        sqlite_autoincrement=False,
        sqlite_strict=True,
    )
    op.create_table(
        "listed_signal",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("list", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("code", sa.LargeBinary(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column("added_at", UtcTime(), nullable=False),
        sa.CheckConstraint("list IN ('common', 'protected')", name=op.f("ck_listed_signal_list")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listed_signal")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_listed_signal_label"), "listed_signal", ["label"], unique=False)
    op.create_table(
        "bulk_export",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", UtcTime(), nullable=False),
        sa.Column("expires_at", UtcTime(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("approved_at", UtcTime(), nullable=True),
        sa.Column("taken_by", sa.Text(), nullable=True),
        sa.Column("taken_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_export")),
        sqlite_autoincrement=False,
        sqlite_strict=True,
    )


def downgrade() -> None:
    op.drop_table("bulk_export")
    op.drop_index(op.f("ix_listed_signal_label"), "listed_signal")
    op.drop_table("listed_signal")
    op.drop_table("pending_content")
    op.drop_index(op.f("ix_pin_reset_case_id"), "pin_reset")
    op.drop_table("pin_reset")
    op.drop_table("pin_guess")
    op.drop_column("bank_case", "ends_on")
    for column in ("match_secret", "last_used_on", "expires_at"):
        op.drop_column("api_key", column)
    for table in _SCOPED:
        op.drop_column(table, "organisation_id")
    op.drop_table("organisation")
