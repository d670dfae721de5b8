"""Measures how clearly the regions of a content appear in a candidate."""

import numpy as np
from numpy.typing import NDArray

from hashsvc.signals import MOST_CONTRAST, NO_CONTRAST, REGION
from index import distances, nearest

_Codes = NDArray[np.uint8]


def contrast(content: _Codes, candidate: _Codes, poses: _Codes) -> int:
    """
    Return the contrast of a content's regions in a candidate: the sum of each region's contrast.

    A plain round spot looks like many others: its code is near codes of most images, and near
    several codes in each. So each matching region scores its margin over the second-best place in
    the candidate, minus NO_CONTRAST bits. This follows Lowe, "Distinctive Image Features from
    Scale-Invariant Keypoints" (IJCV 60, 2004), section 7.1. The score is capped at MOST_CONTRAST,
    because two screenshots that share a few identical icons are not copies.

    Args:
        content: Codes of the content's regions, shape (n, 32).

        candidate: Codes of the candidate's regions in one pose, shape (m, 32), m at least 1.

        poses: Codes of the candidate's regions in every pose, shape (k, 32). They include
            `candidate`.
    """
    total = 0
    for code in content[nearest(content, candidate) <= REGION.threshold]:
        away = distances(code, candidate)
        place = candidate[away.argmin()]
        # A place has several codes, one for each scale: leave out all codes of the best place.
        others = poses[distances(place, poses) > REGION.threshold]
        next_best = int(distances(code, others).min(initial=REGION.bits))
        total += min(max(next_best - int(away.min()) - NO_CONTRAST, 0), MOST_CONTRAST)
    return total
