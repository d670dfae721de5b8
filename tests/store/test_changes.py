"""The change feed has every addition and removal in order, and no id is used twice."""

import contextlib
import random
import threading

import pytest

from hashsvc.settings import Settings
from hashsvc.store import Database, cases, feed, signatures
from hashsvc.store.feed import Change
from hashsvc.store.ids import ContentId, PublicContentId
from tests.helpers.cases import signals_of, store_case, store_content
from tests.helpers.database import rows_of
from tests.helpers.set_clock import START


def delete(database: Database, content_id: ContentId) -> None:
    with database.write() as connection:
        cases.delete_content(connection, content_id)


def changes(database: Database) -> list[Change]:
    with database.read() as connection:
        return feed.after(connection, feed.START, 1000)[0]


def test_changes_are_in_the_order_in_which_they_were_made(database: Database) -> None:
    rng = random.Random(5)
    case_id = store_case(database)
    live: list[ContentId] = []
    made: list[tuple[str, ContentId]] = []
    for _ in range(40):
        if live and rng.random() < 0.4:
            removed = live.pop(rng.randrange(len(live)))
            delete(database, removed)
            made.append(("remove", removed))
        else:
            live.append(store_content(database, case_id))
            made.append(("add", live[-1]))
    found = changes(database)
    assert [(each.kind, each.content_id) for each in found] == made
    assert [each.seq for each in found] == sorted({each.seq for each in found})

    read: list[Change] = []
    position, page = feed.START, found
    while page:
        with database.read() as connection:
            page, position = feed.after(connection, position, 7)
        assert len(page) <= 7
        read += page
    assert read == found


def test_an_id_is_never_used_again(database: Database, settings: Settings) -> None:
    case_id = store_case(database)
    contents, signals = [], []
    for _ in range(4):
        content_id = store_content(database, case_id)
        signals += [each.id for each in signals_of(database, content_id)]
        contents.append(content_id)
        delete(database, content_id)
        assert database.purge(START)
        database.close()
        database = Database(settings.url)
    assert contents == sorted(set(contents))
    assert signals == sorted(set(signals))
    assert len(signals) == 12
    database.close()


def test_a_transaction_that_fails_is_undone_completely(
    database: Database, settings: Settings
) -> None:
    case_id = store_case(database)
    content_id = store_content(database, case_id)
    before = rows_of(settings.data_dir)

    def fail_in_the_end() -> None:
        with database.write() as connection:
            cases.delete_content(connection, content_id)
            cases.delete_case(connection, case_id)
            assert cases.counts(connection) == (0, 0)
            raise KeyError

    with pytest.raises(KeyError):
        fail_in_the_end()
    assert rows_of(settings.data_dir) == before
    store_content(database, case_id)


def test_two_writers_wait_for_each_other(database: Database) -> None:
    """Both read before they write. A transaction that had begun as a reader would fail there."""
    case_id = store_case(database)
    both_have_read = threading.Barrier(2)
    counts: list[tuple[int, int]] = []
    errors: list[Exception] = []

    def write() -> None:
        try:
            with database.write() as connection:
                counts.append(cases.counts(connection))
                # The second writer cannot even begin to read, so the first one waits in vain.
                with contextlib.suppress(threading.BrokenBarrierError):
                    both_have_read.wait(0.2)
                cases.add_content(
                    connection,
                    case_id,
                    public_id=PublicContentId(f"{threading.get_ident()}"),
                    quality=100,
                    day="2026-01-05",
                    signals=[("pdq1", "whole", bytes(32))],
                )
        except Exception as error:  # noqa: BLE001 - the main thread checks the list.
            errors.append(error)

    threads = [threading.Thread(target=write) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert errors == []
    assert counts == [(1, 0), (1, 1)]
    assert len(changes(database)) == 2


def test_a_reader_sees_one_state_and_does_not_block_writers(database: Database) -> None:
    case_id = store_case(database)
    with database.read() as connection:
        assert cases.counts(connection) == (1, 0)
        store_content(database, case_id)
        assert cases.counts(connection) == (1, 0)
        assert feed.after(connection, feed.START, 10) == ([], feed.START)
    assert len(changes(database)) == 1


def test_codes_are_not_in_the_repr(database: Database) -> None:
    code = random.Random(3).randbytes(32)
    content_id = store_content(database, store_case(database), [("pdq1", "whole", code)])
    with database.read() as connection:
        (codes,) = signatures.codes_of(connection, [content_id])
    assert list(codes.group) == [code]
    for shown in (repr(codes), repr(codes.group)):
        assert repr(code)[2:-1] not in shown
        assert code.hex() not in shown
