"""Messages for the user, and the end of a command that fails."""

import sys
from typing import NoReturn

import typer


def say(line: str) -> None:
    """Print a message on stderr: a program may be reading stdout."""
    typer.echo(line, err=True)


def fail(line: str, *, code: int = 1) -> NoReturn:
    """Print a message on stderr and end the command."""
    typer.echo(line, err=True)
    sys.exit(code)
