"""A verdict is stored with its reviewer, and a later verdict cannot overturn it."""

from datetime import timedelta

import pytest

from hashsvc.matching import AlreadyReviewedError, MatchState, Reviews, UnknownMatchError
from hashsvc.settings import Settings
from hashsvc.store import Database
from hashsvc.store.ids import KeyId, MatchId, ScanId
from tests.helpers.audit_entries import audit_entries
from tests.helpers.cases import IMAGE_URL, store_case, store_content, store_match
from tests.helpers.database import rows_of
from tests.helpers.set_clock import START, SetClock

ANN, BEN = KeyId("key of one analyst"), KeyId("key of another")
VERDICTS = (MatchState.CONFIRMED, MatchState.DISMISSED)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def reviews(database: Database, clock: SetClock) -> Reviews:
    return Reviews(database, clock)


@pytest.fixture
def match_id(database: Database) -> MatchId:
    return store_match(database, store_content(database, store_case(database)))


@pytest.mark.parametrize("verdict", VERDICTS)
def test_a_verdict_is_stored_with_its_reviewer(
    reviews: Reviews, clock: SetClock, match_id: MatchId, verdict: MatchState
) -> None:
    assert reviews.view(match_id, actor=ANN).state == "suspected"
    clock.advance(60)
    decided = reviews.decide(match_id, verdict, actor=ANN)
    clock.advance(60)
    for match in (decided, reviews.view(match_id, actor=BEN)):
        assert (match.state, match.reviewed_by) == (verdict, ANN)
        assert match.reviewed_at == START + timedelta(seconds=60)


@pytest.mark.parametrize("verdict", VERDICTS)
def test_repeating_a_verdict_keeps_the_first_reviewer(
    reviews: Reviews, clock: SetClock, match_id: MatchId, verdict: MatchState
) -> None:
    first = reviews.decide(match_id, verdict, actor=ANN)
    clock.advance(60)
    assert reviews.decide(match_id, verdict, actor=BEN) == first
    assert reviews.decide(match_id, verdict, actor=ANN) == first
    assert first.reviewed_by == ANN


@pytest.mark.parametrize(("verdict", "other"), [VERDICTS, VERDICTS[::-1]])
def test_the_other_verdict_is_refused_whoever_gives_it(
    reviews: Reviews, match_id: MatchId, verdict: MatchState, other: MatchState
) -> None:
    first = reviews.decide(match_id, verdict, actor=ANN)
    for actor in (ANN, BEN):
        with pytest.raises(AlreadyReviewedError, match=f"is already {verdict}"):
            reviews.decide(match_id, other, actor=actor)
    assert reviews.view(match_id, actor=BEN) == first


def test_the_audit_log_names_who_looked_and_who_decided(
    reviews: Reviews, database: Database, match_id: MatchId
) -> None:
    reviews.view(match_id, actor=BEN)
    reviews.decide(match_id, MatchState.CONFIRMED, actor=ANN)
    reviews.decide(match_id, MatchState.CONFIRMED, actor=BEN)
    with pytest.raises(AlreadyReviewedError):
        reviews.decide(match_id, MatchState.DISMISSED, actor=BEN)
    entries = audit_entries(database)
    assert entries[:2] == [(BEN, "match.read", match_id), (ANN, "match.confirmed", match_id)]
    # Each decision also reads the match. Of the verdicts, only the first one has an entry.
    assert [each for each in entries if each[1] != "match.read"] == [entries[1]]


def test_an_unknown_match_is_refused_and_changes_nothing(
    reviews: Reviews, settings: Settings, match_id: MatchId
) -> None:
    before = rows_of(settings.data_dir)
    for unknown in ("", "f" * 32, match_id.upper() + "x"):
        with pytest.raises(UnknownMatchError):
            reviews.view(MatchId(unknown), actor=ANN)
        for verdict in VERDICTS:
            with pytest.raises(UnknownMatchError):
                reviews.decide(MatchId(unknown), verdict, actor=ANN)
    assert rows_of(settings.data_dir) == before


def test_matches_are_listed_newest_first_by_state_and_by_scan(
    reviews: Reviews, database: Database
) -> None:
    content_id = store_content(database, store_case(database))
    found = [
        store_match(
            database,
            content_id,
            image_url=f"{IMAGE_URL}?{number}",
            found_at=START + timedelta(seconds=number % 3),
        )
        for number in range(6)
    ]
    reviews.decide(found[1], MatchState.CONFIRMED, actor=ANN)
    reviews.decide(found[2], MatchState.DISMISSED, actor=ANN)

    listed = reviews.search(state=None, scan_id=None, limit=10)
    assert [each.found_at for each in listed] == sorted(
        (each.found_at for each in listed), reverse=True
    )
    assert {each.id for each in listed} == set(found)
    assert reviews.search(state=None, scan_id=None, limit=4) == listed[:4]
    for state, expected in (
        (MatchState.CONFIRMED, {found[1]}),
        (MatchState.DISMISSED, {found[2]}),
        (MatchState.SUSPECTED, {found[0], *found[3:]}),
    ):
        assert {each.id for each in reviews.search(state=state, scan_id=None, limit=9)} == expected
    of_scan = reviews.search(state=None, scan_id=listed[0].scan_id, limit=9)
    assert of_scan == listed[:1]
    assert reviews.search(state=None, scan_id=ScanId("none"), limit=9) == []
