"""`hashsvc organisations`: create and list organisations, each with its own cases."""

from typing import Annotated

import typer

from hashsvc.access import create_organisation
from hashsvc.access.errors import BadNameError, NameTakenError
from hashsvc.cli.configured import open_database, read_settings
from hashsvc.cli.output import fail
from hashsvc.clock import utc_now
from hashsvc.store import organisations

app = typer.Typer(no_args_is_help=True, help="Organisations: create, list.")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Name of the organisation, for administrators.")],
) -> None:
    """Create an organisation and print its id, for `hashsvc keys create --organisation`."""
    with open_database(read_settings()) as database:
        try:
            made = create_organisation(database, name, actor="cli", clock=utc_now)
        except (BadNameError, NameTakenError) as error:
            fail(str(error))
    typer.echo(made.id)


@app.command("list")
def list_organisations() -> None:
    """List organisations: id, day of creation, name."""
    with open_database(read_settings()) as database, database.read() as connection:
        for each in organisations.all_organisations(connection):
            typer.echo(f"{each.id}  {each.created_at:%Y-%m-%d}  {each.name}")
