"""Commands that need no service: `hash` and `compare`."""

import csv
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from hashsvc.cli.images import signatures
from hashsvc.cli.output import fail
from hashsvc.matching import Comparison, Finding, explain
from hashsvc.signals import (
    OTHERS,
    PROFILES,
    REGION,
    ImageError,
    Signal,
    SignalFormatError,
    Signature,
    View,
    ViewedSignal,
    sign_image,
)
from hashsvc.store.ids import random_id


class Format(StrEnum):
    """How signals are printed."""

    JSON = "json"
    CSV = "csv"


Other = StrEnum("Other", [each.name for each in OTHERS])  # type: ignore[misc]

Paths = Annotated[list[Path], typer.Argument(help="Images, or folders of images.")]


def hash_images(
    paths: Paths,
    form: Annotated[
        Format, typer.Option("--format", help="One JSON object a line, or CSV.")
    ] = Format.JSON,
    all_views: Annotated[
        bool, typer.Option(help="Turned, mirrored and trimmed views too, as a candidate has.")
    ] = False,
    exact: Annotated[
        bool, typer.Option(help="Decode at full size and in colour, as other systems do.")
    ] = False,
    also: Annotated[
        list[Other] | None, typer.Option(help="Further algorithms; may be repeated.")
    ] = None,
) -> None:
    """Hash images on this machine. Neither the images nor their names go anywhere."""
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
    """Return a signature as a content to submit, under a new random id."""
    return {
        "content": random_id(),
        "quality": signature.quality,
        "signals": [{"signal": str(each.signal), "view": each.view} for each in signature.signals],
    }


def compare_images(
    original: Annotated[str, typer.Argument(help="An image, or a signal such as pdq1:f8….")],
    candidate: Annotated[str, typer.Argument(help="An image, or a signal.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare two images, or signals, on this machine: the tier, the distances, and why."""
    compared = explain(_signature(original, "first"), _signature(candidate, "second"))
    told = compared.evidence.as_json() | {"reasons": list(compared.reasons)}
    typer.echo(json.dumps(told, indent=2) if as_json else _table(compared))


def _signature(text: str, which: str) -> Signature:
    path = Path(text)
    try:
        if not path.exists() and ":" in text:
            # A signal alone says nothing of its image's quality; it was good enough to be shared.
            return Signature(100, (ViewedSignal(Signal.parse(text), View.WHOLE),))
        return sign_image(path.read_bytes())
    except (ImageError, SignalFormatError) as error:
        fail(f"The {which} one: {error}")
    except OSError as error:
        fail(f"The {which} one: It cannot be read ({error.strerror}).")


def _table(compared: Comparison) -> str:
    evidence = compared.evidence
    lines = [f"{evidence.tier or 'no match'}: {evidence.why}", "", *compared.reasons, ""]
    lines += [
        f"{each.algorithm:8} {each.view:14} {each.distance:4} bits "
        f"{'within' if each.matches else 'over'} {each.threshold}{_regions(each)}"
        for each in evidence.findings
    ]
    return "\n".join(lines)


def _regions(finding: Finding) -> str:
    if finding.algorithm != REGION.name:
        return ""
    return f", {finding.regions} regions, contrast {finding.contrast}"
