"""Builds the service's parts from the settings, and starts and stops them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from hashsvc import audit
from hashsvc.access.budgets import Budgets
from hashsvc.access.lookups import Lookups
from hashsvc.access.people import People
from hashsvc.access.walk_guard import WalkGuard
from hashsvc.api.open_streams import Streams
from hashsvc.audit import LogSigner
from hashsvc.bank import (
    Bank,
    Consents,
    Exports,
    Holders,
    Housekeeping,
    Lists,
    PendingContents,
    Resets,
)
from hashsvc.clock import Clock, utc_now
from hashsvc.matching import (
    BankIndex,
    LowestTiers,
    Quarantines,
    RetroactiveMatcher,
    Reviews,
    Screen,
    Suppressions,
)
from hashsvc.removal import Records, Removal
from hashsvc.scanning import Scanner, ScanningService, Watches, WorkList
from hashsvc.settings import Settings
from hashsvc.store import Database
from hashsvc.store.ids import KeyId


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of the service that routes use."""

    settings: Settings
    clock: Clock
    database: Database
    bank: Bank
    holders: Holders
    resets: Resets
    lists: Lists
    pending: PendingContents
    exports: Exports
    housekeeping: Housekeeping
    log_signer: LogSigner
    bank_index: BankIndex
    retroactive: RetroactiveMatcher
    reviews: Reviews
    suppressions: Suppressions
    quarantines: Quarantines
    lowest_tiers: LowestTiers
    scanning: ScanningService
    watches: Watches
    consents: Consents
    removal: Removal
    records: Records
    budgets: Budgets
    lookups: Lookups
    people: People | None
    streams: Streams

    @classmethod
    def build(cls, settings: Settings, clock: Clock = utc_now) -> Self:
        """
        Open the database, bring its schema up to date, and wire the parts together.

        Raises:
            LockedError: If the key-encryption key is missing, or is not the one of the database.

            SchemaError: If the database was made by a newer version.

            SetupError: If a setting for sign-in by an issuer's tokens is wrong.

            DataFileError: If the law data or the registry of platforms cannot be used.

            BadNoticeError: If a notice must not contain one of the settings.
        """
        database = Database.of(settings)
        database.migrate()
        bank = Bank(database, clock, lifetime_days=settings.case_lifetime_days, screen=Screen())
        bank_index = BankIndex(database, engine=settings.engine)
        scanning = ScanningService.build(settings, database, bank_index, clock)
        log_signer = LogSigner(settings, database, clock)
        rdap_fetcher = scanning.fetcher if settings.rdap else None
        removal = Removal(settings, database, scanning.looker, clock, fetcher=rdap_fetcher)
        return cls(
            settings=settings,
            clock=clock,
            database=database,
            bank=bank,
            holders=Holders(database, bank, clock),
            resets=Resets(database, clock),
            lists=Lists(database, clock),
            pending=PendingContents(database, bank, clock),
            exports=Exports(database, clock),
            housekeeping=Housekeeping(settings, database, bank, clock),
            log_signer=log_signer,
            bank_index=bank_index,
            retroactive=RetroactiveMatcher(settings, database, clock),
            reviews=Reviews(database, clock),
            suppressions=Suppressions(database, clock),
            quarantines=Quarantines(database, clock),
            lowest_tiers=LowestTiers(database, clock),
            scanning=scanning,
            watches=Watches(database, scanning.work_list.work_came.set, clock),
            consents=Consents(database, clock),
            removal=removal,
            records=Records(removal.context, log_signer),
            budgets=Budgets(settings),
            lookups=Lookups(
                database,
                bank_index,
                WalkGuard(clock, most_steps=settings.limit_lookup_steps),
                clock,
            ),
            people=People.of(settings, database, clock),
            streams=Streams(),
        )

    @property
    def work_list(self) -> WorkList:
        """The list of scans and their items."""
        return self.scanning.work_list

    @property
    def scanner(self) -> Scanner:
        """The scanner of this process."""
        return self.scanning.scanner

    def record(self, actor: KeyId, action: str, subject: str) -> None:
        """Add an entry to the audit log for a call that changes nothing else."""
        with self.database.write() as connection:
            audit.record(connection, actor=actor, action=action, subject=subject, now=self.clock())

    def record_list(self, actor: KeyId, listed: str, shown: str, ids: Sequence[str]) -> None:
        """Add an entry to the audit log for a list that was shown, and one for each item on it."""
        deeds = [(listed, str(len(ids))), *((shown, each) for each in ids)]
        with self.database.write() as connection:
            audit.record_all(connection, deeds, actor=actor, now=self.clock())

    def start(self) -> None:
        """Load the index and start the background loops."""
        self.bank_index.start()
        self.retroactive.start()
        self.scanning.start()
        self.watches.start()
        self.removal.rechecks.start()
        self.housekeeping.start()
        self.log_signer.start()

    def stop(self) -> None:
        """Stop the background loops and close the database."""
        self.housekeeping.stop()
        self.removal.rechecks.stop()
        self.watches.stop()
        self.scanning.stop()
        self.retroactive.stop()
        self.bank_index.stop()
        self.log_signer.stop()
        self.database.close()
