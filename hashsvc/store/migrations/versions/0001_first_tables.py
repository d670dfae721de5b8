"""First tables"""

import sqlalchemy as sa
from alembic import op

from hashsvc.store.tables import UtcTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("revoked_at", UtcTime(), nullable=True),
        sa.CheckConstraint(
            "role IN ('intake', 'analyst', 'scanner', 'admin')", name=op.f("ck_api_key_role")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_api_key_token_sha256")),
        sqlite_autoincrement=False,
        sqlite_strict=True,
    )
    op.create_table(
        "audit_entry",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_entry")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "bank_case",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("pin_hash", sa.Text(), nullable=False),
        sa.Column("opened_on", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_case")),
        sa.UniqueConstraint("number", name=op.f("uq_bank_case_number")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "change",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "content_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.CheckConstraint("kind IN ('add', 'remove')", name=op.f("ck_change_kind")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_change")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "scan",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("cancelled_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scan")),
        sqlite_autoincrement=False,
        sqlite_strict=True,
    )
    op.create_table(
        "content",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quality", sa.Integer(), nullable=False),
        sa.Column("added_on", sa.Text(), nullable=False),
        sa.CheckConstraint("quality BETWEEN 0 AND 100", name=op.f("ck_content_quality")),
        sa.ForeignKeyConstraint(["case_id"], ["bank_case.id"], name=op.f("fk_content_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_content")),
        sa.UniqueConstraint("public_id", name=op.f("uq_content_public_id")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    with op.batch_alter_table("content", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_content_case_id"), ["case_id"], unique=False)

    op.create_table(
        "scan_item",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("scan_id", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", UtcTime(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.Column("images_failed", sa.Integer(), nullable=False),
        sa.Column("finished_at", UtcTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'leased', 'done', 'failed', 'dead', 'cancelled')",
            name=op.f("ck_scan_item_state"),
        ),
        sa.ForeignKeyConstraint(
            ["scan_id"], ["scan.id"], name=op.f("fk_scan_item_scan_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scan_item")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    with op.batch_alter_table("scan_item", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_scan_item_scan_id_state"), ["scan_id", "state"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_scan_item_state_due_at"), ["state", "due_at"], unique=False
        )

    op.create_table(
        "match",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column(
            "content_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("scan_id", sa.Text(), nullable=True),
        sa.Column("page_url", sa.Text(), nullable=False),
        sa.Column("image_url", sa.Text(), nullable=False),
        sa.Column("image_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("found_at", UtcTime(), nullable=False),
        sa.Column("reviewed_by", sa.Text(), nullable=True),
        sa.Column("reviewed_at", UtcTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('suspected', 'confirmed', 'dismissed')", name=op.f("ck_match_state")
        ),
        sa.CheckConstraint("tier IN ('certain', 'likely', 'possible')", name=op.f("ck_match_tier")),
        sa.ForeignKeyConstraint(
            ["content_id"], ["content.id"], name=op.f("fk_match_content_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["scan_id"], ["scan.id"], name=op.f("fk_match_scan_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_match")),
        sa.UniqueConstraint("content_id", "image_url", name=op.f("uq_match_content_id_image_url")),
        sqlite_autoincrement=False,
        sqlite_strict=True,
    )
    with op.batch_alter_table("match", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_match_scan_id"), ["scan_id"], unique=False)

    op.create_table(
        "signal",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "content_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
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
    with op.batch_alter_table("signal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_signal_content_id"), ["content_id"], unique=False)

    op.create_table(
        "removal_request",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("match_id", sa.Text(), nullable=True),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("page_url", sa.Text(), nullable=False),
        sa.Column("image_url", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("notice", sa.Text(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["match_id"],
            ["match.id"],
            name=op.f("fk_removal_request_match_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_removal_request")),
        sa.UniqueConstraint("match_id", name=op.f("uq_removal_request_match_id")),
        sqlite_autoincrement=False,
        sqlite_strict=True,
    )
    op.create_table(
        "request_event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["removal_request.id"],
            name=op.f("fk_request_event_request_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request_event")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    with op.batch_alter_table("request_event", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_request_event_request_id"), ["request_id"], unique=False
        )
    if op.get_bind().dialect.name == "postgresql":
        _add_postgresql()


def _add_postgresql() -> None:
    """
    Add what only PostgreSQL needs.

    Each change gets a column with the id of its transaction (see hashsvc.store.feed). The length of
    the audit log gets its own table, because there is no AUTOINCREMENT (see audit_entries).
    """
    op.execute(
        "ALTER TABLE change ADD COLUMN xid bigint NOT NULL "
        "DEFAULT (pg_current_xact_id()::text::bigint)"
    )
    op.execute("CREATE INDEX ix_change_xid_seq ON change (xid, seq)")
    op.execute("CREATE TABLE audit_length (seq bigint NOT NULL)")
    op.execute("INSERT INTO audit_length VALUES (0)")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TABLE audit_length")
    with op.batch_alter_table("request_event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_request_event_request_id"))

    op.drop_table("request_event")
    op.drop_table("removal_request")
    with op.batch_alter_table("signal", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_signal_content_id"))

    op.drop_table("signal")
    with op.batch_alter_table("match", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_match_scan_id"))

    op.drop_table("match")
    with op.batch_alter_table("scan_item", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_scan_item_state_due_at"))
        batch_op.drop_index(batch_op.f("ix_scan_item_scan_id_state"))

    op.drop_table("scan_item")
    with op.batch_alter_table("content", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_content_case_id"))

    op.drop_table("content")
    op.drop_table("scan")
    op.drop_table("change")
    op.drop_table("bank_case")
    op.drop_table("audit_entry")
    op.drop_table("api_key")
