"""The watch over lookups: what is near, what is a walk, and how little it remembers of either."""

import random

import pytest

from hashsvc.access.walk_guard import WalkGuard
from hashsvc.signals import DHASH, PDQ, PHASH, Profile, Signature, ViewedSignal
from hashsvc.store.ids import ContentId, KeyId
from tests.helpers.made_signals import flipped, random_signal
from tests.helpers.set_clock import SetClock


def followed(watch: WalkGuard, *signals: ViewedSignal, told: int | None = None) -> ContentId | None:
    contents = [] if told is None else [ContentId(told)]
    return watch.follow(KeyId("key"), Signature(100, signals), near=contents, told=contents)


@pytest.mark.parametrize(("profile", "near"), [(PDQ, 38), (PHASH, 10), (DHASH, 10)])
def test_near_is_five_quarters_of_the_threshold(profile: Profile, near: int) -> None:
    rng = random.Random(10)
    for distance, counts in ((1, True), (near, True), (near + 1, False)):
        watch = WalkGuard(SetClock(), most_steps=1)
        start = random_signal(rng, profile)
        assert followed(watch, start, told=1) is None
        results = [
            followed(watch, flipped(start, *rng.sample(range(profile.bits), distance)))
            for _ in range(2)
        ]
        assert results == ([None, 1] if counts else [None, None])


def test_what_was_not_told_of_is_no_start_of_a_walk() -> None:
    rng = random.Random(11)
    watch = WalkGuard(SetClock(), most_steps=1)
    start = random_signal(rng, PDQ)
    assert [followed(watch, flipped(start, bit)) for bit in range(20)] == [None] * 20
    near = [ContentId(1)]
    for bit in range(20, 40):
        signature = Signature(100, (flipped(start, bit),))
        assert watch.follow(KeyId("key"), signature, near=near, told=[]) is None


def test_steps_around_each_content_are_counted_apart() -> None:
    rng = random.Random(12)
    watch = WalkGuard(SetClock(), most_steps=2)
    for number in range(30):
        start = random_signal(rng, PDQ)
        for bit in range(3):
            assert followed(watch, flipped(start, bit), told=number) is None
    assert followed(watch, flipped(start, 3), told=number) == number


def test_what_the_watch_remembers_is_bounded_and_the_start_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hashsvc.access.walk_guard._CONTENTS", 5)
    monkeypatch.setattr("hashsvc.access.walk_guard._LOOKUPS", 20)
    rng = random.Random(13)
    watch = WalkGuard(SetClock(), most_steps=1000)
    start = random_signal(rng, PDQ)
    for number in range(200):
        followed(watch, random_signal(rng, PDQ), told=number)
        followed(watch, flipped(start, number), told=1_000)
    trail = watch._trails[KeyId("key")]
    assert len(trail.around) == 5
    assert len(trail.known) == 20
    around = trail.around[ContentId(1_000)]
    assert len(around.steps) == 199
    assert len(around.codes) == 8
    assert around.codes[0]["pdq1"].tobytes() == flipped(start, 0).signal.code
