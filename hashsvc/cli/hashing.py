"""`hashsvc hash`, which needs no service, and the form in which signatures are submitted."""

import csv
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from hashsvc.cli.images import signatures
from hashsvc.signals import OTHERS, PROFILES, Signature
from hashsvc.store.ids import random_id


class Format(StrEnum):
    """The formats in which signals are printed."""

    JSON = "json"
    CSV = "csv"


Other = StrEnum("Other", [each.name for each in OTHERS])  # type: ignore[misc]

Paths = Annotated[list[Path], typer.Argument(help="Images, or folders of images.")]


def hash_images(
    paths: Paths,
    form: Annotated[
        Format, typer.Option("--format", help="One JSON object per line, or CSV.")
    ] = Format.JSON,
    all_views: Annotated[
        bool, typer.Option(help="Print the turned, mirrored and trimmed views too.")
    ] = False,
    exact: Annotated[
        bool,
        typer.Option(
            help="Decode at full size and in colour, as other systems do. This is slower."
        ),
    ] = False,
    also: Annotated[
        list[Other] | None, typer.Option(help="A further algorithm. May be repeated.")
    ] = None,
) -> None:
    """Hash images on this machine. Neither the images nor their names are sent anywhere."""
    writer = csv.writer(sys.stdout)
    if form is Format.CSV:
        writer.writerow(("content", "quality", "view", "signal"))
    failed = False
    profiles = [PROFILES[each] for each in also or ()]
    for found in signatures(paths, exact=exact, also=profiles):
        if found is None:
            failed = True
            continue
        signature = found if all_views else found.whole()
        record = as_record(signature)
        if form is Format.JSON:
            typer.echo(json.dumps(record))
        else:
            for each in record["signals"]:
                row = (record["content"], record["quality"], each["view"], each["signal"])
                writer.writerow(row)
    if failed:
        raise typer.Exit(1)


def as_record(signature: Signature) -> dict[str, Any]:
    """Return a signature in the form in which it is submitted, with a new random id."""
    return {
        "content": random_id(),
        "quality": signature.quality,
        "signals": [{"signal": str(each.signal), "view": each.view} for each in signature.signals],
    }
