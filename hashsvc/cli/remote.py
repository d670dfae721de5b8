"""`hashsvc submit` and `hashsvc match`: hash images here and send their signals to a service."""

import itertools
import json
from collections.abc import Iterable
from typing import Annotated, Any

import typer

from hashsvc import bank
from hashsvc.cli.connecting import LOCAL, Insecure, Key, Url, connected
from hashsvc.cli.hashing import Paths, as_record
from hashsvc.cli.images import picture_signatures, signatures
from hashsvc.cli.output import fail, say
from hashsvc.signals import PDQ, REGION, Signature

# Those of `hashsvc.matching`, whose import would take half a second.
_TIERS = ("certain", "likely", "possible")


def submit(
    paths: Paths,
    key: Key,
    url: Url = LOCAL,
    insecure: Insecure = False,
    case: Annotated[
        str | None,
        typer.Option(help="Number of a case to add the images to. If unset, a new case is opened."),
    ] = None,
    adult: Annotated[
        bool | None, typer.Option(help="Whether the person shown was an adult in every image.")
    ] = None,
    without_regions: Annotated[
        bool,
        typer.Option(
            "--without-regions",
            help="Send no signals of parts of an image. The service then stores less about the "
            "image, but does not find cropped, captioned, framed or screenshotted copies.",
        ),
    ] = False,
) -> None:
    """Hash images on this machine and submit their signals to a case. No image is sent."""
    signed = list(signatures(paths))
    contents = [
        as_record(each.without(REGION) if without_regions else each)
        for each in (each.whole() for each in signed if each and not _too_plain(each))
    ]
    if plain := sum(each is not None and _too_plain(each) for each in signed):
        say(f"{plain} of {len(signed)} images are too plain to tell from others and were left out.")
    if not contents:
        fail("There is no image to submit.")
    with connected(url, key, insecure) as client:
        if case is None:
            if adult is None:
                adult = typer.confirm("Was the person shown an adult in every image?", err=True)
            opened = client.post("/v1/cases", {"adult": adult})
            case = str(opened["number"])
            say(f"Case {case} is open. Its PIN, shown only once: {opened['pin']}")
        for start in range(0, len(contents), bank.MAX_CONTENTS):
            batch = contents[start : start + bank.MAX_CONTENTS]
            client.post(f"/v1/cases/{case}/contents", {"contents": batch})
            for each in batch:
                typer.echo(json.dumps({"case": case, "content": each["content"]}))
    if len(contents) < len(signed):
        raise typer.Exit(1)


def _too_plain(signature: Signature) -> bool:
    return signature.quality < PDQ.min_quality


def match(paths: Paths, key: Key, url: Url = LOCAL, insecure: Insecure = False) -> None:
    """
    Hash images on this machine, look them up, and print one line of JSON for each image.

    Each frame of an animation is looked up, and each section of a long image.
    """
    failed = False
    with connected(url, key, insecure) as client:
        for number, pictures in enumerate(picture_signatures(paths), start=1):
            if pictures is None:
                failed = True
                continue
            answers = (client.post("/v1/lookups", _looked_up(each)) for each in pictures)
            matches = _surest_of_each(itertools.chain.from_iterable(answers))
            typer.echo(json.dumps({"file": number, "matches": matches}))
            if pictures.skipped:
                say(f"File {number}: {pictures.skipped} further frames or sections were left out.")
    if failed:
        raise typer.Exit(1)


def _looked_up(signature: Signature) -> dict[str, Any]:
    record = as_record(signature)
    del record["content"]
    return record


def _surest_of_each(matches: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the surest match with each content, the surest first."""
    by_tier = sorted(matches, key=lambda each: _TIERS.index(each["tier"]))
    return list({each["pseudonym"]: each for each in reversed(by_tier)}.values())[::-1]
