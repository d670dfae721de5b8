"""The option of commands that print tables."""

from typing import Annotated

import typer

from hashsvc.spreadsheets import Dialect

CsvDialect = Annotated[
    Dialect,
    typer.Option(help="For CSV: `excel` has semicolons, decimal commas and a byte order mark."),
]
