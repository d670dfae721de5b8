"""Stored changes replace the operator's file, which replaces the shipped entries."""

from pathlib import Path

import pytest

from hashsvc.removal import DataFileError, Platform, UnknownPlatformError
from hashsvc.removal.platforms.registry import Platforms, find, name_of
from hashsvc.settings import Settings
from hashsvc.store import Database
from tests.helpers.audit_entries import audit_entries
from tests.helpers.database import rows_of
from tests.helpers.set_clock import SetClock
from tests.removal.conftest import ANN
from tests.removal.steps import entry

FILE = """
version: "2026-01-01"
platforms:
  - id: a-site
    name: By the file
    domains: [site.example]
    kind: hosting
    country: null
    channels:
      - {type: email, address: file@site.example, languages: [en], basis: abuse, verified: true}
    checked: 2026-01-01
    source: ["https://site.example/"]
  - id: bing
    name: Bing by the file
    domains: [bing.com]
    kind: search-engine
    country: IE
    channels:
      - {type: email, address: file@bing.example, languages: [en], basis: abuse, verified: true}
    checked: 2026-01-01
    source: ["https://bing.com/"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "own.yaml"
    path.write_text(FILE)
    return path


@pytest.fixture
def platforms(settings: Settings, database: Database, clock: SetClock, file: Path) -> Platforms:
    return Platforms(settings.model_copy(update={"platforms_file": file}), database, clock)


def test_a_stored_entry_replaces_the_files_which_replaces_the_shipped_one(
    settings: Settings, database: Database, clock: SetClock, platforms: Platforms
) -> None:
    shipped = Platforms(settings, database, clock)
    assert shipped.view("bing").name == "Bing"
    assert platforms.view("bing").name == "Bing by the file"
    platforms.put(entry("bing", "bing.com", name="Bing by hand"), actor=ANN)
    assert platforms.view("bing").name == "Bing by hand"
    assert platforms.view("https://www.bing.com/images").name == "Bing by hand"
    platforms.remove("bing", actor=ANN)
    assert platforms.view("bing").name == "Bing by the file"
    assert shipped.view("bing").name == "Bing"


def test_every_process_sees_a_stored_entry_at_once(
    settings: Settings, database: Database, clock: SetClock, platforms: Platforms
) -> None:
    """This does not depend on their clocks, which may differ or stand still."""
    other = Platforms(settings, database, SetClock())
    for name in ("First", "Second", "Third"):
        platforms.put(entry("a-host", "host.example", name=name), actor=ANN)
        assert other.view("host.example").name == name
        assert platforms.view("host.example").name == name
    clock.advance(-3600)
    platforms.put(entry("a-host", "host.example", name="Earlier"), actor=ANN)
    assert other.view("a-host").name == "Earlier"
    platforms.remove("a-host", actor=ANN)
    platforms.put(entry("b-host", "b.example"), actor=ANN)
    assert other.view("host.example").draft
    assert other.view("b.example").id == "b-host"


@pytest.mark.parametrize(
    "made",
    [
        entry("mine", "site.example"),
        entry("mine", "mine.example", "bing.com"),
        entry("mine", "localhost"),
        entry("mine", "mine.example").model_copy(update={"draft": True}),
        entry("mine", "mine.example").model_copy(update={"id": "draft:mine.example"}),
    ],
    ids=["of the file", "of the shipped", "no domain", "a draft", "called a draft"],
)
def test_an_entry_with_another_entrys_domain_or_a_draft_is_refused(
    settings: Settings, platforms: Platforms, made: Platform
) -> None:
    before = rows_of(settings.data_dir)
    with pytest.raises(DataFileError):
        platforms.put(made, actor=ANN)
    assert rows_of(settings.data_dir) == before
    assert platforms.view("https://site.example/x").id == "a-site"


def test_another_entry_may_take_a_freed_domain(platforms: Platforms) -> None:
    platforms.put(entry("a-site", "new.example"), actor=ANN)
    platforms.put(entry("mine", "site.example"), actor=ANN)
    assert platforms.view("site.example").id == "mine"
    with pytest.raises(DataFileError, match=r"has site\.example too"):
        platforms.put(entry("a-site", "site.example"), actor=ANN)


def test_removing_an_entry_that_was_not_stored_is_an_error(platforms: Platforms) -> None:
    for name in ("bing", "a-site", "nobody"):
        with pytest.raises(UnknownPlatformError):
            platforms.remove(name, actor=ANN)


def test_the_audit_log_records_changes(platforms: Platforms, database: Database) -> None:
    platforms.put(entry("mine", "mine.example"), actor=ANN)
    platforms.remove("mine", actor=ANN)
    (put, removed) = audit_entries(database)
    assert (put[:2], removed[:2]) == ((ANN, "platform.put"), (ANN, "platform.remove"))
    assert put[2] == removed[2]


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://www.site.example:8443/p", "a-site"),
        ("https://a.b.site.example/p", "a-site"),
        ("https://notsite.example/p", "notsite.example"),
        ("https://www.other.example:8443/p", "other.example:8443"),
        ("http://[2001:db8::7]:81/", "[2001:db8::7]:81"),
    ],
)
def test_a_request_names_a_platform_by_its_entrys_id_or_its_host(
    platforms: Platforms, url: str, name: str
) -> None:
    registry = platforms.all()
    assert name_of(registry, url) == name
    found = find(registry, name)
    assert found == registry.actor_of(url)
    # The entry's id leads back to the entry.
    assert find(registry, found.id) == found


@pytest.mark.parametrize("text", ["", "no host", "a b.example", "http://", "x" * 400 + "..", "?"])
def test_a_text_that_is_neither_an_entry_nor_a_host_is_an_error(
    platforms: Platforms, text: str
) -> None:
    with pytest.raises(UnknownPlatformError):
        platforms.view(text)
