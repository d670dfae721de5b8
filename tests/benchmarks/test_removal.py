"""
What the service records of two weeks on a little internet is what happened there, to the hour.

Ten platforms answer, stay silent, hide, move, replace and bring back; the ledger that is kept
beside the service has its own rules, and every step, notice, mail, figure and bundle agrees.
"""

from collections.abc import Iterator

import pytest

from benchmarks.removal import RunComparison, compare
from benchmarks.world.institute import Institute
from hashsvc.settings import Settings
from tests.conftest import generated_photo

DAYS = 14


@pytest.fixture
def institute(settings: Settings) -> Iterator[Institute]:
    """An institute that has lived through two weeks."""
    with Institute(settings, generated_photo, seed=7) as institute:
        institute.live(DAYS)
        yield institute


def test_the_record_is_what_happened(institute: Institute) -> None:
    outcome = compare(institute, flips=4)
    assert outcome.differences == []
    compared = outcome.compared
    assert compared["steps"] == len(institute.ledger.entries) >= 22
    assert compared["step"] > 300
    assert compared["figure"] > 600
    assert compared["altered byte"] >= 16
    states = {each.state for each in institute.ledger.entries}
    assert states >= {"gone", "reappeared", "removed", "silent", "escalated", "withdrawn"}
    lines = {line.state for entry in institute.ledger.entries for line in entry.lines}
    assert lines >= {"identity-asked", "refused", "complained", "order-served", "breached"}
    # A comparison that finds no difference has to be able to find one.
    assert _differs(institute)


def _differs(institute: Institute) -> bool:
    """Tell whether it shows when the ledger says something else."""
    entry = next(each for each in institute.ledger.entries if each.state == "gone")
    entry.copy.image_url += "?"
    outcome: RunComparison = compare(institute, flips=0)
    return any(each.startswith("place") for each in outcome.differences)
