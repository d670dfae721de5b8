"""`hashsvc compare`, which needs no service."""

import json
from pathlib import Path
from typing import Annotated

import typer

from hashsvc import matching, signals
from hashsvc.cli.images import image_limits
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
    """
    Compare two images or signals on this machine, and print tier, distances and reasons.

    All frames of an animation are compared, and all sections of a long image. The most alike two
    are printed.
    """
    first, second = _pictures(original, "first"), _pictures(candidate, "second")
    places = matching.nearest_pair(first, second)
    compared = matching.explain(first[places[0]], second[places[1]])
    if as_json:
        numbers = {"first": places[0] + 1, "second": places[1] + 1}
        answer = compared.evidence.as_json() | {"reasons": list(compared.reasons)}
        typer.echo(json.dumps(answer | {"pictures": numbers}, indent=2))
        return
    for which, pictures, place in zip(("first", "second"), (first, second), places, strict=True):
        if len(pictures) > 1:
            typer.echo(f"Picture {place + 1} of {len(pictures)} of the {which} image:")
    typer.echo(_table(compared))


def _pictures(text: str, which: str) -> list[Signature]:
    """Return the signatures of an image's pictures, or one with just the given signal."""
    path = Path(text)
    try:
        if not path.exists() and ":" in text:
            # A signal alone has no quality. Assume the best: whoever shared it found it useful.
            return [Signature(100, (ViewedSignal(Signal.parse(text), View.WHOLE),))]
        return signals.sign_frames(path.read_bytes(), limits=image_limits())
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
