"""Notices that are being mailed, and when the answer to a request is due"""

import sqlalchemy as sa
from alembic import op

from hashsvc.store.tables import UtcTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notice_mailing",
        sa.Column("notice_id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("begun_by", sa.Text(), nullable=False),
        sa.Column("begun_at", UtcTime(), nullable=False),
        sa.Column("unsure_from", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["notice_id"],
            ["removal_notice.id"],
            name=op.f("fk_notice_mailing_notice_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["removal_request.id"],
            name=op.f("fk_notice_mailing_request_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("notice_id", name=op.f("pk_notice_mailing")),
        sqlite_autoincrement=False,
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_notice_mailing_request_id"), "notice_mailing", ["request_id"], unique=False
    )
    # The service fills this column when it starts, because only the law data say how long a
    # platform has to answer.
    op.add_column("removal_request", sa.Column("answer_due_at", UtcTime(), nullable=True))
    op.create_index(
        op.f("ix_removal_request_answer_due_at"), "removal_request", ["answer_due_at"], unique=False
    )


def downgrade() -> None:
    """Undo the migration; the record of notices that are being mailed is lost."""
    op.drop_index(op.f("ix_removal_request_answer_due_at"), "removal_request")
    op.drop_column("removal_request", "answer_due_at")
    op.drop_index(op.f("ix_notice_mailing_request_id"), "notice_mailing")
    op.drop_table("notice_mailing")
