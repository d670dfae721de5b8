"""
After two simulated weeks on a small internet, the service's record equals what happened there.

Ten platforms answer, stay silent, or hide, move, replace and re-upload images. An independent
ledger follows the written rules, and every step, notice, mail, figure and bundle agrees with it.
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
    """Yield an institute after two simulated weeks."""
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
    # The comparison must also be able to find a difference.
    assert _differs(institute)


def _differs(institute: Institute) -> bool:
    """Return whether the comparison notices a change in the ledger."""
    entry = next(each for each in institute.ledger.entries if each.state == "gone")
    entry.copy.image_url += "?"
    outcome: RunComparison = compare(institute, flips=0)
    return any(each.startswith("place") for each in outcome.differences)
