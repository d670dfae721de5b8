"""How pixels are turned for each pose of an image."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hashsvc.signals import View

Pixels = NDArray[np.uint8]

TURNED: dict[View, Callable[[Pixels], Pixels]] = {
    View.ROT90: lambda pixels: np.rot90(pixels, 1),
    View.ROT180: lambda pixels: np.rot90(pixels, 2),
    View.ROT270: lambda pixels: np.rot90(pixels, 3),
    View.MIRROR: np.fliplr,
    View.MIRROR_ROT90: lambda pixels: np.rot90(np.fliplr(pixels), 1),
    View.MIRROR_ROT180: lambda pixels: np.rot90(np.fliplr(pixels), 2),
    View.MIRROR_ROT270: lambda pixels: np.rot90(np.fliplr(pixels), 3),
}
"""A pose is named by counterclockwise quarter turns after mirroring left to right."""
