"""Runs a real service in a separate process, on loopback, with an empty database."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from hashsvc.access import Role, create_key
from hashsvc.clock import utc_now
from hashsvc.store import Database

_START_S = 60


@dataclass(frozen=True)
class RunningService:
    """A service in a process of its own."""

    url: str
    pid: int

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        return int(self.url.rpartition(":")[2])

    def cpu_s(self) -> float:
        """Return how many seconds of a processor the process has used."""
        # The process's name stands in brackets and may hold spaces. Then come fields 3 and up.
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def open_files(self) -> int:
        """Return how many files and connections the process has open."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))


@contextmanager
def running_service(data_dir: Path, settings: Mapping[str, str]) -> Iterator[str]:
    """Yield the URL of a service, as `running_process` starts it."""
    with running_process(data_dir, settings) as running:
        yield running.url


@contextmanager
def running_process(data_dir: Path, settings: Mapping[str, str]) -> Iterator[RunningService]:
    """
    Yield a service with its data in `data_dir`, and stop it at the end.

    Args:
        data_dir: Folder for the service's data.

        settings: Further HASHSVC_… variables, without the prefix.
    """
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    env = {key: value for key, value in os.environ.items() if not key.startswith("HASHSVC_")}
    env |= {"HASHSVC_DATA_DIR": str(data_dir)}
    env |= {f"HASHSVC_{name.upper()}": value for name, value in settings.items()}
    with (data_dir / "service.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "hashsvc", "serve", "--port", str(port)],
            env=env,
            stdout=log,
            stderr=log,
        )
        try:
            _wait_until_up(url, process)
            yield RunningService(url, process.pid)
        finally:
            process.terminate()
            process.wait(timeout=30)


def token_for(data_dir: Path, role: Role) -> str:
    """Return the token of a new key with a role, made as `hashsvc keys create` makes it."""
    database = Database(f"sqlite:///{data_dir / 'hashsvc.db'}")
    try:
        return create_key(database, role, actor="cli", clock=utc_now).token
    finally:
        database.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_up(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_S
    # One client for all tries: making one reads every root certificate.
    with httpx2.Client(trust_env=False) as client:
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise RuntimeError("The service ended before it answered.")
            try:
                if client.get(f"{url}/health").is_success:
                    return
            except httpx2.TransportError:
                time.sleep(0.1)
    raise RuntimeError(f"The service did not answer within {_START_S} s.")
