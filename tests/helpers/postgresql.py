"""Runs a PostgreSQL server for tests: a cluster in a new folder, reached by a socket in it."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from hashsvc.keyring import GivenKeys
from hashsvc.store import Database

KEY = "00" * 16 + "5a" * 16
"""The key-encryption key, which is not stored beside the data if the database is on a server."""

_TEMPLATE = "migrated"
# The data need not survive a failure of the machine.
_QUICK = (
    "fsync=off", "full_page_writes=off", "shared_buffers=32MB",
    "max_connections=80", "listen_addresses=", "max_wal_size=256MB", "autovacuum=off",
)  # fmt: skip


def programs() -> Path | None:
    """Return the folder of the server's programs; None if no server is installed."""
    found = [Path("/usr/lib/postgresql")] if Path("/usr/lib/postgresql").is_dir() else []
    folders = [each for root in found for each in root.glob("*/bin")]
    if shutil.which("pg_config"):
        printed = subprocess.run(
            ["pg_config", "--bindir"], capture_output=True, text=True, check=True
        )
        folders.append(Path(printed.stdout.strip()))
    folders = [each for each in folders if (each / "initdb").exists()]
    return max(folders, key=lambda each: (each.parent.name.zfill(4), str(each)), default=None)


def skip_without() -> None:
    """Skip a test that needs a server if none is installed; fail it in CI."""
    if programs() is not None:
        return
    reason = "Debian's postgresql is not installed: PostgreSQL is NOT tested."
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


class Server:
    """A running server."""

    def __init__(self, folder: Path, bin_folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self._bin = bin_folder
        self._made = 0
        # The server refuses to run as root.
        self._user = "postgres" if os.geteuid() == 0 else None

    def url(self, name: str) -> str:
        """Return the URL of a database."""
        return f"postgresql+psycopg://tests@/{name}?host={self.folder}"

    def make(self) -> None:
        """Make the cluster's files."""
        if self._user is not None:
            owner = pwd.getpwnam(self._user)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        arguments = ("--username=tests", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8")
        self._run("initdb", "--no-sync", *arguments)

    def start(self) -> None:
        """Start the server, and return once it answers."""
        options = " ".join(
            f"-c {each}" for each in (*_QUICK, f"unix_socket_directories={self.folder}")
        )
        self._run(
            "pg_ctl",
            "--wait",
            "--timeout=60",
            f"--log={self.folder / 'log'}",
            "-o",
            options,
            "start",
        )

    def stop(self, mode: str = "immediate") -> None:
        """Stop the server; by default as if it had crashed."""
        self._run("pg_ctl", "--wait", f"--mode={mode}", "stop")

    def new(self) -> str:
        """Make a database with the current schema and return its name."""
        self._made += 1
        name = f"test_{self._made}"
        self.say(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        return name

    def empty(self, name: str) -> str:
        """Make an empty database and return its name."""
        self.say(f"CREATE DATABASE {name}")
        return name

    def drop(self, name: str) -> None:
        """Drop a database, even if clients are connected."""
        self.say(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def say(self, statement: str, name: str = "postgres") -> list[tuple[object, ...]]:
        """Execute a statement and return its rows."""
        with psycopg.connect(
            f"host={self.folder} user=tests dbname={name}", autocommit=True
        ) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._bin / program, "-D", self.data, *arguments],
            user=self._user, group=self._user, cwd=self.folder,
            # The server inherits the standard streams of pg_ctl, and runs longer than pg_ctl.
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            check=False, timeout=90,
        )  # fmt: skip
        assert done.returncode == 0, f"{program} has failed"


@contextmanager
def running() -> Iterator[Server]:
    """Yield a running server that has a migrated database to copy."""
    skip_without()
    found = programs()
    assert found is not None
    # The cluster is not in pytest's folder, because only the owner may enter that. A socket's path
    # must also be short.
    folder = Path(tempfile.mkdtemp(prefix="hashsvc-pg-"))
    server = Server(folder, found)
    try:
        server.make()
        server.start()
        try:
            database = Database(server.url(server.empty(_TEMPLATE)), GivenKeys(KEY))
            database.migrate()
            database.close()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)
