"""`serve` and `keys` show a token once, keep only its digest, and report errors in one line."""

import json
import logging
import os
import re
import resource
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
import structlog

from hashsvc.cli.logs import configure_logs
from tests.cli.conftest import Run
from tests.helpers.service import running_process, running_service

TOKEN = re.compile(r"hsk_[\w-]{43}")


def test_the_first_key_is_printed_once(tmp_path: Path) -> None:
    logs = []
    for _ in range(2):
        with running_service(tmp_path, {}):
            pass
        logs.append((tmp_path / "service.log").read_text())
    assert len(TOKEN.findall(logs[0])) == 1
    assert "of role admin, shown only once" in logs[0]
    assert not TOKEN.findall(logs[1])


def test_the_log_is_json_and_names_nothing_that_was_sent(tmp_path: Path) -> None:
    with running_service(tmp_path, {}) as url:
        port = int(url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as raw:
            raw.sendall(b"canary no HTTP\r\n\r\n")
            assert b" 400 " in raw.recv(1000)
        httpx2.get(f"{url}/v1/cases/canary", trust_env=False)
    lines = (tmp_path / "service.log").read_text().splitlines()
    events = [json.loads(each) for each in lines if each.startswith("{")]
    # The other lines are for the operator: the key file, the first key, the address.
    spoken = [each for each in lines if not each.startswith("{")]
    assert len(spoken) == 4
    assert all({"event", "level", "timestamp"} <= set(each) for each in events)
    assert any("startup complete" in each["event"] for each in events)
    assert any("Invalid HTTP request" in each["event"] for each in events)
    assert "canary" not in "".join(lines)


def test_the_service_raises_its_limit_of_open_files(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (700, hard))
    try:
        with running_process(tmp_path, {"max_connections": "300"}) as running:
            limits = Path(f"/proc/{running.pid}/limits").read_text()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    (line,) = re.findall(r"Max open files +(\d+)", limits)
    assert int(line) >= 800


def test_more_connections_than_the_system_allows_stop_the_start(tmp_path: Path) -> None:
    serve = f"{sys.executable} -m hashsvc serve --port 0"
    done = subprocess.run(
        ["/bin/sh", "-c", f"ulimit -n 700; exec {serve}"],
        env=os.environ | {"HASHSVC_DATA_DIR": str(tmp_path), "HASHSVC_MAX_CONNECTIONS": "201"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("HASHSVC_MAX_CONNECTIONS needs 701 open files")
    assert done.stderr.count("\n") == 1


def test_the_log_names_an_error_of_the_web_server_by_its_class(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = logging.getLogger("uvicorn")
    for name in ("handlers", "level", "propagate"):
        monkeypatch.setattr(server, name, getattr(server, name))
    monkeypatch.setattr(structlog, "configure", lambda **_: None)
    configure_logs()
    try:
        int("canary")
    except ValueError:
        logging.getLogger("uvicorn.error").exception("It failed on port %d.", 5)
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert (told["event"], told["error"]) == ("It failed on port 5.", "ValueError")
    assert "canary" not in line


def test_keys_are_made_listed_and_revoked(run: Run) -> None:
    made = run("keys", "create", "--role", "scanner")
    token = made.stdout.strip()
    assert TOKEN.fullmatch(token)
    (key,) = re.findall(r"Key ([0-9a-f]{32}) of role scanner", made.stderr)
    listed = run("keys", "list").stdout
    day = r"\d{4}-\d\d-\d\d"
    organisation = "0" * 32
    assert re.fullmatch(rf"{key}  scanner   {day}  never used  +live  +{organisation}\n", listed)
    assert token not in listed
    assert run("keys", "revoke", key).exit_code == 0
    assert "revoked" in run("keys", "list").stdout
    again = run("keys", "revoke", key)
    assert again.exit_code == 1
    assert again.stderr.count("\n") == 1


def test_a_key_may_have_an_organisation_and_an_end(run: Run) -> None:
    made = run("organisations", "create", "A body")
    organisation = made.stdout.strip()
    assert re.fullmatch(r"[0-9a-f]{32}", organisation)
    assert f"{organisation}  " in run("organisations", "list").stdout
    again = run("organisations", "create", "A body")
    assert (again.exit_code, again.stderr) == (
        1,
        "Another organisation has this name. Choose a different one.\n",
    )
    for wrong in ("", "  ", "x" * 101, "two\nlines"):
        refused = run("organisations", "create", wrong)
        assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert len(run("organisations", "list").stdout.splitlines()) == 2
    options = ("--role", "analyst", "--organisation", organisation, "--days", "7")
    assert run("keys", "create", *options).exit_code == 0
    (line,) = run("keys", "list").stdout.splitlines()
    assert line.endswith(organisation)
    assert re.search(r"until \d{4}-\d\d-\d\d", line)
    unknown = run("keys", "create", "--role", "analyst", "--organisation", "0f" * 16)
    assert (unknown.exit_code, unknown.stderr) == (1, "No such organisation.\n")


def test_no_file_holds_a_token(run: Run, tmp_path: Path) -> None:
    token = run("keys", "create", "--role", "admin").stdout.strip().encode()
    files = [each for each in (tmp_path / "data").rglob("*") if each.is_file()]
    assert files
    assert not any(token in each.read_bytes() for each in files)


@pytest.mark.parametrize("command", [("keys", "list"), ("serve",)])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SCAN_THREADS", "canary"),
        ("FETCH_NETWORKS", "canary/8"),
        ("MAX_BODY_BYTES", "0"),
    ],
)
def test_a_wrong_setting_is_named_and_not_repeated(
    run: Run, command: tuple[str, ...], name: str, value: str
) -> None:
    done = run(*command, **{f"HASHSVC_{name}": value})
    assert done.exit_code == 1
    assert done.stderr.startswith(f"HASHSVC_{name}: ")
    assert done.stderr.count("\n") == 1
    assert "canary" not in done.stderr


@pytest.mark.parametrize("name", ["organisation", "signatory", "coordinator"])
def test_a_setting_that_no_notice_may_contain_stops_the_start(run: Run, name: str) -> None:
    done = run("serve", **{f"HASHSVC_{name.upper()}": "canary\u202e"})
    assert done.exit_code == 1
    assert done.stderr.startswith(f"No notice may contain this setting: {name}. ")
    assert done.stderr.count("\n") == 1
    assert "canary" not in done.stderr


@pytest.mark.parametrize(
    "url", ["nonsense", "oracledb://canary@127.0.0.1/x", "sqlite:////proc/x/y.db"]
)
def test_a_database_that_cannot_be_opened_is_one_line(run: Run, url: str) -> None:
    done = run("keys", "list", HASHSVC_DATABASE_URL=url)
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1
    assert "canary" not in done.stderr
