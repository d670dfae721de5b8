"""People who sign in through an issuer; pending contents keep only the day"""

import sqlalchemy as sa
from alembic import op

from hashsvc.store.tables import UtcTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "person",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("name_digest", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["api_key.id"], name=op.f("fk_person_key_id")),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_person")),
        sa.UniqueConstraint("name_digest", name=op.f("uq_person_name_digest")),
        sqlite_autoincrement=False,
        sqlite_strict=True,
    )

    # Only the day is kept for pending contents, as for all others.
    pending = sa.table(
        "pending_content", sa.column("content_id"), sa.column("pending_since", UtcTime())
    )
    connection = op.get_bind()
    for content_id, at in connection.execute(sa.select(pending)).all():
        day = at.replace(hour=0, minute=0, second=0, microsecond=0)
        connection.execute(
            sa.update(pending).where(pending.c.content_id == content_id).values(pending_since=day)
        )


def downgrade() -> None:
    op.drop_table("person")
