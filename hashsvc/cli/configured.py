"""Settings and database of the commands that run on the service's own machine."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from pydantic import ValidationError

from hashsvc.cli.output import fail
from hashsvc.settings import Settings
from hashsvc.store import Database, StoreError
from hashsvc.store.sqlite import path_of


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """Open the database and bring its schema up to date; an error ends the command."""
    try:
        with closing(Database.of(settings)) as database:
            database.migrate()
            yield database
    except StoreError as error:
        fail(str(error))


@contextmanager
def open_existing(settings: Settings) -> Iterator[Database]:
    """Open the database as `open_database` does, but never create one."""
    path = path_of(settings.url)
    if path is not None and not path.exists():
        fail("There is no database at the place that the settings name.")
    with open_database(settings) as database:
        yield database


def read_settings() -> Settings:
    """Return the settings; a wrong setting ends the command with its name and its rule."""
    try:
        return Settings()
    except ValidationError as error:
        # Values are not repeated: one of them may hold a password.
        wrong = error.errors(include_input=False, include_url=False)
        rules = (f"HASHSVC_{str(each['loc'][0]).upper()}: {each['msg']}." for each in wrong)
        fail(" ".join(rules))
