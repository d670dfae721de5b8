"""Matches are recorded, except dismissed images and low tiers. A flood is quarantined."""

import random

import pytest
from sqlalchemy import select

from hashsvc.matching import (
    Evidence,
    Found,
    LowestTiers,
    MatchState,
    NotQuarantinedError,
    Quarantines,
    Reason,
    Reviews,
    Suppressions,
    Tier,
    UnknownSuppressionError,
    record_match,
    sighted,
)
from hashsvc.scanning import SeenImage
from hashsvc.signals import Signal, Signature, View, ViewedSignal
from hashsvc.store import Database, candidates, cases, matches, rekeying, requests, scans
from hashsvc.store.candidates import Sighted
from hashsvc.store.feedback_tables import unmatched
from hashsvc.store.ids import (
    CaseId,
    ContentId,
    KeyId,
    MatchId,
    OrganisationId,
    PublicContentId,
    ScanId,
    SuppressionId,
)
from tests.helpers.audit_entries import audit_entries
from tests.helpers.cases import store_case, store_content
from tests.helpers.set_clock import START, SetClock

ANN = KeyId("ann")
OWN = OrganisationId("0" * 32)
NUMBER, OTHER = "7K3M-X9QD-5", "8K3M-X9QD-4"
SCAN = ScanId("scan")
MINE = bytes(32)


def flipped(*bits: range) -> bytes:
    """Return the content's code with these bits flipped."""
    number = sum(1 << bit for each in bits for bit in each)
    return (int.from_bytes(MINE) ^ number).to_bytes(32)


def image(
    code: bytes, url: str = "https://example.org/1.jpg", view: View = View.WHOLE, sha256: int = 1
) -> Sighted:
    signature = Signature(100, [ViewedSignal(Signal("pdq1", code), view)])
    seen = sighted(SeenImage("https://page.example/", url, sha256.to_bytes(32), (signature,)))
    assert seen is not None
    return seen


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def case_id(database: Database) -> CaseId:
    with database.write() as connection:
        scans.add(connection, SCAN, KeyId("reporter"), ["https://page.example/"], START)
    return store_case(database, NUMBER)


@pytest.fixture
def content_id(database: Database, case_id: CaseId) -> ContentId:
    return store_content(database, case_id, [("pdq1", "whole", MINE)])


def record(
    database: Database,
    content_id: ContentId,
    seen: Sighted,
    tier: Tier = Tier.CERTAIN,
    *,
    clock: SetClock | None = None,
    keep: bool = False,
    flood: int = 1_000,
) -> MatchId | None:
    """Record an image as a scan does, and return the match if it was recorded."""
    with database.write(alone=False) as connection:
        if keep:
            candidates.keep(connection, seen, scan_id=SCAN, day="2026-01-05")
        return record_match(
            connection,
            seen,
            Found(content_id, Evidence(tier, (), "")),
            scan_id=SCAN,
            flood_matches=flood,
            now=clock() if clock else START,
        )


def dismiss(
    database: Database, match_id: MatchId | None, *, everywhere: bool = False
) -> matches.Match:
    assert match_id is not None
    return Reviews(database, SetClock()).decide(
        match_id,
        MatchState.DISMISSED,
        actor=ANN,
        reason=Reason.OTHER_IMAGE,
        everywhere=everywhere,
    )


def suppression_ids(database: Database) -> list[SuppressionId]:
    return [each.id for each in Suppressions(database).search(organisation_id=OWN, limit=9)]


def entries_of(database: Database, *actions: str) -> list[tuple[str, str, str]]:
    """Return actor, action and subject of the audit entries of some actions."""
    return [each for each in audit_entries(database) if each[1] in actions]


def queued(database: Database) -> list[ContentId]:
    with database.read() as connection:
        return list(connection.execute(select(unmatched.c.content_id)).scalars())


# --- dismissed images -------------------------------------------------------------------------

WRONG = flipped(range(30))


