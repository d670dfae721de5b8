"""Migrations from each schema to the next, which Alembic runs when the service starts."""
