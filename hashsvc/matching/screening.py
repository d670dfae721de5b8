"""Screens submitted contents: finds the listed image that a content is similar to."""

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

# If a common image has fewer steady bits than this, only its whole code is compared. An image with
# at least 64 steady bits differs from every photograph in 20 % of these bits or more. To count as
# similar, an image may differ in at most 12 %.
_ENOUGH_STEADY = 64


class _Shipped:
    """The common images shipped with the service."""

    def __init__(self, images: Sequence[CommonImage]) -> None:
        self._codes = _packed([each.signal.code for each in images])
        self._steady = _packed([each.steady for each in images])
        steady = np.bitwise_count(self._steady).sum(axis=1, dtype=np.int64)
        # The threshold lets a share of all bits differ. Let the same share of the steady bits
        # differ.
        most = PDQ.threshold * steady // PDQ.bits
        self._most = np.where(steady >= _ENOUGH_STEADY, most, -1)

    def has(self, codes: _Codes) -> bool:
        """Return whether one of these codes is near a shipped image."""
        for code in codes:
            different = self._codes ^ code
            all_bits = np.bitwise_count(different).sum(axis=1, dtype=np.int64)
            steady = np.bitwise_count(different & self._steady).sum(axis=1, dtype=np.int64)
            if ((all_bits <= PDQ.threshold) | (steady <= self._most)).any():
                return True
        return False


class Screen:
    """
    Compares contents with all listed images, which it holds in memory. Threads can share it.

    The lists are short and rarely change. Their images are compared one by one, and the lists are
    read again after a change.
    """

    def __init__(self) -> None:
        self._reading = threading.Lock()
        self._state: tuple[int, int] | None = None
        self._whole: list[tuple[Listed, _Codes]] = []
        self._regions: list[tuple[Listed, _Codes]] = []
        self._shipped = _Shipped(common_images())

    def __call__(self, connection: Connection, signature: Signature) -> Listed | None:
        """
        Return the listed image that a content is similar to; None if there is none.

        A content is similar if PDQ is within its threshold in any pose of the listed image, or if
        the regions of both would make a match `likely`. Common images take precedence.
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
