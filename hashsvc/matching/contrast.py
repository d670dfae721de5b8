"""How clearly the regions of a content are in a candidate."""

import numpy as np
from numpy.typing import NDArray

from hashsvc.signals import MOST_CONTRAST, NO_CONTRAST, REGION
from index import distances, nearest

_Codes = NDArray[np.uint8]


def contrast(content: _Codes, candidate: _Codes, poses: _Codes) -> int:
    """
    Return what the regions of a content come to.

    A plain round spot looks like many others: its code is near to codes of most images, and to
    several of each. So a region counts by how much nearer its nearest place in the candidate is
    than any other there, after Lowe, "Distinctive Image Features from Scale-Invariant Keypoints"
    (IJCV 60, 2004), section 7.1. None counts more than `MOST_CONTRAST`, for a few icons that two
    screenshots have in common, bit for bit the same, are not a copy.

    Args:
        content: Codes of its regions, shape (n, 32).

        candidate: Codes of the candidate in one pose, shape (m, 32), m at least 1.

        poses: Codes of the candidate in every pose, shape (k, 32), these among them.
    """
    total = 0
    for code in content[nearest(content, candidate) <= REGION.threshold]:
        away = distances(code, candidate)
        place = candidate[away.argmin()]
        # A place has several codes: it was looked at in several scales.
        others = poses[distances(place, poses) > REGION.threshold]
        next_best = int(distances(code, others).min(initial=REGION.bits))
        total += min(max(next_best - int(away.min()) - NO_CONTRAST, 0), MOST_CONTRAST)
    return total
