"""`hashsvc worker`: scan URLs from the work list of a service, in another process."""

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
            min=1,
            max=64,
            help="URLs that are scanned at the same time. If unset, HASHSVC_SCAN_THREADS.",
        ),
    ] = None,
) -> None:
    """Scan URLs for the service that has the same settings, until you stop this command."""
    settings = read_settings()
    if threads is not None:
        settings = settings.model_copy(update={"scan_threads": threads})
    if settings.scan_threads == 0:
        fail("A worker needs at least one thread. Use --threads, or set HASHSVC_SCAN_THREADS.")
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
    say(f"{settings.scan_threads} threads scan URLs. Ctrl-C stops them.")
    try:
        stopped.wait()
    finally:
        parts.stop()
        bank_index.stop()
