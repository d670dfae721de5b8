"""`scan` and `scans` against a real service: data go to stdout, messages to stderr."""

import csv
import io
import json
import os
import pty
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from hashsvc.access import Role
from tests.cli.conftest import Run, Running
from tests.conftest import generated_photo, jpeg
from tests.helpers.waiting import wait_until


@pytest.fixture
def page(run: Run, service: Running, photos: Path) -> str:
    """Return the URL of a page with a copy of a photo in the bank."""
    data = jpeg(generated_photo(77).resize((320, 240)))
    (photos / "original.jpg").write_bytes(jpeg(generated_photo(77)))
    run("submit", "--adult", photos / "original.jpg", **service.variables(Role.INTAKE))
    return service.site.add_page("/page", [service.site.add_image("/image.jpg", data)])


def test_a_scan_shows_lines_progress_and_result(run: Run, service: Running, page: str) -> None:
    reported = Path("reported.txt")
    reported.write_text(f"{page}\n\nftp://canary.example/\n{page}\n{page}?utm_source=x\n")
    done = run("scan", "--wait", reported, **service.variables(Role.SCANNER))
    assert done.exit_code == 0, done.stderr
    state = json.loads(done.stdout)
    assert state["items"] == {"done": 1}
    assert "Line 3: A URL begins with http:// or https://." in done.stderr
    assert f"Scan {state['scan']}: 1 URLs, 2 duplicates left out." in done.stderr
    assert "canary" not in done.stderr
    assert "1/1" in done.stderr
    seen = "Images: 1 seen, of which 1 examined, 0 failed, 0 left out as icons, 0 over a limit."
    unread = "Not read: 0 frames of pages, 0 other parts, 0 frames or sections of images."
    assert f"{seen} {unread}\n" in done.stderr


def test_results_are_printed_as_csv_or_json(run: Run, service: Running, page: str) -> None:
    # A spreadsheet program in Belgium writes CSV in this form.
    Path("reported.csv").write_text(f"nr;url\r\n1;{page}\r\n2;{service.site.url}/gone\r\n")
    analyst = service.variables(Role.ANALYST)
    scan = json.loads(run("scan", "--wait", "reported.csv", **analyst).stdout)["scan"]
    table = run("scans", "results", scan, **analyst)
    rows = list(csv.DictReader(io.StringIO(table.stdout)))
    # A page has one row for each case that its image matches.
    assert {(each["url"], each["state"], each["reason"]) for each in rows} == {
        (page, "done", ""),
        (f"{service.site.url}/gone", "dead", "http-404"),
    }
    assert rows[0]["image_url"] == f"{service.site.url}/image.jpg"
    told = json.loads(run("scans", "results", "--format", "json", scan, **analyst).stdout)
    assert [each["url"] for each in told] == [page, f"{service.site.url}/gone"]
    assert len(rows) == len(told[0]["matches"]) + 1
    assert told[0]["matches"][0]["tier"] == "certain"


def test_a_scan_is_cancelled_resumed_retried_and_shown(run: Run, service: Running) -> None:
    Path("urls.jsonl").write_text(json.dumps({"url": f"{service.site.url}/later"}))
    variables = service.variables(Role.SCANNER)
    scan = json.loads(run("scan", "--wait", "urls.jsonl", **variables).stdout)["scan"]
    assert json.loads(run("scans", "show", scan, **variables).stdout)["items"] == {"dead": 1}
    service.site.add_page("/later", [])
    assert "queued" in json.loads(run("scans", "retry", scan, **variables).stdout)["items"]
    followed = run("scans", "follow", scan, **variables)
    assert json.loads(followed.stdout)["items"] == {"done": 1}
    assert "Images: 0 seen" in followed.stderr
    cancelled = json.loads(run("scans", "cancel", scan, **variables).stdout)
    assert cancelled["cancelled"] is True
    refused = run("scans", "retry", scan, **variables)
    assert (refused.exit_code, refused.stderr) == (
        1,
        "The service refused: The scan was cancelled; resume it first.\n",
    )
    assert json.loads(run("scans", "resume", scan, **variables).stdout)["cancelled"] is False


def test_urls_are_watched_until_that_is_ended(run: Run, service: Running, page: str) -> None:
    Path("urls.txt").write_text(page)
    variables = service.variables(Role.ANALYST)
    scan = json.loads(run("scan", "urls.txt", **variables).stdout)["scan"]
    made = json.loads(run("scans", "watch", scan, "--every-h", "6", **variables).stdout)
    assert (made["last_scan"], made["every_h"]) == (scan, 6)
    assert json.loads(run("scans", "watches", **variables).stdout) == made
    assert run("scans", "unwatch", made["watch"], **variables).stderr == "Ended.\n"
    assert json.loads(run("scans", "watches", **variables).stdout)["next_scan_at"] is None


def test_more_urls_than_a_service_takes_are_sent_in_parts(
    run: Run, service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service here takes 40 at a time; the command does not know."""
    lines = [f"http://127.0.0.1:9/{number}" for number in range(100)]
    lines.insert(90, "canary")
    Path("urls.txt").write_text("\n".join(lines))
    done = run("scan", "urls.txt", **service.variables(Role.SCANNER))
    states = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["total"] for each in states] == [25, 25, 25, 25]
    assert "Line 91: A URL begins with" in done.stderr


@pytest.mark.parametrize("text", ["", "\n \n", "canary\n", "\x00"])
def test_a_file_without_urls_is_refused(run: Run, text: str) -> None:
    Path("urls.txt").write_text(text)
    done = run("scan", "urls.txt", HASHSVC_KEY="x")
    assert done.exit_code == 1
    assert done.stderr.endswith("There is no URL in the file.\n")
    assert "canary" not in done.stderr


def test_a_missing_file_is_reported(run: Run) -> None:
    done = run("scan", "missing.txt", HASHSVC_KEY="x")
    assert (done.exit_code, done.stderr) == (1, "The file with the URLs cannot be read.\n")


def test_ctrl_c_stops_waiting_and_not_the_scan(run: Run, service: Running) -> None:
    """Run the command on a terminal, as a person would, and give it URLs on stdin."""
    variables = service.variables(Role.SCANNER)
    terminal, theirs = pty.openpty()
    shown = bytearray()

    def read() -> None:
        with suppress(OSError):  # The other end is closed.
            while part := os.read(terminal, 4096):
                shown.extend(part)

    threading.Thread(target=read, daemon=True).start()
    process = subprocess.Popen(
        [sys.executable, "-m", "hashsvc", "scan", "-", "--wait"],
        env=os.environ | variables | {"COLUMNS": "120"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    assert process.stdin is not None
    # Nothing listens there, so the URL is retried later.
    process.stdin.write(b"http://127.0.0.1:9/x\n")
    process.stdin.close()
    wait_until(lambda: b"0/1" in shown)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    assert process.stdout is not None
    assert process.stdout.read() == b""
    process.stdout.close()
    wait_until(lambda: b"continues" in shown)
    said = shown.decode()
    scan = said.partition("Scan ")[2].partition(":")[0]
    assert f"The scan continues: hashsvc scans follow {scan}" in said
    assert "Traceback" not in said
    state = json.loads(run("scans", "show", scan, **variables).stdout)
    assert (state["cancelled"], state["total"]) == (False, 1)