@pytest.mark.parametrize(
    ("code", "view", "again"),
    [
        (WRONG, View.WHOLE, False),
        (flipped(range(30), range(200, 231)), View.WHOLE, False),
        (flipped(range(30), range(200, 232)), View.WHOLE, True),
        (WRONG, View.MIRROR, False),
        # An image is recorded if the content is at least as near as the dismissed image.
        (flipped(range(15)), View.WHOLE, True),
        (flipped(range(14)), View.WHOLE, True),
        (flipped(range(16)), View.WHOLE, False),
        (MINE, View.WHOLE, True),
    ],
)
def test_an_image_near_a_dismissed_one_is_not_recorded_unless_it_is_nearer_the_content(
    database: Database, content_id: ContentId, code: bytes, view: View, again: bool
) -> None:
    dismiss(database, record(database, content_id, image(WRONG), keep=True))
    next_one = image(code, "https://example.org/2.jpg", view, sha256=2)
    assert (record(database, content_id, next_one) is not None) is again


@pytest.mark.parametrize(("sha256", "again"), [(1, False), (2, True)])
def test_without_kept_signals_only_the_same_bytes_are_suppressed(
    database: Database, content_id: ContentId, sha256: int, again: bool
) -> None:
    dismiss(database, record(database, content_id, image(WRONG)))
    next_one = image(WRONG, "https://example.org/2.jpg", sha256=sha256)
    assert (record(database, content_id, next_one) is not None) is again


@pytest.mark.parametrize("everywhere", [False, True])
def test_a_suppression_covers_one_content_or_the_whole_organisation(
    database: Database, case_id: CaseId, content_id: ContentId, everywhere: bool
) -> None:
    other = store_content(database, store_case(database, OTHER), [("pdq1", "whole", MINE)])
    theirs = store_content(database, foreign_case(database), [("pdq1", "whole", MINE)])
    dismiss(database, record(database, content_id, image(WRONG), keep=True), everywhere=everywhere)
    again = image(WRONG, "https://example.org/2.jpg")
    assert record(database, content_id, again) is None
    assert (record(database, other, again) is None) is everywhere
    assert record(database, theirs, again) is not None


def foreign_case(database: Database) -> CaseId:
    with database.write() as connection:
        cases.open_case(
            connection,
            number="9K3M-X9QD-3",
            pin_hash="",
            day="2026-01-05",
            organisation_id=OrganisationId("f" * 32),
        )
        return cases.case_by_number(connection, "9K3M-X9QD-3").id


def test_other_verdicts_suppress_nothing(database: Database, content_id: ContentId) -> None:
    reviews = Reviews(database, SetClock())
    for number, (verdict, reason) in enumerate(
        [
            (MatchState.CONFIRMED, None),
            (MatchState.DISMISSED, None),
            (MatchState.DISMISSED, Reason.OTHER),
        ]
    ):
        url = f"https://example.org/{number}.jpg"
        match_id = record(database, content_id, image(WRONG, url), keep=True)
        assert match_id is not None
        decided = reviews.decide(match_id, verdict, actor=ANN, reason=reason)
        assert (decided.state, decided.reason) == (verdict, reason)
    assert suppression_ids(database) == []


@pytest.mark.both_databases
def test_a_suppression_can_be_removed(database: Database, content_id: ContentId) -> None:
    match = dismiss(database, record(database, content_id, image(WRONG), keep=True))
    assert (match.state, match.reason) == ("dismissed", "other-image")
    (suppression_id,) = suppression_ids(database)
    before = queued(database)
    with pytest.raises(UnknownSuppressionError):
        Suppressions(database).take_back(
            suppression_id, actor=ANN, organisation_id=OrganisationId("f" * 32)
        )
    Suppressions(database).take_back(suppression_id, actor=ANN, organisation_id=OWN)
    assert suppression_ids(database) == []
    again = Reviews(database).view(match.id, actor=ANN)
    assert (again.state, again.reason, again.reviewed_by) == ("suspected", None, None)
    assert record(database, content_id, image(WRONG, "https://example.org/2.jpg")) is not None
    # Its content is compared with the kept candidates again.
    assert queued(database) == [*before, content_id]
    assert [each[1:] for each in entries_of(database, "match.unsuppress", "match.reopen")] == [
        ("match.unsuppress", suppression_id),
        ("match.reopen", match.id),
    ]


