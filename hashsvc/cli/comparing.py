"""`hashsvc compare`, which needs no service."""

import json
from pathlib import Path
from typing import Annotated

import typer

from hashsvc import matching, signals
from hashsvc.cli.output import fail
from hashsvc.signals import (
    REGION,
    ImageError,
    Signal,
    SignalFormatError,
    Signature,
    View,
    ViewedSignal,
)


def compare_images(
    original: Annotated[str, typer.Argument(help="An image, or a signal such as pdq1:f8….")],
    candidate: Annotated[str, typer.Argument(help="An image, or a signal.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare two images or signals on this machine, and print tier, distances and reasons."""
    compared = matching.explain(_signature(original, "first"), _signature(candidate, "second"))
    answer = compared.evidence.as_json() | {"reasons": list(compared.reasons)}
    typer.echo(json.dumps(answer, indent=2) if as_json else _table(compared))


def _signature(text: str, which: str) -> Signature:
    path = Path(text)
    try:
        if not path.exists() and ":" in text:
            # A signal alone has no quality. Assume the best: whoever shared it found it useful.
            return Signature(100, (ViewedSignal(Signal.parse(text), View.WHOLE),))
        return signals.sign_image(path.read_bytes())
    except (ImageError, SignalFormatError) as error:
        fail(f"The {which} image or signal: {error}")
    except OSError as error:
        fail(f"The {which} file cannot be read ({error.strerror}).")


def _table(compared: "matching.Comparison") -> str:
    evidence = compared.evidence
    lines = [f"{evidence.tier or 'no match'}: {evidence.why}", "", *compared.reasons, ""]
    lines += [
        f"{each.algorithm:8} {each.view:14} {each.distance:4} bits "
        f"{'within' if each.matches else 'over'} {each.threshold}{_regions(each)}"
        for each in evidence.findings
    ]
    return "\n".join(lines)


def _regions(finding: "matching.Finding") -> str:
    if finding.algorithm != REGION.name:
        return ""
    return f", {finding.regions} regions, contrast {finding.contrast}"
