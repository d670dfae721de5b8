"""Migrating seals a database of the first schema, and leaves no unsealed byte in its files."""

import random
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import select

from hashsvc.settings import Settings
from hashsvc.store import Database, cases, data_keys, matches, notices, requests, scans, sqlite
from hashsvc.store.ids import ContentId, ItemId, MatchId, RequestId, ScanId
from hashsvc.store.tables import erasure
from tests.helpers.cases import signals_of, store_case, store_content
from tests.helpers.database import bytes_of
from tests.helpers.set_clock import START
from tests.store.migrating import downgrade, upgrade

WHEN = "2026-01-05T09:30:00.000000+00:00"
CASES, CONTENTS, CODES = 3, 4, 30


@dataclass
class Old:
    """The private values of a database of the first schema, unsealed."""

    codes: dict[int, list[tuple[str, bytes]]] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)

    def private(self) -> list[bytes]:
        """Return every code, text and digest, as bytes."""
        codes = [code for signals in self.codes.values() for _, code in signals]
        return [*codes, *self.digests, *(each.encode() for each in self.texts)]


def fill(path: Path) -> Old:
    """Write rows as the first version did, and return their private values."""
    rng, old = random.Random(8), Old()

    def text(kind: str) -> str:
        old.texts.append(f"{kind}-{rng.getrandbits(64):x}")
        return old.texts[-1]

    with sqlite3.connect(path) as db:
        for case_id in range(1, CASES + 1):
            row = (case_id, f"number {case_id}", text("pin"), "2026-01-05")
            db.execute("INSERT INTO bank_case VALUES (?, ?, ?, ?)", row)
            scan = f"scan {case_id}"
            db.execute("INSERT INTO scan VALUES (?, 'key', ?, NULL)", (scan, WHEN))
            db.execute(
                "INSERT INTO scan_item VALUES (NULL, ?, ?, 'queued', 0, ?, NULL, 0, 0, NULL)",
                (scan, text("reported"), WHEN),
            )
            for _ in range(CONTENTS):
                public_id = f"{rng.getrandbits(128):032x}"
                content = db.execute(
                    "INSERT INTO content VALUES (NULL, ?, ?, 90, '2026-01-05') RETURNING id",
                    (public_id, case_id),
                ).fetchone()[0]
                signals = [("pdq1", rng.randbytes(32)), ("phash1", rng.randbytes(8))]
                signals += [("reg1", rng.randbytes(32)) for _ in range(CODES)]
                old.codes[content] = signals
                for algorithm, code in signals:
                    db.execute(
                        "INSERT INTO signal VALUES (NULL, ?, ?, 'whole', ?)",
                        (content, algorithm, code),
                    )
                old.digests.append(rng.randbytes(32))
                match = (f"match {content}", content, scan, text("page"), text("image"))
                db.execute(
                    "INSERT INTO match VALUES (?, ?, ?, ?, ?, ?, 'certain', ?, 'confirmed', ?, "
                    "'analyst', ?)",
                    (*match, old.digests[-1], text("evidence"), WHEN, WHEN),
                )
                request = (f"request {content}", match[0], match[3], match[4], text("notice"), WHEN)
                db.execute(
                    "INSERT INTO removal_request VALUES (?, ?, 'example.org', ?, ?, 'sent', ?, ?)",
                    request,
                )
    db.close()
    return old


@pytest.fixture
def before(settings: Settings) -> Iterator[tuple[Database, Old]]:
    """A database of the first schema, and its private values."""
    database = Database(settings.url)
    upgrade(database, "0001")
    database.close()
    old = fill(settings.data_dir / "hashsvc.db")
    everything = bytes_of(settings.data_dir)
    assert [each for each in old.private() if each not in everything] == []
    yield database, old
    database.close()