@pytest.mark.both_databases
def test_a_suppression_is_deleted_with_its_content_and_rekeyed_with_its_case(
    database: Database, case_id: CaseId, content_id: ContentId
) -> None:
    dismiss(database, record(database, content_id, image(WRONG), keep=True))
    with database.write() as connection:
        rekeying.rekey(connection, case_id)
    assert record(database, content_id, image(WRONG, "https://example.org/2.jpg")) is None
    with database.write() as connection:
        cases.delete_content(connection, content_id)
    assert suppression_ids(database) == []


# --- floods -----------------------------------------------------------------------------------


def flood_with(
    database: Database, content_id: ContentId, count: int, clock: SetClock, *, flood: int
) -> list[MatchId]:
    found = []
    for _ in range(count):
        url = f"https://example.org/{random.getrandbits(64)}.jpg"
        match_id = record(database, content_id, image(WRONG, url), clock=clock, flood=flood)
        assert match_id is not None
        found.append(match_id)
    return found


def quarantined(database: Database) -> set[MatchId]:
    found = Reviews(database).search(state=None, scan_id=None, limit=999, quarantined=True)
    assert all(each.quarantined for each in found)
    return {each.id for each in found}


@pytest.mark.both_databases
@pytest.mark.parametrize(("count", "is_one"), [(5, False), (6, True), (9, True)])
def test_more_matches_in_a_day_than_expected_are_a_flood_with_one_audit_entry(
    database: Database, content_id: ContentId, clock: SetClock, count: int, is_one: bool
) -> None:
    found = flood_with(database, content_id, count, clock, flood=5)
    assert quarantined(database) == (set(found) if is_one else set())
    events = entries_of(database, "content.quarantine")
    assert [actor for actor, _, _ in events] == ["floods"] * is_one
    others = Reviews(database).search(state=None, scan_id=None, limit=99, quarantined=False)
    assert len(others) == (0 if is_one else count)


@pytest.mark.parametrize(("new", "is_one"), [(19, False), (20, True)])
def test_a_content_with_many_matches_is_compared_with_its_own_mean(
    database: Database, content_id: ContentId, clock: SetClock, new: int, is_one: bool
) -> None:
    """20 matches in ten days are two a day. Ten times as many are 20."""
    for _ in range(20):
        clock.advance(12 * 3600)
        flood_with(database, content_id, 1, clock, flood=1_000)
    clock.advance(30 * 3600)
    # The mean covers the days from the content's submission to the day before the flood.
    found = flood_with(database, content_id, new, clock, flood=5)
    assert quarantined(database) == (set(found) if is_one else set())


def test_matches_found_before_a_flood_are_not_quarantined(
    database: Database, content_id: ContentId, clock: SetClock
) -> None:
    (early,) = flood_with(database, content_id, 1, clock, flood=5)
    clock.advance(25 * 3600)
    flood_with(database, content_id, 12, clock, flood=5)
    assert early not in quarantined(database)
    assert len(quarantined(database)) == 12


def content_of(database: Database, content_id: ContentId) -> PublicContentId:
    with database.read() as connection:
        return cases.content_by_id(connection, content_id).public_id


def test_a_flood_is_released(database: Database, content_id: ContentId, clock: SetClock) -> None:
    quarantines, content = Quarantines(database, clock), content_of(database, content_id)
    flood_with(database, content_id, 8, clock, flood=5)
    (flood,) = quarantines.search(organisation_id=OWN, limit=9)
    assert (flood.content, flood.case, flood.matches) == (content, NUMBER, 8)
    clock.advance(60)
    with pytest.raises(NotQuarantinedError):
        quarantines.release(content, actor=ANN, organisation_id=OrganisationId("f" * 32))
    quarantines.release(content, actor=ANN, organisation_id=OWN)
    assert quarantined(database) == set()
    assert quarantines.search(organisation_id=OWN, limit=9) == []
    # Only later matches count for the next flood, and eight a day are usual now.
    flood_with(database, content_id, 79, clock, flood=5)
    assert quarantined(database) == set()
    flood_with(database, content_id, 1, clock, flood=5)
    assert len(quarantined(database)) == 80
    assert len(entries_of(database, "content.quarantine")) == 2


