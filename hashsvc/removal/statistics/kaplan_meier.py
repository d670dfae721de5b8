"""
The Kaplan–Meier estimate: how long things last when some of them have not ended yet.

E. L. Kaplan and P. Meier, "Nonparametric Estimation from Incomplete Observations", Journal of the
American Statistical Association 53 (1958) 457–481. An image that is still up is neither left out
nor counted as removed: it counts until it was last observed, and is *censored* at that time.

Intervals are Greenwood's (1926) on the log-log scale (Kalbfleisch and Prentice, "The Statistical
Analysis of Failure Time Data", 1980). The interval of a quantile lies between the times at which
the curve's lower and upper bounds reach it (Brookmeyer and Crowley, Biometrics 38 (1982) 29–41). If
none or all have ended, Greenwood's variance is zero. That would be too confident, so the bound of
Clopper and Pearson (1934) is used instead.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

LEVEL = 0.95
_Z = 1.959963984540054
_TAIL = (1 - LEVEL) / 2
# Tolerance for rounding: products of fractions are not exact in floating point.
_SLACK = 1e-12


@dataclass(frozen=True, slots=True)
class Estimate:
    """
    A value and its interval at LEVEL.

    Attributes:
        low, high: None if the data do not go far enough.
    """

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class CurveStep:
    """
    The share that is left from one time until the next step of the curve.

    Attributes:
        left: The share that lasts longer than `time`.

        at_risk: The number still observed just before `time`.
    """

    time: float
    left: float
    low: float
    high: float
    at_risk: int


@dataclass(frozen=True, slots=True)
class Curve:
    """
    The share that is left at each time.

    Attributes:
        steps: One step for each time at which something ended, in order.

        count: The number observed.

        censored: The sorted times at which an observation stopped before the end.

        last: The longest time observed, ended or not.
    """

    steps: tuple[CurveStep, ...]
    count: int
    censored: tuple[float, ...]
    last: float

    def left_at(self, time: float) -> Estimate:
        """
        Return the share that lasts longer than a time.

        Its values are None after the last observation, unless everything has ended by then.
        """
        before = [each for each in self.steps if each.time <= time]
        done = bool(self.steps) and self.steps[-1].left <= 0
        if self.count == 0 or (time > self.last and not done):
            return Estimate(None, None, None)
        if before:
            return Estimate(before[-1].left, before[-1].low, before[-1].high)
        still = self.count - sum(each < time for each in self.censored)
        return Estimate(1.0, _TAIL ** (1 / still), 1.0)

    def ended_by(self, time: float) -> Estimate:
        """Return the share that ended within a time."""
        left = self.left_at(time)
        if left.value is None or left.low is None or left.high is None:
            return left
        return Estimate(1 - left.value, 1 - left.high, 1 - left.low)

    def quantile(self, share: float) -> Estimate:
        """
        Return the earliest time by which a share has ended.

        If too few have ended, the value or an end of the interval is None.
        """
        left = 1 - share + _SLACK
        return Estimate(
            next((each.time for each in self.steps if each.left <= left), None),
            next((each.time for each in self.steps if each.low <= left), None),
            next((each.time for each in self.steps if each.high <= left), None),
        )


def kaplan_meier(observed: Iterable[tuple[float, bool]]) -> Curve:
    """
    Return the curve for some durations.

    Args:
        observed: Each duration (not negative), and whether it ended then or was still going on. At
            equal times, those that ended count as earlier than those that were censored.
    """
    pairs = list(observed)
    assert all(duration >= 0 for duration, _ in pairs)
    ends = Counter(duration for duration, ended in pairs if ended)
    gone = Counter(duration for duration, _ in pairs)
    at_risk, left, greenwood = len(pairs), 1.0, 0.0
    steps = []
    for time in sorted(gone):
        if ended := ends[time]:
            left *= 1 - ended / at_risk
            if ended < at_risk:
                greenwood += ended / (at_risk * (at_risk - ended))
                low, high = _interval(left, greenwood)
            else:
                left, low, high = 0.0, 0.0, 1 - _TAIL ** (1 / len(pairs))
            steps.append(CurveStep(time, left, low, high, at_risk))
        at_risk -= gone[time]
    censored = tuple(sorted(duration for duration, ended in pairs if not ended))
    return Curve(tuple(steps), len(pairs), censored, max(gone, default=0.0))


def wilson(hits: int, count: int) -> Estimate:
    """
    Return a share and its interval (E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209–212).

    All values are None if the count is zero.
    """
    if count == 0:
        return Estimate(None, None, None)
    share, square = hits / count, _Z * _Z
    middle = (share + square / (2 * count)) / (1 + square / count)
    half = _Z * math.sqrt(share * (1 - share) / count + square / (4 * count * count))
    half /= 1 + square / count
    # Rounding could otherwise put a share of 0 or 1 outside its own interval.
    low = 0.0 if hits == 0 else middle - half
    high = 1.0 if hits == count else middle + half
    return Estimate(share, low, high)


def _interval(left: float, greenwood: float) -> tuple[float, float]:
    spread = math.exp(_Z * math.sqrt(greenwood) / math.log(left))
    return left ** (1 / spread), left**spread
