"""Signals are made from the pixels that a browser shows, for every format and colour encoding."""

from collections.abc import Mapping

import numpy as np
import pytest
from PIL import Image

from hashsvc.signals import Limits
from hashsvc.signals.decode import decode
from hashsvc.signals.pdq import pdq
from tests.helpers.chromium import needs_chromium, shown_by_chromium
from tests.signals.browser_corpus import corpus

Shown = Mapping[str, Image.Image | None]

MOST_BITS = 14
MIN_QUALITY = 50

pytestmark = needs_chromium("the decoding of images")


@pytest.fixture(scope="module")
def files() -> Mapping[str, bytes]:
    """The files, made once."""
    return corpus()


@pytest.fixture(scope="module")
def shown(files: Mapping[str, bytes]) -> Shown:
    """What Chromium shows of each file; Chromium is started once."""
    return shown_by_chromium(files)


def differing_bits(data: bytes, theirs: Image.Image | None) -> int:
    """Return how many bits differ between a file's signal and that of what Chromium shows."""
    assert theirs is not None
    ours = next(decode(data, Limits()))
    assert ours.size == theirs.size
    our_code, _ = pdq(np.asarray(ours))
    their_code, quality = pdq(np.asarray(theirs))
    assert quality >= MIN_QUALITY
    differing = int.from_bytes(our_code) ^ int.from_bytes(their_code)
    return differing.bit_count()


def test_a_file_gives_the_signal_of_what_chromium_shows(
    files: Mapping[str, bytes], shown: Shown, subtests: pytest.Subtests
) -> None:
    for name in files:
        with subtests.test(name):
            assert differing_bits(files[name], shown[name]) <= MOST_BITS
