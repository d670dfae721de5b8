"""What became of the images of a scan item"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_COLUMNS = (
    "icons_left_out",
    "images_over_limit",
    "frames_not_followed",
    "parts_not_read",
    "pictures_left_out",
)


def upgrade() -> None:
    # Null for items that were looked at before: nobody counted.
    for name in _COLUMNS:
        op.add_column("scan_item", sa.Column(name, sa.Integer(), nullable=True))


def downgrade() -> None:
    for name in reversed(_COLUMNS):
        op.drop_column("scan_item", name)
