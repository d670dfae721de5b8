"""
Makes pdq_formula.json: PDQ hashes by another implementation, of pixels made by a formula.

This script needs numpy and pdqhash, which needs a compiler:

    pip install pdqhash==0.2.8 numpy==2.4.6
    python tests/vectors/make_pdq_formula.py > tests/vectors/pdq_formula.json

pdqhash wraps Meta's C++ (facebook/ThreatExchange). It omits the sampling to 512 × 512 with which
the reference's own program begins, so this script does that step.
"""

import json
import sys

import numpy as np
from numpy.typing import NDArray

SIZES = (
    (64, 64),
    (100, 75),
    (128, 200),
    (333, 500),
    (512, 512),
    (513, 300),
    (700, 1100),
    (65, 900),
)


def pixels(height: int, width: int) -> NDArray[np.uint8]:
    """Return waves of several directions and lengths, in three different channels."""
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    red = (x * x // 37 + 3 * y) % 256
    green = (x * y // 23 + 5 * x) % 256
    blue = (y * y // 41 + 7 * x + 2 * y) % 256
    return np.stack([red, green, blue], axis=2).astype(np.uint8)


def main() -> None:
    """Print the vectors."""
    import pdqhash  # noqa: PLC0415 - the tests use `pixels`, and do not need it.

    rows = []
    for height, width in SIZES:
        image = pixels(height, width)
        if max(height, width) > 512:
            image = image[np.arange(512) * height // 512][:, np.arange(512) * width // 512]
        poses, quality = pdqhash.compute_dihedral(np.ascontiguousarray(image))
        rows.append(
            {
                "height": height,
                "width": width,
                "quality": int(quality),
                "poses": [np.packbits(pose).tobytes().hex() for pose in poses],
            }
        )
    json.dump(rows, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
