"""
A lookup shows only what its caller needs, and a key that probes a banked code is stopped.

Before the walk guard existed, these attacks could read whole codes. From one matching copy, they
read bit by bit, by tiers alone or by distances. With random pHashes, they needed no image.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from hashsvc.access import Role, create_key
from hashsvc.api import Services
from hashsvc.clock import utc_now
from hashsvc.matching import compare
from hashsvc.settings import Settings
from hashsvc.signals import (
    DHASH,
    PDQ,
    PHASH,
    PROFILES,
    REGION,
    Profile,
    Signature,
    View,
    ViewedSignal,
    sign_image,
)
from hashsvc.store import organisations
from hashsvc.store.ids import OrganisationId, random_id
from hashsvc.store.tables import audit_entry
from tests.api.helpers import Call, OpenCase, body_of, content_of
from tests.conftest import generated_photo, jpeg
from tests.helpers.made_signals import flipped, random_signal
from tests.helpers.set_clock import SetClock

INTAKE, ANALYST, SCANNER = Role.INTAKE, Role.ANALYST, Role.SCANNER
STEPS = Settings.model_fields["limit_lookup_steps"].default


class Blocked(Exception):  # noqa: N818 - the tests expect it
    """The service refuses to answer."""


@pytest.fixture
def case(call: Call) -> OpenCase:
    """A case whose content has random codes, forty regions among them."""
    rng, content = random.Random(0), random_id()
    profiles = [PDQ, PHASH, DHASH, *[REGION] * 40]
    signature = Signature(100, tuple(random_signal(rng, each) for each in profiles))
    opened = call(INTAKE, "POST", "/v1/cases", json={"adult": True}).json()
    record = {"content": content} | body_of(signature)
    path = f"/v1/cases/{opened['number']}/contents"
    assert call(INTAKE, "POST", path, json={"contents": [record]}).status_code == 201
    return OpenCase(opened["number"], opened["pin"], content, b"", signature)


@pytest.fixture
def look_up(call: Call) -> Callable[..., list[dict[str, Any]]]:
    """A function that looks signals up with a key of a role."""

    def send(role: Role, *signals: ViewedSignal, quality: int = 100) -> list[dict[str, Any]]:
        answer = call(role, "POST", "/v1/lookups", json=body_of(Signature(quality, signals)))
        if answer.status_code == 429:
            raise Blocked
        assert answer.status_code == 200
        return list(answer.json())

    return send


def until_blocked(step: Callable[[int], object], most: int = 10 * STEPS) -> int:
    """Repeat a step until the service refuses, and return the number of answers."""
    for number in range(most):
        try:
            step(number)
        except Blocked:
            return number
    return most


def of(signature: Signature, profile: Profile) -> list[ViewedSignal]:
    """Return a content's signals of one algorithm."""
    return [each for each in signature.signals if each.signal.profile is profile]


def actions(services: Services) -> list[tuple[str, str, str]]:
    """Return the actor, action and subject of each audited lookup."""
    columns = (audit_entry.c.actor, audit_entry.c.action, audit_entry.c.subject)
    query = select(*columns).where(audit_entry.c.action.like("lookup.%")).order_by("seq")
    with services.database.read() as connection:
        rows = connection.execute(query).all()
    return [(each.actor, each.action, each.subject) for each in rows]


# --- what a response shows --------------------------------------------------------------------


def test_a_pseudonym_is_different_for_each_key_and_no_id(
    call: Call, client: Any, services: Services, case: OpenCase
) -> None:
    copy = body_of(case.signature)
    other = create_key(services.database, SCANNER, actor="test", clock=utc_now)
    first = call(SCANNER, "POST", "/v1/lookups", json=copy).json()
    again = call(SCANNER, "POST", "/v1/lookups", json=copy).json()
    header = {"Authorization": f"Bearer {other.token}"}
    theirs = client.post("/v1/lookups", json=copy, headers=header).json()
    assert first == again
    assert theirs[0]["pseudonym"] != first[0]["pseudonym"]
    assert case.content not in {first[0]["pseudonym"], theirs[0]["pseudonym"]}
    analysts = call(ANALYST, "POST", "/v1/lookups", json=copy).json()
    assert analysts[0]["pseudonym"] not in {
        first[0]["pseudonym"],
        theirs[0]["pseudonym"],
        case.content,
    }