def test_no_unsealed_byte_is_left(before: tuple[Database, Old], settings: Settings) -> None:
    database, old = before
    database.migrate()
    everything = bytes_of(settings.data_dir)
    assert [each for each in old.private() if each in everything] == []
    assert [each for each in old.private() if each.hex().encode() in everything] == []
    with database.read() as connection:
        purged = connection.execute(select(erasure.c.purged_at)).scalars().all()
    assert len(purged) == 1
    assert None not in purged


def test_everything_can_be_read_as_before(before: tuple[Database, Old]) -> None:
    database, old = before
    database.migrate()
    for content_id, signals in old.codes.items():
        stored = signals_of(database, ContentId(content_id))
        assert [(each.algorithm, each.code) for each in stored] == signals
    with database.read() as connection:
        texts = [cases.case_by_number(connection, f"number {n + 1}").pin_hash for n in range(CASES)]
        for number in range(1, CASES + 1):
            scan = ScanId(f"scan {number}")
            texts += [
                each.url for each in scans.items_of(connection, scan, after=ItemId(0), limit=9)
            ]
        for number, content_id in enumerate(old.codes):
            match = matches.by_id(connection, MatchId(f"match {content_id}"))
            assert (match.tier, match.state, match.reviewed_by) == (
                *("certain", "confirmed", "analyst"),
            )
            assert match.image_sha256 == old.digests[number]
            texts += [match.page_url, match.image_url, match.evidence]
            found = matches.find(connection, ContentId(content_id), match.image_url)
            request = requests.by_id(connection, RequestId(f"request {content_id}"))
            assert found == match.id == request.match_id
            assert (request.page_url, request.image_url) == (match.page_url, match.image_url)
            (notice,) = notices.of_requests(connection, [request.id])[request.id]
            text = notices.document(connection, notice.id, "text")
            assert text is not None
            texts.append(text.decode())
    assert sorted(texts) == sorted(old.texts)


def test_each_case_has_a_key_and_an_end(before: tuple[Database, Old]) -> None:
    database, _ = before
    database.migrate()
    with database.read() as connection:
        found = [cases.case_by_number(connection, f"number {n + 1}") for n in range(CASES)]
        assert data_keys.count_strays(connection) == 0
    assert len({each.key_id for each in found}) == CASES
    assert all(each.ends_on and each.ends_on >= "2028-01-05" for each in found)


def test_ids_of_deleted_rows_are_not_used_again(before: tuple[Database, Old]) -> None:
    database, old = before
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM content WHERE id = (SELECT max(id) FROM content)")
    database.migrate()
    assert store_content(database, store_case(database)) > max(old.codes)


def test_downgrading_unseals_everything_as_it_was(
    before: tuple[Database, Old], settings: Settings
) -> None:
    database, _ = before
    tables = ("bank_case", "scan_item", "content", "match", "removal_request", "signal")

    def rows() -> dict[str, list[dict[str, object]]]:
        with sqlite3.connect(settings.data_dir / "hashsvc.db") as db:
            db.row_factory = sqlite3.Row
            # Compare only the columns that the first version had.
            found = {
                table: [
                    {name: row[name] for name in sorted(columns[table])}
                    for row in db.execute(f"SELECT * FROM {table} ORDER BY 1")  # noqa: S608
                ]
                for table in tables
            }
        db.close()
        return found

    with database.read() as connection:
        columns = {
            table: {
                row[1] for row in connection.exec_driver_sql(f"PRAGMA table_info({table})").all()
            }
            for table in tables
        }
    first = rows()
    database.migrate()
    downgrade(database, "0001")
    assert rows() == first


def test_a_rewrite_that_failed_stays_due(
    before: tuple[Database, Old], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, old = before
    with monkeypatch.context() as patched:
        patched.setattr(sqlite, "rewrite", lambda _engine: False)
        database.migrate()
    with database.read() as connection:
        assert len(connection.execute(select(erasure)).all()) == 1
        assert connection.execute(select(erasure.c.purged_at)).scalar_one() is None
    assert database.purge(START)
    everything = bytes_of(settings.data_dir)
    assert [each for each in old.private() if each in everything] == []
