"""Messages for the user, documents, and the end of a command that fails."""

import sys
from pathlib import Path
from typing import NoReturn

import typer


def say(line: str) -> None:
    """Print a message on stderr: a program may be reading stdout."""
    typer.echo(line, err=True)


def fail(line: str, *, code: int = 1) -> NoReturn:
    """Print a message on stderr and end the command."""
    typer.echo(line, err=True)
    sys.exit(code)


def write(content: bytes, output: Path | None, *, is_text: bool = True) -> None:
    """
    Write a document to a file, or print it if no file is given.

    Args:
        is_text: Whether a terminal can show the document.
    """
    if output is None:
        if not is_text and sys.stdout.isatty():
            fail("A terminal cannot show this format. Name a file with --output.")
        typer.echo(content, nl=False)
        return
    try:
        output.write_bytes(content)
    except OSError as error:
        fail(f"The file cannot be written: {error.strerror}.")
    say(f"{len(content)} bytes written.")
