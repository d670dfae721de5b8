"""`hashsvc statistics`: how platforms handled the removal requests of a period."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from hashsvc.cli.connecting import LOCAL, Insecure, Key, Url, connected
from hashsvc.cli.output import fail, write
from hashsvc.cli.tables import CsvDialect
from hashsvc.spreadsheets import Dialect

_FORMS = (
    "json", "csv", "refusals.csv", "xlsx", "refusals.xlsx", "yearly-report.pdf", "removal.svg",
    "removal.png", "channels.svg", "channels.png",
)  # fmt: skip
_BY_ENDING = {".json": "json", ".xlsx": "xlsx", ".pdf": "yearly-report.pdf"}
_TEXTS = (".svg", "csv", "json")


def statistics(
    key: Key,
    since: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="First day, in local time.")
    ],
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Last day, in local time.")],
    url: Url = LOCAL,
    insecure: Insecure = False,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            help=f"One of {', '.join(_FORMS)}. If unset, csv, or what the file's extension says: "
            ".json, .xlsx or .pdf.",
        ),
    ] = None,
    dialect: CsvDialect = Dialect.STANDARD,
    output: Annotated[
        Path | None, typer.Option(help="File to write. If unset, the statistics are printed.")
    ] = None,
) -> None:
    """Show how platforms handled the requests that were first sent in a period."""
    if form is None:
        form = _BY_ENDING.get(output.suffix.lower() if output else "", "csv")
    if form not in _FORMS:
        fail(f"The format must be one of {', '.join(_FORMS)}.")
    end = until + timedelta(days=1)
    with connected(url, key, insecure) as client:
        content = client.content(
            "/v1/statistics",
            since=since.astimezone().isoformat(),
            until=end.astimezone().isoformat(),
            format=form,
            dialect=dialect,
        )
    write(content, output, is_text=form.endswith(_TEXTS))
