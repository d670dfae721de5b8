"""Builds the service's parts from its settings, and starts and stops them."""

import os
from dataclasses import dataclass
from typing import Self

from hashsvc import audit
from hashsvc.api.budgets import Budgets
from hashsvc.api.lookups import Lookups
from hashsvc.api.watch import Watch
from hashsvc.audit import Witness
from hashsvc.bank import Bank, Exports, HeldContents, Holders, Housekeeping, Lists, Resets
from hashsvc.clock import Clock, utc_now
from hashsvc.matching import BankIndex, Reviews, Screen
from hashsvc.removal import Removal
from hashsvc.scanning import Fetcher, Looker, Scanner
from hashsvc.settings import Settings
from hashsvc.signals import Limits, Sandbox
from hashsvc.store import Database
from hashsvc.store.ids import KeyId


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that a route may need."""

    settings: Settings
    clock: Clock
    database: Database
    bank: Bank
    holders: Holders
    resets: Resets
    lists: Lists
    held: HeldContents
    exports: Exports
    housekeeping: Housekeeping
    witness: Witness
    bank_index: BankIndex
    reviews: Reviews
    fetcher: Fetcher
    sandbox: Sandbox
    scanner: Scanner
    removal: Removal
    budgets: Budgets
    lookups: Lookups

    @classmethod
    def build(cls, settings: Settings, clock: Clock = utc_now) -> Self:
        """
        Open the database, bring its schema up to date, and wire the parts together.

        Raises:
            LockedError: If the key-encryption key is missing, or is not the database's.

            SchemaError: If the database was made by a newer version.
        """
        database = Database.of(settings)
        database.migrate()
        bank = Bank(database, clock, lifetime_days=settings.case_lifetime_days, screen=Screen())
        bank_index = BankIndex(database, engine=settings.engine)
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
            bank=bank,
            holders=Holders(database, bank, clock),
            resets=Resets(database, clock),
            lists=Lists(database, clock),
            held=HeldContents(database, bank, clock),
            exports=Exports(database, clock),
            housekeeping=Housekeeping(settings, database, bank, clock),
            witness=Witness(settings, database, clock),
            bank_index=bank_index,
            reviews=Reviews(database, clock),
            fetcher=fetcher,
            sandbox=sandbox,
            scanner=Scanner(settings, database, bank_index, looker, clock),
            removal=Removal(settings, database, looker, clock),
            budgets=Budgets(settings),
            lookups=Lookups(
                database, bank_index, Watch(clock, most_steps=settings.limit_lookup_steps), clock
            ),
        )

    def record(self, actor: KeyId, action: str, subject: str) -> None:
        """Put into the audit log what changes nothing else."""
        with self.database.write() as connection:
            audit.record(connection, actor=actor, action=action, subject=subject, now=self.clock())

    def start(self) -> None:
        """Load the index and begin to work off the scans."""
        self.bank_index.start()
        self.sandbox.open()
        self.scanner.start()
        self.housekeeping.start()
        self.witness.start()

    def stop(self) -> None:
        """Finish what is in hand and close everything."""
        self.housekeeping.stop()
        self.scanner.stop()
        self.bank_index.stop()
        self.sandbox.close()
        self.fetcher.close()
        self.witness.stop()
        self.database.close()
