"""`hashsvc lists`: lists of common and of protected images, hashed on the service's machine."""

from typing import Annotated

import typer

from hashsvc.bank import BankError, ImageList, Lists
from hashsvc.cli.configured import open_database, read_settings
from hashsvc.cli.hashing import Paths
from hashsvc.cli.images import signatures
from hashsvc.cli.output import fail, say
from hashsvc.store.ids import LabelId

app = typer.Typer(
    no_args_is_help=True,
    help="Lists of images: common images are refused, protected images wait for an analyst.",
)
_ACTOR = "cli"
Kind = Annotated[ImageList, typer.Argument(help="Which list.")]


@app.command()
def add(kind: Kind, paths: Paths) -> None:
    """Add images to a list and print their labels in the files' order. File names are not kept."""
    failed = False
    with open_database(read_settings()) as database:
        lists = Lists(database)
        for signature in signatures(paths):
            if signature is None:
                failed = True
                continue
            typer.echo(lists.add(kind, signature, actor=_ACTOR))
    if failed:
        raise typer.Exit(1)


@app.command()
def show(kind: Kind) -> None:
    """Show the labels on a list, with the days on which they were added."""
    with open_database(read_settings()) as database:
        for each in Lists(database).images(kind):
            typer.echo(f"{each.label}  {each.added_at:%Y-%m-%d}  {each.signals} signals")


@app.command()
def remove(kind: Kind, label: Annotated[str, typer.Argument(help="The image's label.")]) -> None:
    """Remove an image from a list."""
    with open_database(read_settings()) as database:
        try:
            Lists(database).remove(kind, LabelId(label), actor=_ACTOR)
        except BankError as error:
            fail(str(error))
    say("Removed.")
