"""The service's registry of platforms: shipped entries, the operator's file, and stored changes."""

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
    All platforms. Threads may share an instance.

    Changes are stored in the database. They replace entries of the operator's file, which replace
    shipped ones.

    Raises:
        DataFileError: If the operator's file breaks a rule.
    """

    def __init__(self, settings: Settings, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock
        self._from_files = load_platforms(settings.platforms_file)
        self._lock = threading.Lock()
        self._stored: list[str] = []
        self._merged = self._from_files

    def registry(self, connection: Connection) -> Registry:
        """Return all entries, including changes that another process has stored."""
        stored = platform_entries.all_entries(connection)
        with self._lock:
            if stored != self._stored:
                own = [Platform.model_validate_json(each) for each in stored]
                self._merged = self._from_files.with_own(own)
                self._stored = stored
            return self._merged

    def all(self) -> Registry:
        """Return all entries."""
        with self._database.read() as connection:
            return self.registry(connection)

    def view(self, platform: str) -> Platform:
        """
        Return the entry with this id, else the entry of this host.

        Raises:
            UnknownPlatformError: If the text is neither an entry's id nor a host.
        """
        return find(self.all(), platform)

    def put(self, entry: Platform, *, actor: KeyId) -> None:
        """
        Store an entry, which replaces an entry with the same id.

        Raises:
            DataFileError: If another entry has one of its domains, or if the entry is a draft.
        """
        now = self._clock()
        with self._database.write() as connection:
            if entry.draft or entry.id.startswith("draft:"):
                raise DataFileError(
                    "A draft entry cannot be stored: give it an id of its own, and omit `draft`."
                )
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
        Delete a stored entry. If a file has an entry with the same id, that one applies again.

        Raises:
            UnknownPlatformError: If no entry with this id was stored.
        """
        now = self._clock()
        with self._database.write() as connection:
            if not platform_entries.remove(connection, platform_id):
                raise UnknownPlatformError(
                    "No change is stored for this platform, so there is nothing to remove."
                )
            audit.record(
                connection,
                actor=actor,
                action="platform.remove",
                subject=subject_of(platform_id),
                now=now,
            )


def subject_of(platform_id: str) -> str:
    """Return a digest of an entry's id or of a host. The audit log stores this, not the text."""
    return hashlib.sha256(platform_id.encode()).hexdigest()[:32]


def name_of(registry: Registry, url: str) -> str:
    """Return how requests name the platform of a URL: by an entry's id, else by host and port."""
    found = registry.actor_of(url)
    return platform_of(url) if found.draft else found.id


def find(registry: Registry, platform: str) -> Platform:
    """
    Return the entry of the platform that a request names, by an entry's id or a host.

    Raises:
        UnknownPlatformError: If the text is neither an entry's id nor a host.
    """
    found = registry.by_id(platform)
    if found is not None:
        return found
    try:
        return registry.actor_of(platform.removeprefix("draft:"))
    except BadNoticeError as error:
        raise UnknownPlatformError("Name a platform by an entry's id or by a host.") from error


def names(registry: Registry, platforms: set[str]) -> Mapping[str, str]:
    """Return the name to display for each platform of some requests."""
    return {each: (entry.name if (entry := registry.by_id(each)) else each) for each in platforms}
