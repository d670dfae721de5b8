"""Results and statistics are printed or saved in the format that the user names or the file has."""

import csv
import io
import json
import sys
from pathlib import Path

import pytest
from openpyxl import load_workbook

from hashsvc.access import Role
from hashsvc.cli.output import write
from tests.cli.conftest import Run, Running

PERIOD = ("--since", "2026-01-01", "--until", "2099-12-31")


@pytest.fixture
def scan(run: Run, service: Running) -> str:
    """Return a scan of one URL that is gone."""
    Path("reported.txt").write_text(f"{service.site.url}/gone\n")
    done = run("scan", "--wait", "reported.txt", **service.variables(Role.SCANNER))
    found: str = json.loads(done.stdout)["scan"]
    return found


def header_of(content: bytes) -> list[str]:
    """Return the first row of a workbook."""
    (sheet,) = load_workbook(io.BytesIO(content))
    return [str(each.value) for each in sheet[1]]


def test_results_are_saved_in_the_format_of_the_file_s_name(
    run: Run, service: Running, scan: str
) -> None:
    analyst = service.variables(Role.ANALYST)
    printed = run("scans", "results", scan, **analyst).stdout_bytes
    for name in ("results.csv", "results.XLSX", "results.json", "results.txt"):
        done = run("scans", "results", scan, "--output", name, **analyst)
        assert (done.exit_code, done.stdout) == (0, ""), done.stderr
        assert done.stderr == f"{Path(name).stat().st_size} bytes written.\n"
    assert Path("results.csv").read_bytes() == Path("results.txt").read_bytes() == printed
    assert json.loads(Path("results.json").read_bytes())[0]["state"] == "dead"
    columns = next(csv.reader(io.StringIO(printed.decode())))
    assert header_of(Path("results.XLSX").read_bytes()) == columns


def test_the_named_format_counts_more_than_the_file_s_name(
    run: Run, service: Running, scan: str
) -> None:
    analyst = service.variables(Role.ANALYST)
    run("scans", "results", scan, "--format", "json", "--output", "results.csv", **analyst)
    assert json.loads(Path("results.csv").read_bytes())[0]["state"] == "dead"


def test_a_workbook_goes_to_a_pipe_and_not_to_a_terminal(
    run: Run, service: Running, scan: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyst = service.variables(Role.ANALYST)
    piped = run("scans", "results", scan, "--format", "xlsx", **analyst)
    assert header_of(piped.stdout_bytes)[0] == "url"

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal, messages = Terminal(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(sys, "stderr", messages)
    with pytest.raises(SystemExit):
        write(b"PK", None, is_text=False)
    assert terminal.getvalue() == ""
    assert messages.getvalue() == "A terminal cannot show this format. Name a file with --output.\n"


@pytest.mark.parametrize("name", ["csv", "json", "xlsx"])
def test_a_format_is_not_taken_for_a_file(run: Run, service: Running, name: str) -> None:
    done = run("scans", "results", "x", "--output", name, **service.variables(Role.ANALYST))
    assert done.exit_code == 1
    assert done.stderr == "--output names a file. Choose the format with --format.\n"
    assert not Path(name).exists()


def test_a_folder_that_does_not_exist_is_reported(run: Run, service: Running, scan: str) -> None:
    done = run("scans", "results", scan, "--output", "no/x", **service.variables(Role.ANALYST))
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "The file cannot be written: No such file or directory.\n"


def test_statistics_are_saved_in_the_format_of_the_file_s_name(run: Run, service: Running) -> None:
    analyst = service.variables(Role.ANALYST)
    printed = run("statistics", *PERIOD, **analyst).stdout_bytes
    for name in ("s.csv", "s.xlsx", "s.json", "s.pdf"):
        done = run("statistics", *PERIOD, "--output", name, **analyst)
        assert done.exit_code == 0, done.stderr
    assert Path("s.csv").read_bytes() == printed
    columns = next(csv.reader(io.StringIO(printed.decode())))
    assert header_of(Path("s.xlsx").read_bytes()) == columns
    assert json.loads(Path("s.json").read_bytes())["schema"].startswith("hashsvc-statistics/")
    assert Path("s.pdf").read_bytes().startswith(b"%PDF")
    run("statistics", *PERIOD, "--format", "refusals.xlsx", "--output", "r.xlsx", **analyst)
    assert "reason" in header_of(Path("r.xlsx").read_bytes())
