"""`hashsvc worker`: scans what a service's work list has, beside the service."""

import signal
import threading
from typing import Annotated

import typer

from hashsvc import matching, scanning
from hashsvc.cli.configured import open_existing, read_settings
from hashsvc.cli.logs import configure_logs
from hashsvc.cli.output import fail, say
from hashsvc.settings import Settings
from hashsvc.store import Database


def work(
    threads: Annotated[
        int | None,
        typer.Option(
            min=1, max=64, help="URLs looked at at a time; HASHSVC_SCAN_THREADS if unset."
        ),
    ] = None,
) -> None:
    """Work off scans of the service with the same settings, until it is stopped."""
    settings = read_settings()
    if threads is not None:
        settings = settings.model_copy(update={"scan_threads": threads})
    if settings.scan_threads == 0:
        fail("A worker has at least one thread: give --threads, or set HASHSVC_SCAN_THREADS.")
    configure_logs()
    with open_existing(settings) as database:
        _work(settings, database)


def _work(settings: Settings, database: Database) -> None:
    stopped = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda _number, _frame: stopped.set())
    bank_index = matching.BankIndex(database, engine=settings.engine)
    bank_index.start()
    parts = scanning.ScanningService.build(settings, database, bank_index)
    parts.start()
    say(f"{settings.scan_threads} threads work off the scans. Ctrl-C stops them.")
    try:
        stopped.wait()
    finally:
        parts.stop()
        bank_index.stop()
