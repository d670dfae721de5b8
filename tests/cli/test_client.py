"""The client sends key and signals only over TLS or on this machine, and obeys Retry-After."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hashsvc.cli.client import Client, ServiceError
from tests.cli.conftest import Run

READABLE = [
    "http://192.0.2.1:8000",
    "http://[2001:db8::1]/",
    "http://hashes.example",
    "HTTP://hashes.example",
    "http://0.0.0.0:8000",
    "http://localhost.example",
    "http://127.0.0.1.example",
    "http://user@192.0.2.1",
    "http://[broken",
]
SAFE = [
    "https://hashes.example",
    "https://192.0.2.1:8000",
    "http://127.0.0.1:8000",
    "http://127.8.9.10",
    "http://[::1]:8000",
    "http://localhost:8000",
]


@pytest.mark.parametrize("url", READABLE)
def test_http_to_another_machine_is_refused_unless_it_is_allowed(url: str) -> None:
    with pytest.raises(ServiceError, match="https://"):
        Client(url, "key")
    with Client(url, "key", insecure=True):
        pass


@pytest.mark.parametrize("url", SAFE)
def test_https_and_this_machine_are_allowed(url: str) -> None:
    with Client(url, "key"):
        pass


@pytest.mark.parametrize("command", ["submit", "match", "scan"])
def test_every_command_refuses_before_it_sends(run: Run, photos: Path, command: str) -> None:
    (photos / "urls.txt").write_text("http://127.0.0.1:9/")
    path = photos / ("urls.txt" if command == "scan" else "a-holiday.jpg")
    options = ["--adult"] if command == "submit" else []
    done = run(command, *options, path, HASHSVC_URL="http://192.0.2.1", HASHSVC_KEY="hsk_canary")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("The URL names another machine with http://")
    assert "canary" not in done.stderr


class Busy:
    """A server that answers 429 with each Retry-After in `waits`, and then 200."""

    def __init__(self) -> None:
        self.waits: list[str] = []
        self.calls = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.calls += 1
                body = b'{"detail": "Too many."}'
                self.send_response(429 if outer.waits else 200)
                if outer.waits:
                    self.send_header("Retry-After", outer.waits.pop(0))
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Write no log."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def busy() -> Iterator[Busy]:
    made = Busy()
    threading.Thread(target=made.server.serve_forever, args=(0.01,), daemon=True).start()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.mark.parametrize(
    ("waits", "calls", "answered"),
    [
        ([], 1, True),
        (["7", "60"], 3, True),
        (["61"], 1, False),
        (["soon"], 1, False),
        (["-1"], 1, False),
    ],
)
def test_a_call_is_repeated_after_the_wait_that_a_429_asks_for(
    waits: list[str], calls: int, answered: bool, busy: Busy, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    busy.waits = list(waits)
    with Client(f"http://127.0.0.1:{busy.server.server_port}", "key") as client:
        if answered:
            assert client.get("/") == {"detail": "Too many."}
            assert slept == [int(each) for each in waits]
        else:
            with pytest.raises(ServiceError, match=r"The service refused: Too many\."):
                client.get("/")
    assert busy.calls == calls
