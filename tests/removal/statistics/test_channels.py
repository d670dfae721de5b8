"""A suggestion names the channel that works best, if enough requests can be compared."""

import pytest

from hashsvc.removal.law.legal import load_law
from hashsvc.removal.statistics.channels import MIN_REQUESTS, Suggestion, suggest_channel
from hashsvc.removal.statistics.compute import statistics
from tests.removal.timelines import Timelines, after

LAW = load_law()


@pytest.fixture
def made() -> Timelines:
    return Timelines()


def suggested(made: Timelines, *, now: float = 1000) -> Suggestion | None:
    found = statistics(made.views, since=after(-1), until=after(1), now=after(now), law=LAW)
    return suggest_channel(found.groups, "a-site")


def test_the_channel_that_works_is_suggested_with_the_numbers(made: Timelines) -> None:
    """An experiment saw 0 of 25 gone in 3 weeks, and 25 of 25 in 25 hours (arXiv 2409.12138)."""
    for hours in range(25):
        made.up(21 * 24, basis="own-rules")
        made.gone(hours + 1, basis="abuse", channel="email")
    found = suggested(made, now=21 * 24)
    assert found is not None
    assert (found.channel, found.basis, found.clear) == ("email", "abuse", True)
    assert found.why == (
        "email / abuse: 100 % of 25 requests gone within 7 days (95 % interval 86 % to 100 %). The "
        "next is form / own-rules: 0 % of 25 requests gone within 7 days (95 % interval 0 % to "
        "14 %)."
    )
    assert [each.basis for each in found.compared] == ["abuse", "own-rules"]


@pytest.mark.parametrize("count", [MIN_REQUESTS - 1, MIN_REQUESTS])
def test_channels_with_few_requests_are_not_compared(made: Timelines, count: int) -> None:
    for _ in range(MIN_REQUESTS):
        made.up(200, basis="own-rules")
    for _ in range(count):
        made.gone(1)
    assert (suggested(made) is None) == (count < MIN_REQUESTS)


def test_channels_observed_for_less_than_a_week_are_not_compared(made: Timelines) -> None:
    for _ in range(9):
        made.up(1, basis="own-rules")
        made.gone(1)
        made.up(1)
    assert suggested(made, now=167) is None
    assert suggested(made, now=168) is not None


def test_a_single_channel_is_not_suggested(made: Timelines) -> None:
    for _ in range(9):
        made.gone(1)
        made.gone(1, basis="own-rules", platform="b-site")
    assert suggested(made) is None


def test_channels_that_all_fail_are_not_suggested(made: Timelines) -> None:
    for _ in range(9):
        made.up(200)
        made.up(200, basis="own-rules")
    assert suggested(made) is None


def test_of_equal_channels_the_faster_is_suggested_as_possibly_chance(made: Timelines) -> None:
    for _ in range(9):
        made.gone(30)
        made.gone(20, basis="own-rules")
    found = suggested(made)
    assert found is not None
    assert (found.basis, found.clear) == ("own-rules", False)
    assert "may be chance" in found.why
