"""What the commands print, and how they end."""

import sys
from typing import NoReturn

import typer


def say(line: str) -> None:
    """Print a line for the user, who may be reading while a program reads stdout."""
    typer.echo(line, err=True)


def fail(line: str, *, code: int = 1) -> NoReturn:
    """End the command with one line on stderr."""
    typer.echo(line, err=True)
    sys.exit(code)
