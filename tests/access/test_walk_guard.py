"""The walk guard counts lookups near an earlier one, stops a walk, and remembers little."""

import random
from collections.abc import Iterable

import pytest

from hashsvc.access.walk_guard import WalkGuard
from hashsvc.signals import DHASH, PDQ, PHASH, Profile, Signature, ViewedSignal
from hashsvc.store.ids import ContentId, KeyId
from tests.helpers.made_signals import flipped, random_signal
from tests.helpers.set_clock import SetClock


def follow(guard: WalkGuard, *signals: ViewedSignal, shown: int | None = None) -> ContentId | None:
    """Record a lookup whose answer shows the content `shown`; None: it shows no content."""
    contents = [] if shown is None else [ContentId(shown)]
    return guard.follow(KeyId("key"), Signature(100, signals), near=contents, shown=contents)


def is_step(guard: WalkGuard, signal: ViewedSignal) -> bool:
    """Return whether a lookup counts as a step. Only a guard at its limit can tell."""
    return follow(guard, signal) is not None


def show_others(guard: WalkGuard, rng: random.Random, contents: Iterable[int]) -> None:
    """Record lookups of unrelated signals, each of which shows one of these contents."""
    for number in contents:
        assert follow(guard, random_signal(rng, PDQ), shown=number) is None


@pytest.mark.parametrize(("profile", "near"), [(PDQ, 38), (PHASH, 10), (DHASH, 10)])
def test_near_is_five_quarters_of_the_threshold(profile: Profile, near: int) -> None:
    rng = random.Random(10)
    for distance, counts in ((1, True), (near, True), (near + 1, False)):
        guard = WalkGuard(SetClock(), most_steps=1)
        start = random_signal(rng, profile)
        assert follow(guard, start, shown=1) is None
        results = [
            follow(guard, flipped(start, *rng.sample(range(profile.bits), distance)))
            for _ in range(2)
        ]
        assert results == ([None, 1] if counts else [None, None])


def test_a_content_that_was_not_shown_does_not_start_a_walk() -> None:
    rng = random.Random(11)
    guard = WalkGuard(SetClock(), most_steps=1)
    start = random_signal(rng, PDQ)
    assert [follow(guard, flipped(start, bit)) for bit in range(20)] == [None] * 20
    near = [ContentId(1)]
    for bit in range(20, 40):
        signature = Signature(100, (flipped(start, bit),))
        assert guard.follow(KeyId("key"), signature, near=near, shown=[]) is None


def test_steps_around_each_content_are_counted_separately() -> None:
    rng = random.Random(12)
    guard = WalkGuard(SetClock(), most_steps=2)
    for number in range(30):
        start = random_signal(rng, PDQ)
        for bit in range(3):
            assert follow(guard, flipped(start, bit), shown=number) is None
    assert follow(guard, flipped(start, 3), shown=number) == number


@pytest.mark.parametrize(("others", "remembered"), [(4, True), (5, False)])
def test_only_the_contents_shown_last_are_remembered(others: int, remembered: bool) -> None:
    rng = random.Random(13)
    guard = WalkGuard(SetClock(), most_steps=1, max_contents=5)
    start = random_signal(rng, PDQ)
    assert follow(guard, start, shown=1_000) is None
    assert follow(guard, flipped(start, 0)) is None
    show_others(guard, rng, range(others))
    assert is_step(guard, flipped(start, 1)) is remembered


@pytest.mark.parametrize(("others", "remembered"), [(18, True), (19, False)])
def test_only_the_last_lookups_may_be_repeated(others: int, remembered: bool) -> None:
    rng = random.Random(14)
    guard = WalkGuard(SetClock(), most_steps=1, max_lookups=20)
    start = random_signal(rng, PDQ)
    assert follow(guard, start, shown=1_000) is None
    assert follow(guard, flipped(start, 0)) is None
    show_others(guard, rng, range(others))
    # A repeated lookup is no step while it is remembered.
    assert is_step(guard, start) is not remembered


@pytest.mark.parametrize(("number", "remembered"), [(0, True), (7, True), (8, False)])
def test_the_first_eight_lookups_that_show_a_content_are_remembered(
    number: int, remembered: bool
) -> None:
    rng = random.Random(15)
    guard = WalkGuard(SetClock(), most_steps=1)
    starts = [random_signal(rng, PDQ) for _ in range(9)]
    signature = Signature(100, tuple(starts[:1]))
    assert guard.follow(KeyId("key"), signature, near=[], shown=[ContentId(1)]) is None
    for each in starts[1:]:
        signature = Signature(100, (each,))
        assert guard.follow(KeyId("key"), signature, near=[], shown=[ContentId(1)]) is None
    assert follow(guard, flipped(starts[number], 0)) is None
    assert is_step(guard, flipped(starts[number], 1)) is remembered


def test_a_long_walk_is_counted_from_its_start_among_many_other_lookups() -> None:
    rng = random.Random(16)
    guard = WalkGuard(SetClock(), most_steps=199, max_contents=5, max_lookups=20)
    start = random_signal(rng, PDQ)
    for number in range(200):
        show_others(guard, rng, [number])
        # The first one starts the walk; 199 steps follow.
        assert follow(guard, flipped(start, number), shown=1_000) is None
    assert follow(guard, flipped(start, 200), shown=1_000) == 1_000
