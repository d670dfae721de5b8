"""`hashsvc scan` and `hashsvc scans`: submit reported URLs, follow scans, print results."""

import json
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from hashsvc.cli.client import Client, ServiceError
from hashsvc.cli.connecting import LOCAL, Insecure, Key, Url, connected
from hashsvc.cli.output import fail, say, write
from hashsvc.cli.tables import CsvDialect
from hashsvc.scanning import BatchFormat, BatchLine, sort_lines
from hashsvc.scanning.lists import BadListError, read_file, read_lines
from hashsvc.spreadsheets import Dialect

_LOOK_AGAIN_S = 0.5
_TOO_LARGE = 413
# These do not exceed a service's default limits for one request: 10,000 URLs and 2 MB.
_MOST_LINES = 10_000
_MOST_BYTES = 1_500_000
_ENDINGS = {
    ".csv": BatchFormat.CSV,
    ".tsv": BatchFormat.CSV,
    ".jsonl": BatchFormat.JSON_LINES,
    ".ndjson": BatchFormat.JSON_LINES,
}

app = typer.Typer(no_args_is_help=True, help="Scans of reported URLs: follow, stop, results.")


class InputFormat(StrEnum):
    """The formats of a file with URLs."""

    LINES = "lines"
    CSV = "csv"
    JSONL = "jsonl"


class ResultFormat(StrEnum):
    """The formats of results."""

    CSV = "csv"
    JSON = "json"
    XLSX = "xlsx"


_FORMS = {
    InputFormat.LINES: BatchFormat.LINES,
    InputFormat.CSV: BatchFormat.CSV,
    InputFormat.JSONL: BatchFormat.JSON_LINES,
}
ScanId = Annotated[str, typer.Argument(help="The scan's id.", metavar="SCAN")]


def scan(
    file: Annotated[Path, typer.Argument(help="File with reported URLs, or - for stdin.")],
    key: Key,
    url: Url = LOCAL,
    insecure: Insecure = False,
    wait: Annotated[bool, typer.Option(help="Show progress until the scan is finished.")] = False,
    form: Annotated[
        InputFormat | None,
        typer.Option(
            "--format",
            help="One URL per line, CSV or JSON lines. If unset, the file's extension decides.",
        ),
    ] = None,
    via: Annotated[
        str | None,
        typer.Option(help="Name of the service's proxy through which to fetch the URLs."),
    ] = None,
) -> None:
    """Submit reported URLs for a scan. With --wait, show its progress until it ends."""
    lines = _valid_lines(_read(file, form))
    with connected(url, key, insecure) as client:
        ids = [_print_answer(each) for each in _submit(client, lines, via)]
        states = _follow_all(client, ids) if wait else [client.get(_path(each)) for each in ids]
    for state in states:
        if wait:
            say(_tally_line(state["tally"]))
        typer.echo(json.dumps(state))


@app.command()
def show(scan: ScanId, key: Key, url: Url = LOCAL, insecure: Insecure = False) -> None:
    """Show the progress of a scan."""
    with connected(url, key, insecure) as client:
        typer.echo(json.dumps(client.get(_path(scan))))


@app.command("follow")
def follow_scan(scan: ScanId, key: Key, url: Url = LOCAL, insecure: Insecure = False) -> None:
    """Show the progress of a scan until it is finished. Ctrl-C does not stop the scan."""
    with connected(url, key, insecure) as client:
        for state in _follow_all(client, [scan]):
            say(_tally_line(state["tally"]))
            typer.echo(json.dumps(state))


@app.command()
def cancel(scan: ScanId, key: Key, url: Url = LOCAL, insecure: Insecure = False) -> None:
    """Cancel the URLs of a scan that have not been started."""
    _change(scan, "cancel", url, key, insecure)


@app.command()
def resume(scan: ScanId, key: Key, url: Url = LOCAL, insecure: Insecure = False) -> None:
    """Resume a scan that was cancelled."""
    _change(scan, "resume", url, key, insecure)


