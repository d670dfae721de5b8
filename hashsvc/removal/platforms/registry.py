"""The registry of platforms as one service has it: shipped, the operator's file, and changes."""

import hashlib
import threading
from collections.abc import Mapping

from sqlalchemy import Connection

from hashsvc import audit
from hashsvc.clock import Clock, utc_now
from hashsvc.removal.errors import BadNoticeError, DataFileError, UnknownPlatformError
from hashsvc.removal.platforms.entries import Platform, Registry, load_platforms, platform_of
from hashsvc.settings import Settings
from hashsvc.store import Database, platform_entries
from hashsvc.store.ids import KeyId


class Platforms:
    """
    All platforms; safe to share between threads.

    What is changed here is kept in the database, over the shipped entries and the operator's file.

    Raises:
        DataFileError: If the operator's file cannot be used.
    """

    def __init__(self, settings: Settings, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock
        self._given = load_platforms(settings.platforms_file)
        self._reading = threading.Lock()
        self._stored: list[str] = []
        self._merged = self._given

    def registry(self, connection: Connection) -> Registry:
        """Return all entries; read anew when they were changed."""
        stored = platform_entries.all_entries(connection)
        with self._reading:
            if stored != self._stored:
                own = [Platform.model_validate_json(each) for each in stored]
                self._merged = self._given.with_own(own)
                self._stored = stored
            return self._merged

    def all(self) -> Registry:
        """Return all entries."""
        with self._database.read() as connection:
            return self.registry(connection)

    def view(self, platform: str) -> Platform:
        """
        Return the entry of this id, else that of a host.

        Raises:
            UnknownPlatformError: If the text is neither.
        """
        return find(self.all(), platform)

    def put(self, entry: Platform, *, actor: KeyId) -> None:
        """
        Store an entry, in place of one of the same id.

        Raises:
            DataFileError: If a domain of it is another entry's, or it is a draft.
        """
        now = self._clock()
        with self._database.write() as connection:
            if entry.draft or entry.id.startswith("draft:"):
                raise DataFileError("An entry that somebody makes is no draft.")
            self.registry(connection).with_own([entry])
            text = entry.model_dump_json()
            platform_entries.put(connection, entry.id, text, now=now)
            audit.record(
                connection,
                actor=actor,
                action="platform.put",
                subject=subject_of(entry.id),
                now=now,
            )

    def remove(self, platform_id: str, *, actor: KeyId) -> None:
        """
        Take back what was stored of an entry; a shipped one is then as it came.

        Raises:
            UnknownPlatformError: If nothing was stored.
        """
        now = self._clock()
        with self._database.write() as connection:
            if not platform_entries.remove(connection, platform_id):
                raise UnknownPlatformError("Of this platform nothing was changed here.")
            audit.record(
                connection,
                actor=actor,
                action="platform.remove",
                subject=subject_of(platform_id),
                now=now,
            )


def subject_of(platform_id: str) -> str:
    """Return how the audit log names an entry or a host: by a digest, for it keeps no words."""
    return hashlib.sha256(platform_id.encode()).hexdigest()[:32]


def name_of(registry: Registry, url: str) -> str:
    """Return what a request calls the platform of a URL: an entry's id, else its host and port."""
    found = registry.of(url)
    return platform_of(url) if found.draft else found.id


def find(registry: Registry, platform: str) -> Platform:
    """
    Return the entry of what a request calls its platform.

    Raises:
        UnknownPlatformError: If the text is neither an entry's id nor a host.
    """
    found = registry.by_id(platform)
    if found is not None:
        return found
    try:
        return registry.of(platform.removeprefix("draft:"))
    except BadNoticeError as error:
        raise UnknownPlatformError("A platform is an entry's id, or a host.") from error


def names(registry: Registry, platforms: set[str]) -> Mapping[str, str]:
    """Return what to show for each platform of requests."""
    return {each: (entry.name if (entry := registry.by_id(each)) else each) for each in platforms}
