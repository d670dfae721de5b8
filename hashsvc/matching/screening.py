"""Tells whether a content that is submitted is like an image on a list."""

import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from hashsvc.bank import CommonImage, ImageList, Listed, common_images
from hashsvc.matching.contrast import contrast
from hashsvc.signals import LIKELY_CONTRAST, PDQ, REGION, Signature
from hashsvc.store import listed
from hashsvc.store.ids import LabelId
from hashsvc.store.listed import ListedSignal
from index import nearest

_Codes = NDArray[np.uint8]

# Of a common image with fewer steady bits the whole code counts alone. Photographs differ from each
# listed image in at least 20 % of its steady bits, where it has so many; 12 % are allowed.
_ENOUGH_STEADY = 64


class _Shipped:
    """The common images that come with the service."""

    def __init__(self, images: Sequence[CommonImage]) -> None:
        self._codes = _packed([each.signal.code for each in images])
        self._steady = _packed([each.steady for each in images])
        steady = np.bitwise_count(self._steady).sum(axis=1, dtype=np.int64)
        # As large a share of the steady bits as the threshold is of all.
        most = PDQ.threshold * steady // PDQ.bits
        self._most = np.where(steady >= _ENOUGH_STEADY, most, -1)

    def has(self, codes: _Codes) -> bool:
        """Tell whether one of these codes is that of a listed image."""
        for code in codes:
            different = self._codes ^ code
            all_bits = np.bitwise_count(different).sum(axis=1, dtype=np.int64)
            steady = np.bitwise_count(different & self._steady).sum(axis=1, dtype=np.int64)
            if ((all_bits <= PDQ.threshold) | (steady <= self._most)).any():
                return True
        return False


class Screen:
    """
    All listed images, in memory; safe to share between threads.

    The lists are short and change seldom: they are compared one by one, and read anew when they
    were changed.
    """

    def __init__(self) -> None:
        self._reading = threading.Lock()
        self._state: tuple[int, int] | None = None
        self._whole: list[tuple[Listed, _Codes]] = []
        self._regions: list[tuple[Listed, _Codes]] = []
        self._shipped = _Shipped(common_images())

    def __call__(self, connection: Connection, signature: Signature) -> Listed | None:
        """
        Return which listed image a content is like; None for none.

        As with contents, it is like one when PDQ is within its threshold, in any pose of the listed
        image, or when as many regions are in both as make a match `likely`. Common ones come first.
        """
        self._follow(connection)
        whole = signature.codes(PDQ)
        if self._shipped.has(whole):
            return Listed(ImageList.COMMON, None)
        found = [which for which, codes in self._whole if _is_near(whole, codes)]
        regions = signature.codes(REGION)
        found += [which for which, codes in self._regions if _share(regions, codes)]
        return min(found, key=lambda each: each.kind, default=None)

    def _follow(self, connection: Connection) -> None:
        with self._reading:
            state = listed.state(connection)
            if state != self._state:
                signals = listed.all_signals(connection)
                self._whole = _by_image(signals, PDQ.name)
                self._regions = _by_image(signals, REGION.name)
                self._state = state


def _by_image(signals: Sequence[ListedSignal], algorithm: str) -> list[tuple[Listed, _Codes]]:
    codes: dict[tuple[str, LabelId], list[bytes]] = {}
    for each in signals:
        if each.algorithm == algorithm:
            codes.setdefault((each.list, each.label), []).append(each.code)
    return [
        (Listed(ImageList(kind), label), _packed(each)) for (kind, label), each in codes.items()
    ]


def _packed(codes: Sequence[bytes]) -> _Codes:
    if not codes:
        return np.empty((0, 0), np.uint8)
    return np.frombuffer(b"".join(codes), np.uint8).reshape(len(codes), -1)


def _is_near(mine: _Codes, theirs: _Codes) -> bool:
    return bool(len(mine)) and bool((nearest(mine, theirs) <= PDQ.threshold).any())


def _share(mine: _Codes, theirs: _Codes) -> bool:
    if not len(mine):
        return False
    return contrast(mine, theirs, theirs) >= LIKELY_CONTRAST
