"""Commands that speak to a service: `submit`, `match`; `scan` is in a module of its own."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from hashsvc.bank import MAX_CONTENTS
from hashsvc.cli.client import Client, ServiceError
from hashsvc.cli.images import signatures
from hashsvc.cli.local import Paths, as_record
from hashsvc.cli.output import fail, say
from hashsvc.signals import PDQ, REGION, Signature

Url = Annotated[str, typer.Option(envvar="HASHSVC_URL", help="Where the service is.")]
Key = Annotated[
    str, typer.Option(envvar="HASHSVC_KEY", help="API key; better in the variable than here.")
]
Insecure = Annotated[
    bool,
    typer.Option(
        "--insecure",
        envvar="HASHSVC_INSECURE",
        help="Allow an http:// address of another machine: the network can read key and signals.",
    ),
]
LOCAL = "http://127.0.0.1:8000"


@contextmanager
def connected(url: str, key: str, insecure: bool) -> Iterator[Client]:
    """Open a connection to a service; what it refuses ends the command with one line."""
    try:
        with Client(url, key, insecure=insecure) as client:
            yield client
    except ServiceError as error:
        fail(str(error))


def submit(
    paths: Paths,
    key: Key,
    url: Url = LOCAL,
    insecure: Insecure = False,
    case: Annotated[
        str | None, typer.Option(help="Number of a case to add to; else one is opened.")
    ] = None,
    adult: Annotated[
        bool | None, typer.Option(help="Whether the person shown was an adult in every image.")
    ] = None,
    without_regions: Annotated[
        bool,
        typer.Option(
            "--without-regions",
            help="Send no signals of parts of an image: what is stored then shows no part of it, "
            "but copies that were cropped, captioned, framed or screenshotted are not found.",
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
        say(f"{plain} of {len(signed)} are too plain to tell from other images, and left out.")
    if not contents:
        fail("There is nothing to submit.")
    with connected(url, key, insecure) as client:
        if case is None:
            if adult is None:
                adult = typer.confirm("Was the person shown an adult in every image?", err=True)
            opened = client.post("/v1/cases", {"adult": adult})
            case = str(opened["number"])
            say(f"Case {case} is open. Its PIN, shown this once: {opened['pin']}")
        for start in range(0, len(contents), MAX_CONTENTS):
            batch = contents[start : start + MAX_CONTENTS]
            client.post(f"/v1/cases/{case}/contents", {"contents": batch})
            for each in batch:
                typer.echo(json.dumps({"case": case, "content": each["content"]}))
    if len(contents) < len(signed):
        raise typer.Exit(1)


def _too_plain(signature: Signature) -> bool:
    return signature.quality < PDQ.min_quality


def match(paths: Paths, key: Key, url: Url = LOCAL, insecure: Insecure = False) -> None:
    """Hash images on this machine and ask whether the bank holds them; one JSON line each."""
    failed = False
    with connected(url, key, insecure) as client:
        for number, found in enumerate(signatures(paths), start=1):
            if found is None:
                failed = True
                continue
            record = as_record(found)
            del record["content"]
            typer.echo(json.dumps({"file": number, "matches": client.post("/v1/lookups", record)}))
    if failed:
        raise typer.Exit(1)
