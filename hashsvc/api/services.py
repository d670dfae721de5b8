"""Builds the service's parts from its settings, and starts and stops them."""

import os
from dataclasses import dataclass
from typing import Self

from hashsvc.bank import Bank
from hashsvc.clock import Clock, utc_now
from hashsvc.matching import BankIndex, Reviews
from hashsvc.removal import Removal
from hashsvc.scanning import Fetcher, Looker, Scanner
from hashsvc.settings import Settings
from hashsvc.signals import Limits, Sandbox
from hashsvc.store import Database


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that a route may need."""

    settings: Settings
    clock: Clock
    database: Database
    bank: Bank
    bank_index: BankIndex
    reviews: Reviews
    fetcher: Fetcher
    sandbox: Sandbox
    scanner: Scanner
    removal: Removal

    @classmethod
    def build(cls, settings: Settings, clock: Clock = utc_now) -> Self:
        """
        Open the database, bring its schema up to date, and wire the parts together.

        Raises:
            SchemaError: If the database was made by a newer version.
        """
        database = Database(settings.url)
        database.migrate()
        bank_index = BankIndex(database)
        fetcher = Fetcher(settings)
        sandbox = Sandbox(
            Limits(
                max_bytes=settings.image_max_bytes,
                max_pixels=settings.image_max_pixels,
                max_frames=settings.image_max_frames,
                max_seconds=settings.image_max_seconds,
                max_memory_bytes=settings.image_max_memory_bytes,
            ),
            workers=max(1, min(settings.scan_threads, os.cpu_count() or 1)),
        )
        looker = Looker(
            fetcher, images_per_page=settings.scan_images_per_page, sign=sandbox.sign_frames
        )
        return cls(
            settings=settings,
            clock=clock,
            database=database,
            bank=Bank(database, clock),
            bank_index=bank_index,
            reviews=Reviews(database, clock),
            fetcher=fetcher,
            sandbox=sandbox,
            scanner=Scanner(settings, database, bank_index, looker, clock),
            removal=Removal(settings, database, looker, clock),
        )

    def start(self) -> None:
        """Load the index and begin to work off the scans."""
        self.bank_index.catch_up()
        self.sandbox.open()
        self.scanner.start()

    def stop(self) -> None:
        """Finish what is in hand and close everything."""
        self.scanner.stop()
        self.sandbox.close()
        self.fetcher.close()
        self.database.close()