@pytest.mark.both_databases
def test_a_flood_is_dismissed_all_at_once(
    database: Database, content_id: ContentId, clock: SetClock
) -> None:
    quarantines, content = Quarantines(database, clock), content_of(database, content_id)
    found = flood_with(database, content_id, 8, clock, flood=5)
    clock.advance(60)
    Reviews(database, clock).decide(found[0], MatchState.CONFIRMED, actor=ANN)
    assert quarantines.dismiss(content, actor=ANN, organisation_id=OWN) == 7
    listed = Reviews(database).search(state=None, scan_id=None, limit=99)
    assert {each.id: each.state for each in listed} == {
        each: "confirmed" if each == found[0] else "dismissed" for each in found
    }
    assert len(entries_of(database, "match.dismissed")) == 7
    with pytest.raises(NotQuarantinedError):
        quarantines.dismiss(content, actor=ANN, organisation_id=OWN)
    # Dismissed matches do not count as usual; the confirmed one does.
    clock.advance(60)
    flood_with(database, content_id, 9, clock, flood=5)
    assert quarantined(database) == set()
    flood_with(database, content_id, 1, clock, flood=5)
    assert len(quarantined(database)) == 10


def test_no_request_is_raised_automatically_during_a_flood(
    database: Database, content_id: ContentId, clock: SetClock
) -> None:
    flood_with(database, content_id, 8, clock, flood=5)
    with database.read() as connection:
        assert requests.certain_without(connection) == []
    content = content_of(database, content_id)
    Quarantines(database, clock).release(content, actor=ANN, organisation_id=OWN)
    with database.read() as connection:
        assert len(requests.certain_without(connection)) == 8


# --- lowest tiers -----------------------------------------------------------------------------

TIERS = list(Tier)


@pytest.mark.parametrize("of_case", TIERS)
@pytest.mark.parametrize("of_host", TIERS)
@pytest.mark.parametrize("tier", TIERS)
def test_the_stricter_of_two_lowest_tiers_counts(
    database: Database, content_id: ContentId, of_case: Tier, of_host: Tier, tier: Tier
) -> None:
    lowest_tiers = LowestTiers(database)
    lowest_tiers.set_for_case(NUMBER, of_case, actor=ANN, organisation_id=OWN)
    lowest_tiers.set_for_host("example.org", of_host, actor=ANN, organisation_id=OWN)
    stricter = min(TIERS.index(of_case), TIERS.index(of_host))
    recorded = record(database, content_id, image(MINE), tier)
    assert (recorded is not None) is (TIERS.index(tier) <= stricter)


@pytest.mark.parametrize(
    ("host", "counts"),
    [
        ("example.org", True),
        ("page.example", True),
        ("org", True),
        ("www.example.org", False),
        ("ample.org", False),
    ],
)
def test_a_host_s_lowest_tier_covers_pages_and_images_and_subdomains(
    database: Database, content_id: ContentId, host: str, counts: bool
) -> None:
    LowestTiers(database).set_for_host(host, Tier.CERTAIN, actor=ANN, organisation_id=OWN)
    recorded = record(database, content_id, image(MINE), Tier.LIKELY)
    assert (recorded is None) is counts


def test_an_organisation_s_lowest_tiers_are_its_own_and_can_be_removed(
    database: Database, content_id: ContentId
) -> None:
    lowest_tiers = LowestTiers(database)
    theirs = OrganisationId("f" * 32)
    lowest_tiers.set_for_host("example.org", Tier.CERTAIN, actor=ANN, organisation_id=theirs)
    assert lowest_tiers.hosts(OWN) == []
    assert record(database, content_id, image(MINE), Tier.POSSIBLE) is not None
    lowest_tiers.set_for_host("example.org", Tier.POSSIBLE, actor=ANN, organisation_id=theirs)
    assert lowest_tiers.hosts(theirs) == []


@pytest.mark.both_databases
def test_a_lower_tier_has_kept_candidates_compared_again(
    database: Database, content_id: ContentId
) -> None:
    lowest_tiers = LowestTiers(database)
    before = queued(database)
    for tier, again in ((Tier.CERTAIN, 0), (Tier.CERTAIN, 0), (Tier.LIKELY, 1), (Tier.POSSIBLE, 2)):
        lowest_tiers.set_for_case(NUMBER, tier, actor=ANN, organisation_id=OWN)
        assert queued(database) == before + [content_id] * again
        assert lowest_tiers.of_case(NUMBER, actor=ANN, organisation_id=OWN) is tier
