"""Alembic's entry: runs the steps on the connection that Database.migrate hands in."""

from alembic import context

from hashsvc.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=True,
)
context.run_migrations()