def test_distances_beyond_a_threshold_are_never_shown(
    call: Call, look_up: Callable[..., list[dict[str, Any]]], case: OpenCase
) -> None:
    rng = random.Random(1)
    (phash,) = of(case.signature, PHASH)
    probe = [phash, random_signal(rng, PDQ), random_signal(rng, DHASH)]
    (shown,) = look_up(ANALYST, *probe)
    assert shown["tier"] == "possible"
    findings = shown["evidence"]["findings"]
    assert [(each["algorithm"], each["distance"]) for each in findings] == [("phash1", 0)]
    # The comparison has these findings; the response leaves them out.
    evidence = compare(case.signature, Signature(100, tuple(probe)))
    assert {each.algorithm for each in evidence.findings} == {"phash1", "pdq1", "dhash1"}


def test_scanners_see_sure_matches_only(
    look_up: Callable[..., list[dict[str, Any]]], case: OpenCase
) -> None:
    (phash,), (dhash,), regions = (of(case.signature, each) for each in (PHASH, DHASH, REGION))
    for probe, tier in (
        ([phash, dhash], "possible"),
        (regions[:5], "possible"),
        (regions[:6], "likely"),
        (regions[:12], "certain"),
    ):
        assert [each["tier"] for each in look_up(ANALYST, *probe)] == [tier]
        expected = [] if tier == "possible" else [tier]
        assert [each["tier"] for each in look_up(SCANNER, *probe)] == expected


def test_an_analyst_of_another_organisation_sees_what_a_scanner_sees(
    client: Any, services: Services, case: OpenCase
) -> None:
    elsewhere = OrganisationId(random_id())
    with services.database.write() as connection:
        organisations.add(connection, elsewhere, name="Elsewhere", now=utc_now())
    key = create_key(
        services.database, ANALYST, actor="test", clock=utc_now, organisation_id=elsewhere
    )
    header = {"Authorization": f"Bearer {key.token}"}
    (phash,) = of(case.signature, PHASH)
    for signature, tiers in ((case.signature, ["certain"]), (Signature(100, (phash,)), [])):
        answer = client.post("/v1/lookups", json=body_of(signature), headers=header).json()
        assert [(each["tier"], each["evidence"]) for each in answer] == [(t, None) for t in tiers]


# --- what a lookup may contain ----------------------------------------------------------------


@pytest.mark.parametrize("profile", [each for each in PROFILES.values() if not each.many_per_image])
def test_a_lookup_has_one_signal_of_each_algorithm_and_view(profile: Profile, call: Call) -> None:
    rng = random.Random(2)
    views = [random_signal(rng, profile, view) for view in View]
    for signals, status in ((views, 200), ([*views, views[0]], 422)):
        body = body_of(Signature(100, tuple(signals)))
        assert call(SCANNER, "POST", "/v1/lookups", json=body).status_code == status
    for view in View:
        pair = (random_signal(rng, profile, view), random_signal(rng, profile, view))
        answer = call(SCANNER, "POST", "/v1/lookups", json=body_of(Signature(100, pair)))
        assert answer.status_code == 422
        assert "one signal of each algorithm and view" in answer.text


@pytest.mark.parametrize(
    ("view", "most"), [(View.WHOLE, 100), (View.PART, 2000), (View.MIRROR, 2000), (View.ROT90, 0)]
)
def test_a_lookup_has_no_more_regions_than_an_image(view: View, most: int, call: Call) -> None:
    rng = random.Random(3)
    signals = [random_signal(rng, REGION, view) for _ in range(most + 1)]
    for count, status in ((most, 200), (most + 1, 422)):
        body = body_of(Signature(100, tuple(signals[:count])))
        if count:
            assert call(SCANNER, "POST", "/v1/lookups", json=body).status_code == status


def test_a_lookup_has_room_for_every_view_of_an_image(call: Call) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    busiest = Image.fromarray(noise).resize((1024, 768), Image.Resampling.BICUBIC)
    signature = sign_image(jpeg(busiest))
    counts = Counter(each.view for each in signature.signals)
    assert counts[View.PART] > 500
    assert call(SCANNER, "POST", "/v1/lookups", json=body_of(signature)).status_code == 200


