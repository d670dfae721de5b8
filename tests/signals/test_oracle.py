"""PDQ gives the bits of `pdqhash`, which wraps Meta's C++, for random images in every pose."""

import numpy as np
import pytest

from hashsvc.signals import View
from hashsvc.signals.pdq import pdq_poses
from tests.signals.poses import TURNED

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
    codes, ours = pdq_poses(image)
    for view, turned in {View.WHOLE: lambda same: same, **TURNED}.items():
        theirs, quality = pdqhash.compute(np.ascontiguousarray(turned(image)))
        assert codes[view] == np.packbits(theirs).tobytes()
        if view is View.WHOLE:
            assert ours == quality
