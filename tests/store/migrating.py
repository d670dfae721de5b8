"""Migrating a test's database up or down to a certain revision."""

import alembic.command
from alembic.config import Config

from hashsvc.store import Database

CONFIG = Config()
CONFIG.set_main_option("script_location", "hashsvc.store:migrations")
CONFIG.set_main_option("path_separator", "os")


def downgrade(database: Database, revision: str) -> None:
    """Undo the migrations after a revision."""
    with database.write() as connection:
        CONFIG.attributes["connection"] = connection
        alembic.command.downgrade(CONFIG, revision)


def upgrade(database: Database, revision: str) -> None:
    """Run the migrations up to a revision."""
    with database.write() as connection:
        CONFIG.attributes["connection"] = connection
        alembic.command.upgrade(CONFIG, revision)