# --- budgets and the audit log ----------------------------------------------------------------


def test_every_lookup_is_audited_with_its_count_and_no_signal(
    call: Call, look_up: Callable[..., list[dict[str, Any]]], services: Services, case: OpenCase
) -> None:
    (pdq,) = of(case.signature, PDQ)
    keys = {each["role"]: each["key"] for each in call(Role.ADMIN, "GET", "/v1/keys").json()}
    look_up(SCANNER, pdq)
    look_up(ANALYST, random_signal(random.Random(4), PDQ))
    assert actions(services) == [
        (keys["scanner"], "lookup.make", "1"),
        (keys["analyst"], "lookup.make", "0"),
    ]


# --- the attacks ------------------------------------------------------------------------------


def read_bits_by_tier(
    ask: Callable[[ViewedSignal], bool], start: ViewedSignal, bits: int, rng: random.Random
) -> Iterator[tuple[int, bool]]:
    """
    Yield each bit that the answers reveal, and whether it is the same in the content and `start`.

    First flip bits until one more flip would end the match. Then flip each other bit alone: the
    answer shows whether that leads away from the content or towards it.
    """
    order = rng.sample(range(bits), bits)
    flips: list[int] = []
    for bit in order:
        if not ask(flipped(start, *flips, bit)):
            break
        flips.append(bit)
    edge = flipped(start, *flips)
    for bit in order[len(flips) :]:
        # At the edge of the threshold, every step away ends the match.
        yield bit, not ask(flipped(edge, bit))


@pytest.mark.parametrize("profile", [PDQ, REGION])
def test_a_walk_by_tiers_is_stopped_before_it_reads_much(
    profile: Profile,
    look_up: Callable[..., list[dict[str, Any]]],
    services: Services,
    case: OpenCase,
) -> None:
    """A scanner has a matching PDQ, or six matching region signals of which it alters one."""
    rng = random.Random(5)
    start, *others = of(case.signature, profile)[: 1 if profile is PDQ else 6]
    asked = 0

    def ask(probe: ViewedSignal) -> bool:
        nonlocal asked
        asked += 1
        # Add random other signals, so that no two lookups are alike.
        noise = [random_signal(rng, DHASH), random_signal(rng, PHASH)]
        return bool(look_up(SCANNER, probe, *others, *noise))

    learnt: list[tuple[int, bool]] = []
    assert ask(start)
    with pytest.raises(Blocked):
        learnt.extend(read_bits_by_tier(ask, start, profile.bits, rng))
    assert len(learnt) <= STEPS
    assert asked <= STEPS + 2
    assert actions(services)[-1][1:] == ("lookup.walk", case.content)


def test_a_walk_in_other_views_and_by_steps_of_many_bits_is_stopped_too(
    look_up: Callable[..., list[dict[str, Any]]], case: OpenCase
) -> None:
    rng = random.Random(6)
    (start,) = of(case.signature, PDQ)
    poses = [view for view in View if view not in (View.PART, View.WHOLE)]

    def step(_number: int) -> None:
        probe = flipped(start, *rng.sample(range(256), 30))
        look_up(SCANNER, ViewedSignal(probe.signal, rng.choice(poses)))

    look_up(SCANNER, start)
    assert until_blocked(step) == STEPS


@pytest.mark.parametrize("profile", [PDQ, PHASH, REGION])
def test_a_walk_by_distances_is_stopped_before_it_reads_much(
    profile: Profile,
    look_up: Callable[..., list[dict[str, Any]]],
    services: Services,
    case: OpenCase,
) -> None:
    """An analyst of the case's organisation sees distances within the threshold."""
    rng = random.Random(7)
    start, *others = of(case.signature, profile)[: 6 if profile is REGION else 1]
    start = flipped(start, *rng.sample(range(profile.bits), 3))

    def distance(probe: ViewedSignal) -> int:
        noise = random_signal(rng, DHASH)
        (found,) = look_up(ANALYST, probe, *others, noise)
        return int(found["evidence"]["findings"][0]["distance"])

    assert distance(start) <= profile.threshold
    # Each step reveals one bit: the distance grows or shrinks by one.
    assert until_blocked(lambda bit: distance(flipped(start, bit)), profile.bits) == STEPS
    assert actions(services)[-1][1:] == ("lookup.walk", case.content)


