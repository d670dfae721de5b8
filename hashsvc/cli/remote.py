"""Commands that speak to a service: `submit`, `match`, `scan`."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from hashsvc.bank import MAX_CONTENTS
from hashsvc.cli.client import Client, ServiceError
from hashsvc.cli.images import signatures
from hashsvc.cli.local import Paths, as_record
from hashsvc.cli.output import fail, say
from hashsvc.signals import PDQ, REGION, Signature

_LOOK_AGAIN_S = 0.5

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
_LOCAL = "http://127.0.0.1:8000"


@contextmanager
def _service(url: str, key: str, insecure: bool) -> Iterator[Client]:
    try:
        with Client(url, key, insecure=insecure) as client:
            yield client
    except ServiceError as error:
        fail(str(error))


def submit(
    paths: Paths,
    key: Key,
    url: Url = _LOCAL,
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
    with _service(url, key, insecure) as client:
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


def match(paths: Paths, key: Key, url: Url = _LOCAL, insecure: Insecure = False) -> None:
    """Hash images on this machine and ask whether the bank holds them; one JSON line each."""
    failed = False
    with _service(url, key, insecure) as client:
        for number, found in enumerate(signatures(paths), start=1):
            if found is None:
                failed = True
                continue
            record = as_record(found)
            del record["content"]
            typer.echo(json.dumps({"file": number, "matches": client.post("/v1/lookups", record)}))
    if failed:
        raise typer.Exit(1)


def scan(
    file: Annotated[Path, typer.Argument(help="Reported URLs, one a line; - for stdin.")],
    key: Key,
    url: Url = _LOCAL,
    insecure: Insecure = False,
    wait: Annotated[bool, typer.Option(help="Show progress until the scan is finished.")] = False,
) -> None:
    """Submit a batch of reported URLs; with --wait, show its progress and what became of it."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text()
    except (OSError, UnicodeDecodeError):
        fail("The file with the URLs cannot be read as text.")
    lines = text.splitlines()
    kept = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if not kept:
        fail("There is no URL in the file.")
    with _service(url, key, insecure) as client:
        created = client.post("/v1/scans", {"urls": [line for _, line in kept]})
        for each in created["invalid"]:
            say(f"Line {kept[each['line'] - 1][0]}: {each['rule']}")
        say(
            f"Scan {created['scan']}: {created['accepted']} URLs, "
            f"{created['duplicates']} more were there twice."
        )
        state = follow(client, created["scan"]) if wait else client.get(_path(created["scan"]))
    typer.echo(json.dumps(state))


def follow(client: Client, scan_id: str) -> dict[str, Any]:
    """Show a scan's progress on stderr until it is finished, and return its last state."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[matches]} suspected"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("Scanning", total=None, matches=0)
        while True:
            state: dict[str, Any] = client.get(_path(scan_id))
            bar.update(
                task,
                total=state["total"],
                completed=state["finished"],
                matches=sum(state["matches"].values()),
            )
            if state["finished"] >= state["total"]:
                return state
            time.sleep(_LOOK_AGAIN_S)


def _path(scan_id: str) -> str:
    return f"/v1/scans/{scan_id}"