@app.command()
def retry(scan: ScanId, key: Key, url: Url = LOCAL, insecure: Insecure = False) -> None:
    """Retry the failed URLs of a scan, including those that the service gave up."""
    _change(scan, "retry", url, key, insecure)


@app.command()
def results(
    scan: ScanId,
    key: Key,
    url: Url = LOCAL,
    insecure: Insecure = False,
    form: Annotated[
        ResultFormat | None,
        typer.Option(
            "--format",
            help="Format of the results. If unset, the extension of the file decides, or else csv.",
        ),
    ] = None,
    dialect: CsvDialect = Dialect.STANDARD,
    output: Annotated[
        Path | None, typer.Option(help="File to write. If unset, the results are printed.")
    ] = None,
) -> None:
    """Print or save the result of each URL of a scan, with its suspected re-uploads."""
    if output is not None and str(output) in list(ResultFormat):
        fail("--output names a file. Choose the format with --format.")
    form = form or _format_of(output)
    with connected(url, key, insecure) as client:
        parts = client.parts(f"{_path(scan)}/results", format=form, dialect=dialect)
        if output is None and form is not ResultFormat.XLSX:
            for part in parts:
                typer.echo(part, nl=False)
        else:
            # Ask for all parts first, so that no file has only some of the results.
            write(b"".join(parts), output, is_text=form is not ResultFormat.XLSX)


@app.command()
def watch(
    scan: ScanId,
    key: Key,
    url: Url = LOCAL,
    insecure: Insecure = False,
    every_h: Annotated[int, typer.Option(min=1, help="Hours between two scans.")] = 24,
    days: Annotated[int, typer.Option(min=1, help="Days until the watch ends.")] = 90,
) -> None:
    """Scan the URLs of a scan again on a schedule, to see whether an image comes back."""
    with connected(url, key, insecure) as client:
        body = {"scan": scan, "every_h": every_h, "days": days}
        typer.echo(json.dumps(client.post("/v1/watches", body)))


@app.command()
def watches(key: Key, url: Url = LOCAL, insecure: Insecure = False) -> None:
    """List watches, newest first, one line of JSON per watch."""
    with connected(url, key, insecure) as client:
        for each in client.get("/v1/watches", limit=1000):
            typer.echo(json.dumps(each))


@app.command()
def unwatch(
    watch: Annotated[str, typer.Argument(help="The watch's id.")],
    key: Key,
    url: Url = LOCAL,
    insecure: Insecure = False,
) -> None:
    """End a watch. What it has found is kept."""
    with connected(url, key, insecure) as client:
        client.delete(f"/v1/watches/{watch}")
    say("Ended.")


def follow(client: Client, *scan_ids: str) -> list[dict[str, Any]]:
    """
    Show the progress of scans on stderr until they are finished, and return their last states.

    Raises:
        KeyboardInterrupt: If the user presses Ctrl-C. The scans continue.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[found]} found, {task.fields[failed]} failed"),
        _Rate(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("Scanning", total=None, found=0, failed=0)
        while True:
            states = [client.get(_path(each)) for each in scan_ids]
            finished, total = (sum(each[name] for each in states) for name in ("finished", "total"))
            bar.update(
                task,
                total=total,
                completed=finished,
                found=sum(sum(each["matches"].values()) for each in states),
                failed=sum(each["items"].get("dead", 0) for each in states),
            )
            if finished >= total:
                return states
            time.sleep(_LOOK_AGAIN_S)


class _Rate(ProgressColumn):
    """A column with the URLs per second."""

    def render(self, task: Task) -> Text:
        """Return the rate as text; empty until it is known."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f}/s")


def _follow_all(client: Client, ids: Sequence[str]) -> list[dict[str, Any]]:
    with _telling_that_scans_continue(ids):
        return follow(client, *ids)


