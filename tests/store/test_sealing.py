"""Private values are sealed, and open only in their own row and under their own key."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from hashsvc.keyring import SealError
from hashsvc.settings import Settings
from hashsvc.store import (
    Database,
    cases,
    data_keys,
    matches,
    notices,
    rekeying,
    requests,
    scans,
    signatures,
)
from hashsvc.store.ids import ContentId, ItemId, KeyId, MatchId, RequestId, ScanId
from hashsvc.store.packing import pack, unpack
from hashsvc.store.signatures import IDS_PER_CONTENT
from hashsvc.store.tables import match
from tests.helpers.cases import (
    IMAGE_URL,
    signals_of,
    some_signals,
    store_case,
    store_content,
    store_match,
    store_request,
)
from tests.helpers.database import bytes_of, swap_values
from tests.helpers.set_clock import START

PAGE_URL = "https://example.org/the-page-nobody-may-know-of"
REPORTED = "https://example.org/what-somebody-reported"
NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)


@pytest.fixture
def full(database: Database) -> tuple[ContentId, MatchId, RequestId]:
    """A case with a content, its match, a request, and a scan of the page."""
    content_id = store_content(database, store_case(database))
    match_id = store_match(
        database, content_id, state="confirmed", page_url=PAGE_URL, image_url=PAGE_URL + "/1.jpg"
    )
    with database.write() as connection:
        scans.add(connection, ScanId("a scan"), KeyId("reporter"), [REPORTED], START)
    return content_id, match_id, store_request(database, match_id, "sent")


def test_no_file_contains_a_private_value_unsealed(
    database: Database, settings: Settings, full: tuple[ContentId, MatchId, RequestId]
) -> None:
    content_id, match_id, request_id = full
    with database.read() as connection:
        found = matches.by_id(connection, match_id)
        request = requests.by_id(connection, request_id)
        (notice,) = notices.of_requests(connection, [request_id])[request_id]
        text = notices.document(connection, notice.id, "text")
        assert text is not None
        (item,) = scans.items_of(connection, ScanId("a scan"), after=ItemId(0), limit=9)
        case = cases.case_by_number(connection, found.case)
    texts = {
        *(found.page_url, found.image_url, found.evidence, case.pin_hash, item.url),
        *(request.page_url, request.image_url, text.decode()),
    }
    assert {PAGE_URL, REPORTED, IMAGE_URL, "A notice.", "$argon2id$"} <= texts
    codes = [each.code for each in signals_of(database, content_id)]
    secrets = [each.encode() for each in texts] + [*codes, found.image_sha256]
    secrets += [each.hex().encode() for each in (*codes, found.image_sha256)]
    everything = bytes_of(settings.data_dir)
    assert [each for each in secrets if each in everything] == []
    # The search looks in the right place: values that are not private are found there.
    assert all(each.encode() in everything for each in (case.number, match_id, request_id))


def test_stored_codes_can_be_read_and_each_has_its_own_id(database: Database) -> None:
    rng = random.Random(4)
    case_id = store_case(database)
    given_signals = [some_signals(rng) for _ in range(5)]
    given_signals.append([("reg1", "whole", rng.randbytes(32)) for _ in range(IDS_PER_CONTENT)])
    ids = [store_content(database, case_id, each) for each in given_signals]
    stored = signals_of(database, *ids)
    for content_id, signals in zip(ids, given_signals, strict=True):
        mine = [each for each in stored if each.content_id == content_id]
        assert [(each.algorithm, each.view, each.code) for each in mine] == signals
        assert [each.id // IDS_PER_CONTENT for each in mine] == [content_id] * len(mine)
    assert len({each.id for each in stored}) == len(stored) == 15 + IDS_PER_CONTENT
    assert [each.content_id for each in stored] == sorted(each.content_id for each in stored)


def test_more_codes_than_there_are_ids_are_refused(database: Database) -> None:
    case_id = store_case(database)
    with pytest.raises(AssertionError):
        store_content(database, case_id, [("reg1", "whole", bytes(32))] * (IDS_PER_CONTENT + 1))


@given(st.lists(st.tuples(NAMES, NAMES, st.integers(1, 64), st.integers(1, 300)), max_size=6))
def test_packed_codes_can_be_unpacked_in_their_groups(
    kinds: list[tuple[str, str, int, int]],
) -> None:
    rng = random.Random(1)
    expected = {}
    for algorithm, view, width, count in kinds:
        codes = [rng.randbytes(width) for _ in range(count)]
        expected[algorithm, view] = codes
    signals = [(*names, code) for names, codes in expected.items() for code in codes]
    groups = list(unpack(pack(signals)))
    assert {(each.algorithm, each.view): list(each) for each in groups} == expected
    assert [len(each) for each in groups] == [len(codes) for codes in expected.values()]


@pytest.mark.parametrize("same_case", [True, False])
def test_codes_cannot_be_moved_to_another_content(
    database: Database, settings: Settings, same_case: bool
) -> None:
    case_id = store_case(database)
    other = case_id if same_case else store_case(database, "another")
    ids = [store_content(database, case_id), store_content(database, other)]
    swap_values(settings.data_dir, "signature", "sealed", "content_id")
    with database.read() as connection:
        for each in ids:
            with pytest.raises(SealError):
                signatures.codes_of(connection, [each])


@pytest.mark.parametrize("column", ["page_url", "image_url", "evidence", "image_sha256"])
def test_sealed_columns_cannot_be_moved_to_another_match(
    database: Database, settings: Settings, column: str
) -> None:
    content_id = store_content(database, store_case(database))
    ids = [store_match(database, content_id, image_url=f"{IMAGE_URL}?{n}") for n in range(2)]
    swap_values(settings.data_dir, "match", column)
    with database.read() as connection:
        for each in ids:
            with pytest.raises(SealError):
                matches.by_id(connection, each)


@pytest.mark.parametrize("column", ["page_url", "image_url"])
def test_sealed_columns_cannot_be_moved_to_another_request(
    database: Database, settings: Settings, column: str
) -> None:
    content_id = store_content(database, store_case(database))
    ids = [
        store_request(database, store_match(database, content_id, image_url=f"{n}"), "sent")
        for n in range(2)
    ]
    swap_values(settings.data_dir, "removal_request", column)
    with database.read() as connection:
        for each in ids:
            with pytest.raises(SealError):
                requests.by_id(connection, each)


def test_a_reported_url_cannot_be_moved_to_another_scan(
    database: Database, settings: Settings
) -> None:
    with database.write() as connection:
        for name in ("one", "other"):
            scans.add(connection, ScanId(name), KeyId("reporter"), [f"{REPORTED}/{name}"], START)
    swap_values(settings.data_dir, "scan_item", "url")
    with database.read() as connection, pytest.raises(SealError):
        scans.items_of(connection, ScanId("one"), after=ItemId(0), limit=9)


def test_exchanged_data_keys_do_not_open(database: Database, settings: Settings) -> None:
    store_case(database)
    swap_values(settings.data_dir, "data_key", "wrapped")
    with database.read() as connection, pytest.raises(SealError):
        cases.case_by_number(connection, "7K3M-X9QD-5")


def test_a_match_is_found_by_its_url_and_stored_once(database: Database) -> None:
    case_id = store_case(database)
    ids = [store_content(database, each) for each in (case_id, case_id, store_case(database, "b"))]
    stored = [store_match(database, each) for each in ids]
    with database.read() as connection:
        assert [matches.find(connection, each, IMAGE_URL) for each in ids] == stored
        assert matches.find(connection, ids[0], IMAGE_URL + "?") is None
        digests = connection.execute(select(func.count(match.c.image_digest.distinct())))
        # The same URL has the same digest only under the same key.
        assert digests.scalar_one() == 2
    assert store_match(database, ids[0]) == stored[0]


def test_if_two_workers_find_the_same_match_it_is_stored_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither worker finds the match in the table at first; the table's unique key decides."""
    content_id = store_content(database, store_case(database))
    first = store_match(database, content_id)
    find_in_table, first_calls = matches.find, iter([True])
    monkeypatch.setattr(
        matches,
        "find",
        lambda *arguments: None if next(first_calls, False) else find_in_table(*arguments),
    )
    assert store_match(database, content_id) == first
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(match)).scalar_one() == 1


