"""Alembic's entry: runs the steps on the connection that Database.migrate hands in."""

from alembic import context

import hashsvc.store.feedback_tables
import hashsvc.store.removal_tables  # noqa: F401 - so does this.
from hashsvc.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=True,
)
context.run_migrations()
