"""Repeated batches, hosts of scan items, sightings, watches"""

import sqlalchemy as sa
from alembic import op

from hashsvc.store.tables import UtcTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WAITING = sa.text("state IN ('queued', 'leased', 'failed')")
_DEFAULT_ORGANISATION = "0" * 32


def upgrade() -> None:
    zero = sa.text("0")
    op.add_column(
        "scan", sa.Column("duplicates", sa.Integer(), server_default=zero, nullable=False)
    )
    op.add_column("scan", sa.Column("invalid", sa.Text(), nullable=True))
    op.add_column("scan", sa.Column("repeat_digest", sa.LargeBinary(), nullable=True))
    op.add_column("scan", sa.Column("batch_digest", sa.LargeBinary(), nullable=True))
    op.add_column("scan", sa.Column("watch_id", sa.Text(), nullable=True))
    op.add_column("scan", sa.Column("via", sa.Text(), nullable=True))
    op.create_index(op.f("ix_scan_repeat_digest"), "scan", ["repeat_digest"], unique=True)
    op.create_index(op.f("ix_scan_watch_id"), "scan", ["watch_id"], unique=False)
    op.add_column("scan_item", sa.Column("host_digest", sa.LargeBinary(), nullable=True))
    op.add_column(
        "scan_item", sa.Column("attempts_before", sa.Integer(), server_default=zero, nullable=False)
    )
    op.drop_index(op.f("ix_scan_item_state_due_at"), "scan_item")
    op.create_index(
        op.f("ix_scan_item_due_at_host_digest"),
        "scan_item",
        ["due_at", "host_digest"],
        unique=False,
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    )
    op.add_column("match", sa.Column("facts", sa.Text(), nullable=True))
    _create_tables()


def _create_tables() -> None:
    op.create_table(
        "watch",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column(
            "organisation_id", sa.Text(), server_default=_DEFAULT_ORGANISATION, nullable=False
        ),
        sa.Column("scan_id", sa.Text(), nullable=False),
        sa.Column("every_h", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("due_at", UtcTime(), nullable=True),
        sa.Column("ends_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["scan_id"], ["scan.id"], name=op.f("fk_watch_scan_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_watch")),
        sqlite_autoincrement=False,
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_watch_scan_id"), "watch", ["scan_id"], unique=False)
    op.create_index(op.f("ix_watch_due_at"), "watch", ["due_at"], unique=False)
    op.create_table(
        "sighting",
        sa.Column("item_id", _BIG_ID, nullable=False),
        sa.Column("match_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_id"], ["scan_item.id"], name=op.f("fk_sighting_item_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["match_id"], ["match.id"], name=op.f("fk_sighting_match_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("item_id", "match_id", name=op.f("pk_sighting")),
        sqlite_autoincrement=False,
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_sighting_match_id"), "sighting", ["match_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_sighting_match_id"), "sighting")
    op.drop_table("sighting")
    op.drop_index(op.f("ix_watch_due_at"), "watch")
    op.drop_index(op.f("ix_watch_scan_id"), "watch")
    op.drop_table("watch")
    op.drop_column("match", "facts")
    op.drop_index(op.f("ix_scan_item_due_at_host_digest"), "scan_item")
    op.create_index(
        op.f("ix_scan_item_state_due_at"), "scan_item", ["state", "due_at"], unique=False
    )
    op.drop_column("scan_item", "attempts_before")
    op.drop_column("scan_item", "host_digest")
    op.drop_index(op.f("ix_scan_watch_id"), "scan")
    op.drop_index(op.f("ix_scan_repeat_digest"), "scan")
    for column in ("via", "watch_id", "batch_digest", "repeat_digest", "invalid", "duplicates"):
        op.drop_column("scan", column)
