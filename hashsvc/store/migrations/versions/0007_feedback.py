"""Candidates, contents to match retroactively, suppressions, quarantines, lowest tiers"""

import sqlalchemy as sa
from alembic import op

from hashsvc.keyring import WRAPPED_BYTES
from hashsvc.store.tables import UtcTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_DEFAULT_ORGANISATION = "0" * 32
_data_key = sa.table("data_key", sa.column("id"), sa.column("wrapped", sa.LargeBinary()))
_day = sa.table("candidate_day", sa.column("key_id"))
# In the order in which the tables can be created. They are dropped in the opposite order.
_TABLES = (
    "candidate_day",
    "candidate",
    "candidate_regions",
    "unmatched",
    "dismissal",
    "suppression",
    "quarantine",
    "case_lowest_tier",
    "host_lowest_tier",
)
_INDICES = {
    "candidate": ("day", "scan_id"),
    "unmatched": ("content_id",),
    "suppression": ("content_id", "match_id"),
}


def upgrade() -> None:
    _create_candidates()
    _create_feedback()
    _create_rules()
    for table, columns in _INDICES.items():
        for column in columns:
            op.create_index(op.f(f"ix_{table}_{column}"), table, [column], unique=False)


def downgrade() -> None:
    """Undo the migration; candidates are lost, and their keys are destroyed."""
    days = sa.select(_day.c.key_id).scalar_subquery()
    destroyed = bytes(WRAPPED_BYTES)
    op.execute(sa.update(_data_key).where(_data_key.c.id.in_(days)).values(wrapped=destroyed))
    for table in reversed(_TABLES):
        for column in _INDICES.get(table, ()):
            op.drop_index(op.f(f"ix_{table}_{column}"), table)
        op.drop_table(table)


def _foreign(table: str, column: str, target: str, ondelete: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}"), ondelete=ondelete
    )


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def _create_candidates() -> None:
    op.create_table(
        "candidate_day",
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        _key("candidate_day", "day"),
        sa.UniqueConstraint("key_id", name=op.f("uq_candidate_day_key_id")),
        sqlite_autoincrement=False,
        sqlite_strict=True,
    )
    op.create_table(
        "candidate",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("dedup_digest", sa.LargeBinary(), nullable=False),
        sa.Column("scan_id", sa.Text(), nullable=True),
        sa.Column("private", sa.LargeBinary(), nullable=False),
        sa.Column("whole", sa.LargeBinary(), nullable=False),
        _foreign("candidate", "scan_id", "scan", "SET NULL"),
        _key("candidate", "id"),
        sa.UniqueConstraint("dedup_digest", name=op.f("uq_candidate_dedup_digest")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "candidate_regions",
        sa.Column("candidate_id", _BIG_ID, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        _foreign("candidate_regions", "candidate_id", "candidate", "CASCADE"),
        _key("candidate_regions", "candidate_id"),
        sqlite_autoincrement=False,
        sqlite_strict=True,
    )
    op.create_table(
        "unmatched",
        sa.Column("seq", _BIG_ID, nullable=False),
        sa.Column("content_id", _BIG_ID, nullable=False),
        sa.Column("after_id", _BIG_ID, server_default=sa.text("0"), nullable=False),
        sa.Column("due_at", UtcTime(), nullable=True),
        _foreign("unmatched", "content_id", "content", "CASCADE"),
        _key("unmatched", "seq"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )


def _create_feedback() -> None:
    op.create_table(
        "dismissal",
        sa.Column("match_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint("reason IN ('other-image', 'other')", name=op.f("ck_dismissal_reason")),
        _foreign("dismissal", "match_id", "match", "CASCADE"),
        _key("dismissal", "match_id"),
        sqlite_autoincrement=False,
        sqlite_strict=True,
    )
    op.create_table(
        "suppression",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column(
            "organisation_id", sa.Text(), server_default=_DEFAULT_ORGANISATION, nullable=False
        ),
        sa.Column("content_id", _BIG_ID, nullable=True),
        sa.Column("match_id", sa.Text(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        _foreign("suppression", "content_id", "content", "CASCADE"),
        _foreign("suppression", "match_id", "match", "SET NULL"),
        _key("suppression", "id"),
        sqlite_autoincrement=False,
        sqlite_strict=True,
    )
    op.create_table(
        "quarantine",
        sa.Column("content_id", _BIG_ID, nullable=False),
        sa.Column("since", UtcTime(), nullable=False),
        sa.Column("begun_at", UtcTime(), nullable=False),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.CheckConstraint("since <= begun_at", name=op.f("ck_quarantine_since")),
        _foreign("quarantine", "content_id", "content", "CASCADE"),
        _key("quarantine", "content_id"),
        sqlite_autoincrement=False,
        sqlite_strict=True,
    )


def _create_rules() -> None:
    op.create_table(
        "case_lowest_tier",
        sa.Column("case_id", _BIG_ID, nullable=False),
        sa.Column("lowest_tier", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "lowest_tier IN ('certain', 'likely')", name=op.f("ck_case_lowest_tier_lowest_tier")
        ),
        _foreign("case_lowest_tier", "case_id", "bank_case", "CASCADE"),
        _key("case_lowest_tier", "case_id"),
        sqlite_autoincrement=False,
        sqlite_strict=True,
    )
    op.create_table(
        "host_lowest_tier",
        sa.Column("organisation_id", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("lowest_tier", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "lowest_tier IN ('certain', 'likely')", name=op.f("ck_host_lowest_tier_lowest_tier")
        ),
        _key("host_lowest_tier", "organisation_id", "host"),
        sqlite_autoincrement=False,
        sqlite_strict=True,
    )
