"""The version of the database's schema, and the upgrade to the newest version."""

from importlib.resources import files

from sqlalchemy import Connection, inspect, text

from hashsvc.store.errors import SchemaError

_SCRIPTS = "migrations"


def newest_version() -> str:
    """Return the newest version of the schema that this code knows, such as `0007`."""
    steps = files("hashsvc.store").joinpath(_SCRIPTS, "versions").iterdir()
    return max(each.name[:4] for each in steps if each.name[:4].isdecimal())


def version_of(connection: Connection) -> str | None:
    """Return the version of a database's schema; None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return version


def upgrade(connection: Connection) -> None:
    """
    Bring the schema of a database to the newest version.

    Raises:
        SchemaError: If the database was made by a newer version.
    """
    # Import Alembic only here: the import takes as long as all other work of a short command.
    import alembic.command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", f"hashsvc.store:{_SCRIPTS}")
    config.set_main_option("path_separator", "os")
    try:
        alembic.command.upgrade(config, "head")
    except CommandError as error:
        raise SchemaError("The database was made by a newer version of hashsvc.") from error
