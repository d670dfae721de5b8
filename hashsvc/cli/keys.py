"""`hashsvc keys`: API keys, made and revoked on the service's own machine."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Annotated

import typer

from hashsvc.api import Role, create_key, revoke_key
from hashsvc.cli.configured import read_settings
from hashsvc.cli.output import fail, say
from hashsvc.clock import utc_now
from hashsvc.store import Database, StoreError, keys
from hashsvc.store.ids import KeyId

app = typer.Typer(no_args_is_help=True, help="API keys: create, list, revoke.")
_ACTOR = "cli"


@contextmanager
def _database() -> Iterator[Database]:
    settings = read_settings()
    try:
        with closing(Database(settings.url)) as database:
            database.migrate()
            yield database
    except StoreError as error:
        fail(str(error))


@app.command()
def create(role: Annotated[Role, typer.Option(help="What the key is for.")]) -> None:
    """Make a key and print its token, this once; only a digest of it is kept."""
    with _database() as database:
        key = create_key(database, role, actor=_ACTOR, clock=utc_now)
    say(f"Key {key.key_id} of role {key.role}. Its token, shown this once:")
    typer.echo(key.token)


@app.command("list")
def list_keys() -> None:
    """List keys: id, role, when made, whether revoked."""
    with _database() as database, database.read() as connection:
        for key in keys.all_keys(connection):
            state = f"revoked {key.revoked_at:%Y-%m-%d}" if key.revoked_at else "live"
            typer.echo(f"{key.id}  {key.role:8}  {key.created_at:%Y-%m-%d}  {state}")


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="Id of the key.")]) -> None:
    """Revoke a key; it is useless from the next request on."""
    with _database() as database:
        revoke_key(database, KeyId(key_id), actor=_ACTOR, clock=utc_now)
    say("Revoked.")