def test_one_matching_signal_does_not_reveal_the_others(
    look_up: Callable[..., list[dict[str, Any]]], case: OpenCase
) -> None:
    """An analyst who knew only `phash1` could learn `pdq1` from distances to random codes."""
    rng = random.Random(8)
    (phash,) = of(case.signature, PHASH)
    answers: list[dict[str, Any]] = []

    def step(_number: int) -> None:
        answers.extend(look_up(ANALYST, phash, random_signal(rng, PDQ)))

    assert until_blocked(step) == STEPS + 1
    findings = [each for found in answers for each in found["evidence"]["findings"]]
    assert {each["algorithm"] for each in findings} == {"phash1"}


def test_scanners_find_nothing_with_random_phashes(
    look_up: Callable[..., list[dict[str, Any]]], case: OpenCase
) -> None:
    """Sooner or later, a random pHash is within 8 bits of some content. Scanners do not see it."""
    rng = random.Random(9)
    (phash,) = of(case.signature, PHASH)
    for distance in range(PHASH.threshold + 1):
        probe = flipped(phash, *rng.sample(range(64), distance))
        assert look_up(SCANNER, probe, random_signal(rng, PDQ)) == []
    assert [each["tier"] for each in look_up(ANALYST, phash)] == ["possible"]


def test_waits_grow_and_each_allows_one_answer(
    call: Call, services: Services, clock: SetClock, case: OpenCase
) -> None:
    (start,) = of(case.signature, PDQ)

    def ask(bit: int) -> tuple[int, int]:
        body = body_of(Signature(100, (flipped(start, bit),)))
        answer = call(SCANNER, "POST", "/v1/lookups", json=body)
        if answer.status_code == 429:
            assert answer.json()["type"] == "urn:hashsvc:probing"
        return answer.status_code, int(answer.headers.get("Retry-After", 0))

    body = body_of(Signature(100, (start,)))
    assert call(SCANNER, "POST", "/v1/lookups", json=body).json()
    assert [ask(bit)[0] for bit in range(STEPS)] == [200] * STEPS
    waits, bit = [], STEPS
    for _ in range(14):
        status, wait = ask(bit)
        assert status == 429
        waits.append(wait)
        clock.advance(wait - 1)
        # Until the wait is over, even unrelated lookups are refused.
        assert ask(bit)[0] == 429
        other = body_of(Signature(100, (random_signal(random.Random(bit), PDQ),)))
        assert call(SCANNER, "POST", "/v1/lookups", json=other).status_code == 429
        clock.advance(1)
        assert ask(bit)[0] == 200
        bit += 1
    assert waits[:5] == [30, 60, 120, 240, 480]
    assert waits[-1] == 24 * 3600
    walks = [each for each in actions(services) if each[1] == "lookup.walk"]
    assert len(walks) == len(waits)
    # Other keys are not affected.
    assert call(ANALYST, "POST", "/v1/lookups", json=body).status_code == 200
    clock.advance(8 * 24 * 3600)
    assert [ask(bit + more)[0] for more in range(3)] == [200] * 3


def test_ordinary_lookups_are_not_hindered(call: Call, case: OpenCase) -> None:
    """A scanner looks up one copy many times, and many copies of an unbanked and a banked image."""
    banked = {"contents": [content_of(jpeg(generated_photo(1)))]}
    assert call(INTAKE, "POST", f"/v1/cases/{case.number}/contents", json=banked).is_success
    bodies = [body_of(case.signature)] * (2 * STEPS)
    for quality in range(20, 21 + STEPS):
        bodies.append(body_of(sign_image(jpeg(generated_photo(99, (320, 240)), quality))))
    for quality in range(50, 50 + STEPS):
        bodies.append(body_of(sign_image(jpeg(generated_photo(1, (320, 240)), quality))))
    for body in bodies:
        assert call(SCANNER, "POST", "/v1/lookups", json=body).status_code == 200
