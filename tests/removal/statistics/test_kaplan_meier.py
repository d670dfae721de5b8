"""The Kaplan–Meier estimate equals published results, and counts what has not ended yet.

The data are weeks of remission in the trial of 6-mercaptopurine in acute leukaemia (E. J. Freireich
et al., Blood 21 (1963) 699–716), and the survival shares are those of Kalbfleisch and Prentice
(1980). The intervals were computed with lifelines 0.30.3 (`KaplanMeierFitter`). On 300 random
samples the estimate also equalled lifelines' to within 4e-15.
"""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashsvc.removal.statistics.kaplan_meier import kaplan_meier, wilson

ENDED_6MP = (6, 6, 6, 7, 10, 13, 16, 22, 23)
CENSORED_6MP = (6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35)
PLACEBO = (1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23)
TREATED = [*((float(each), True) for each in ENDED_6MP), *((float(e), False) for e in CENSORED_6MP)]
CONTROL = [(float(each), True) for each in PLACEBO]
# Time, share left, number at risk just before.
PUBLISHED_6MP = [
    (6, 0.857, 21),
    (7, 0.807, 17),
    (10, 0.753, 15),
    (13, 0.690, 12),
    (16, 0.627, 11),
    (22, 0.538, 7),
    (23, 0.448, 6),
]
TIMES = st.floats(0, 1e4, allow_nan=False)


def test_the_published_curve_is_reproduced() -> None:
    steps = kaplan_meier(TREATED).steps
    assert [(each.time, each.at_risk) for each in steps] == [
        (time, at_risk) for time, _, at_risk in PUBLISHED_6MP
    ]
    shares = [left for _, left, _ in PUBLISHED_6MP]
    assert [each.left for each in steps] == pytest.approx(shares, abs=6e-4)


@pytest.mark.parametrize(
    ("observed", "median", "low", "high"), [(TREATED, 23, 13, None), (CONTROL, 8, 4, 11)]
)
def test_the_published_medians_are_reproduced(
    observed: list[tuple[float, bool]], median: float, low: float, high: float | None
) -> None:
    found = kaplan_meier(observed).quantile(0.5)
    assert (found.value, found.low, found.high) == (median, low, high)


def test_leaving_out_censored_durations_would_shorten_the_median() -> None:
    assert kaplan_meier((t, True) for t, ended in TREATED if ended).quantile(0.5).value == 10


def test_intervals_are_greenwoods_on_the_log_log_scale() -> None:
    steps = kaplan_meier(TREATED).steps
    assert (steps[0].low, steps[0].high) == pytest.approx((0.6197, 0.9516), abs=1e-4)
    assert (steps[-1].low, steps[-1].high) == pytest.approx((0.1881, 0.6801), abs=1e-4)


def test_a_quantile_that_was_not_reached_is_none() -> None:
    curve = kaplan_meier(TREATED)
    assert curve.quantile(0.9).value is None
    assert curve.quantile(0.55).value == 23
    assert curve.quantile(0.56).value is None


def test_nothing_is_known_beyond_the_last_observation() -> None:
    curve = kaplan_meier(TREATED)
    assert curve.left_at(35).value == pytest.approx(0.448, abs=6e-4)
    assert curve.left_at(35.1).value is None
    assert curve.ended_by(35.1).value is None
    # If all have ended, the share left is known to be zero.
    assert kaplan_meier(CONTROL).left_at(1000).value == 0


def test_without_observations_every_value_is_none() -> None:
    curve = kaplan_meier([])
    assert curve.left_at(0).value is None
    assert curve.quantile(0.5).value is None
    assert wilson(0, 0).value is None


@pytest.mark.parametrize("count", [1, 5, 25])
def test_zero_or_all_of_a_few_has_the_interval_of_clopper_and_pearson(count: int) -> None:
    """If none of 25 is gone, the true share may still be up to 13.7 %."""
    curve = kaplan_meier([(100.0, False)] * count)
    ended = curve.ended_by(50)
    assert (ended.value, ended.low) == (0, 0)
    assert ended.high == pytest.approx(1 - 0.025 ** (1 / count))
    gone = kaplan_meier([(3.0, True)] * count).ended_by(50)
    assert (gone.value, gone.high) == (1, 1)
    assert gone.low == pytest.approx(0.025 ** (1 / count))


def test_an_end_comes_before_a_censoring_at_the_same_time() -> None:
    (step,) = kaplan_meier([(5.0, True), (5.0, False)]).steps
    assert (step.left, step.at_risk) == (0.5, 2)


@given(st.lists(TIMES, min_size=1, max_size=60), st.floats(0.01, 0.99))
def test_without_censoring_quantiles_equal_the_samples(times: list[float], share: float) -> None:
    """A quantile is the smallest time by which at least that share has ended."""
    count = len(times)
    expected = sorted(times)[math.ceil(share * count - 1e-9) - 1]
    found = kaplan_meier((each, True) for each in times).quantile(share)
    assert found.value == expected


@given(st.lists(st.tuples(TIMES, st.booleans()), max_size=60))
def test_the_curve_falls_and_stays_within_its_interval(observed: list[tuple[float, bool]]) -> None:
    curve = kaplan_meier(observed)
    lefts = [1.0, *(each.left for each in curve.steps)]
    assert lefts == sorted(lefts, reverse=True)
    for each in curve.steps:
        assert 0 <= each.low <= each.left + 1e-12
        assert each.left <= each.high + 1e-12
        assert each.high <= 1
    assert len(curve.censored) == sum(not ended for _, ended in observed)


@given(st.lists(st.tuples(TIMES, st.booleans()), min_size=1, max_size=40))
def test_another_image_still_up_never_shortens_the_median(
    observed: list[tuple[float, bool]],
) -> None:
    before = kaplan_meier(observed).quantile(0.5).value
    longest = max(time for time, _ in observed)
    after = kaplan_meier([*observed, (longest, False)]).quantile(0.5).value
    assert after is None or (before is not None and after >= before)


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [(0, 10, 0, 0.2775), (10, 10, 0.7225, 1), (5, 10, 0.2366, 0.7634), (1, 4, 0.0456, 0.6994)],
)
def test_shares_have_wilsons_interval(hits: int, count: int, low: float, high: float) -> None:
    """The interval of 0 of 10 reaches to 28 %."""
    found = wilson(hits, count)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)
    assert found.value == hits / count
