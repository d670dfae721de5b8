"""Alembic's entry point, which runs the migrations on the connection from Database.migrate."""

from alembic import context

import hashsvc.store.feedback_tables
import hashsvc.store.removal_tables  # noqa: F401 - both modules add tables to `metadata`.
from hashsvc.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=True,
)
context.run_migrations()