def test_each_case_has_its_own_key(database: Database) -> None:
    first, second = store_case(database), store_case(database, "another")
    with database.read() as connection:
        keys = [data_keys.of_case(connection, each) for each in (first, second)]
        keys.append(data_keys.records(connection))
    assert len({key.digest("x") for key in keys}) == 3


def all_matches(database: Database) -> list[matches.Match]:
    with database.read() as connection:
        return matches.search(connection, state=None, scan_id=None, limit=100)


def pin_of(database: Database) -> str:
    with database.read() as connection:
        return cases.case_by_number(connection, "7K3M-X9QD-5").pin_hash


def find(database: Database, content_id: ContentId) -> MatchId | None:
    with database.read() as connection:
        return matches.find(connection, content_id, IMAGE_URL)


Read = Callable[[Database, ContentId], object]
READS: dict[str, Read] = {
    "codes": lambda database, content_id: [
        (each.id, each.algorithm, each.code) for each in signals_of(database, content_id)
    ],
    "matches": lambda database, content_id: [
        (each.id, each.page_url, each.image_url, each.image_sha256, each.evidence)
        for each in all_matches(database)
        if each.content_id == content_id
    ],
    "pin": lambda database, _: pin_of(database),
    "by url": find,
}


@pytest.mark.parametrize("what", READS)
def test_after_rekeying_everything_can_be_read_as_before(database: Database, what: str) -> None:
    case_id = store_case(database)
    ids = [store_content(database, case_id) for _ in range(3)]
    for each in ids:
        store_match(database, each)
    before = [READS[what](database, each) for each in ids]
    with database.read() as connection:
        old = data_keys.of_case(connection, case_id).digest("x")
    with database.write() as connection:
        rekeying.rekey(connection, case_id)
    assert [READS[what](database, each) for each in ids] == before
    assert all(before)
    with database.read() as connection:
        assert data_keys.of_case(connection, case_id).digest("x") != old
