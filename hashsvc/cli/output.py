"""Messages for the user, the end of a command that fails, and an option for tables."""

import sys
from typing import Annotated, NoReturn

import typer

from hashsvc.spreadsheets import Dialect

CsvDialect = Annotated[
    Dialect,
    typer.Option(help="For CSV: `excel` has semicolons, decimal commas and a byte order mark."),
]


def say(line: str) -> None:
    """Print a message on stderr: a program may be reading stdout."""
    typer.echo(line, err=True)


def fail(line: str, *, code: int = 1) -> NoReturn:
    """Print a message on stderr and end the command."""
    typer.echo(line, err=True)
    sys.exit(code)
