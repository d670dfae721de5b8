"""PDQ gives the bits of `pdqhash`, which wraps Meta's C++, for random images in every pose."""

import numpy as np
import pytest

from hashsvc.signals.pdq import pdq
from tests.signals.poses import REFERENCE

pdqhash = pytest.importorskip(
    "pdqhash", reason="NOT TESTED: the extra `oracle` (pdqhash, needs a compiler) is not installed."
)


@pytest.mark.parametrize("seed", range(60))
def test_random_images_give_the_oracles_bits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    height, width = (int(each) for each in rng.integers(8, 512, 2))
    coarse = rng.integers(0, 256, (height // 7 + 2, width // 9 + 2, 3), dtype=np.uint8)
    blown = coarse.repeat(7, axis=0).repeat(9, axis=1)[:height, :width]
    noise = rng.integers(-20, 21, blown.shape)
    image = np.clip(blown.astype(int) + noise, 0, 255).astype(np.uint8)
    theirs, quality = pdqhash.compute_dihedral(np.ascontiguousarray(image))
    codes, ours = pdq(image)
    expected = [np.packbits(pose).tobytes() for pose in theirs]
    assert [codes[view] for view in REFERENCE.values()] == expected
    assert ours == quality