def _format_of(output: Path | None) -> ResultFormat:
    ending = output.suffix.lower().removeprefix(".") if output else ""
    return ResultFormat(ending) if ending in list(ResultFormat) else ResultFormat.CSV


def _tally_line(tally: dict[str, int]) -> str:
    """Return what became of a scan's images as a line of text."""
    return (
        f"Images: {tally['images_seen']} seen, of which {tally['images']} examined, "
        f"{tally['images_failed']} failed, {tally['icons_left_out']} left out as icons, "
        f"{tally['images_over_limit']} over a limit. Not read: "
        f"{tally['frames_not_followed']} frames of pages, {tally['parts_not_read']} other parts, "
        f"{tally['pictures_left_out']} frames or sections of images."
    )


@contextmanager
def _telling_that_scans_continue(ids: Sequence[str]) -> Iterator[None]:
    """Say how to follow or cancel the scans if following them ends early."""
    try:
        yield
    except (KeyboardInterrupt, ServiceError) as error:
        for each in ids:
            say(f"The scan continues: hashsvc scans follow {each}, or hashsvc scans cancel {each}.")
        if isinstance(error, ServiceError):
            raise
        raise SystemExit(130) from None


def _read(file: Path, form: InputFormat | None) -> list[BatchLine]:
    try:
        body = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError:
        fail("The file with the URLs cannot be read.")
    by_ending = _ENDINGS.get(file.suffix.lower(), BatchFormat.LINES)
    try:
        return read_file(body, by_ending) if form is None else read_lines(body, _FORMS[form])
    except BadListError as error:
        fail(str(error))


def _valid_lines(lines: Sequence[BatchLine]) -> list[BatchLine]:
    """Return the lines that are URLs. Print the others with the reason; they are not sent."""
    good = []
    for line in lines:
        batch = sort_lines([line])
        for rule in batch.invalid:
            say(f"Line {line.number}: {rule}")
        if batch.urls:
            good.append(line)
    if not good:
        fail("There is no URL in the file.")
    return good


def _submit(
    client: Client, lines: Sequence[BatchLine], via: str | None
) -> Iterator[tuple[Sequence[BatchLine], Any]]:
    """Submit a batch in parts that the service accepts; yield each part with its answer."""
    waiting = list(_parts(lines))[::-1]
    path = "/v1/scans" if via is None else f"/v1/scans?{urlencode({'via': via})}"
    while waiting:
        part = waiting.pop()
        body = {"urls": [each.text or "" for each in part]}
        # With this key, the service recognises a part that is sent again.
        headers = {"Idempotency-Key": secrets.token_urlsafe(16)}
        try:
            yield part, client.post(path, body, headers=headers)
        except ServiceError as error:
            if error.status != _TOO_LARGE or len(part) == 1:
                raise
            middle = len(part) // 2
            waiting += [part[middle:], part[:middle]]


def _parts(lines: Sequence[BatchLine]) -> Iterator[list[BatchLine]]:
    part: list[BatchLine] = []
    size = 0
    for line in lines:
        more = len((line.text or "").encode()) + 4
        if part and (len(part) == _MOST_LINES or size + more > _MOST_BYTES):
            yield part
            part, size = [], 0
        part.append(line)
        size += more
    if part:
        yield part


def _print_answer(submitted: tuple[Sequence[BatchLine], Any]) -> str:
    """Print how many URLs of a part were accepted, and return the scan's id."""
    part, created = submitted
    for each in created["invalid_lines"]:
        say(f"Line {part[each['line'] - 1].number}: {each['rule']}")
    say(
        f"Scan {created['scan']}: {created['accepted']} URLs, "
        f"{created['duplicates']} duplicates left out."
    )
    return str(created["scan"])


def _change(scan: str, how: str, url: str, key: str, insecure: bool) -> None:
    with connected(url, key, insecure) as client:
        typer.echo(json.dumps(client.post(f"{_path(scan)}/{how}")))


def _path(scan_id: str) -> str:
    return f"/v1/scans/{scan_id}"
