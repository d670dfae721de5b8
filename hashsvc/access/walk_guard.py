"""
Notices who feels their way towards a banked code, lookup by lookup, and slows them down.

Whoever has one copy that matches can alter it bit by bit, and learn from each answer whether the
altered one still matches: so many bits, so many lookups. Each such lookup is near one that was
answered with the same content before. Those are counted for each key and content; above a limit
there is one answer for each wait, and the waits grow.

All of it is in memory, and holds what the key itself sent; never a banked code.
"""

import hashlib
import threading
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from hashsvc.clock import Clock
from hashsvc.signals import PROFILES, Signature
from hashsvc.store.ids import ContentId, KeyId

# What matches a content, or just does not, is so near to a copy that does: 5/4 of the threshold.
# Altering more bits blindly leads away from the content, where answers say nothing.
_NEAR = 1.25
_WINDOW = timedelta(days=7)
_FIRST_WAIT = timedelta(seconds=30)
_LONGEST_WAIT = timedelta(days=1)
_CONTENTS = 512
_SIGNATURES = 8
_LOOKUPS = 4096

_Codes = dict[str, NDArray[np.uint8]]


@dataclass(slots=True)
class _Around:
    """What a key did around one content that it was told of."""

    codes: list[_Codes] = field(default_factory=list)
    steps: deque[datetime] = field(default_factory=deque)


@dataclass(slots=True)
class _Trail:
    """What one key looked up."""

    known: OrderedDict[bytes, None] = field(default_factory=OrderedDict)
    around: OrderedDict[ContentId, _Around] = field(default_factory=OrderedDict)
    waits: deque[datetime] = field(default_factory=deque)
    blocked_until: datetime | None = None
    answer_is_due: bool = False


class WalkGuard:
    """
    The lookups of all keys of one process.

    Args:
        most_steps: Lookups near one content that a key may make in a week before it has to wait.
    """

    def __init__(self, clock: Clock, *, most_steps: int) -> None:
        self._clock = clock
        self._most_steps = most_steps
        self._lock = threading.Lock()
        self._trails: dict[KeyId, _Trail] = {}

    def wait_of(self, key: KeyId) -> timedelta | None:
        """Return how long a key has to wait before it may look up again; None if not at all."""
        now = self._clock()
        with self._lock:
            trail = self._trails.get(key)
            if trail is None or trail.blocked_until is None or trail.blocked_until <= now:
                return None
            return trail.blocked_until - now

    def follow(
        self,
        key: KeyId,
        signature: Signature,
        *,
        near: Iterable[ContentId],
        told: Iterable[ContentId],
    ) -> ContentId | None:
        """
        Take note of a lookup before it is answered.

        Args:
            near: Contents that it matches, however weakly.

            told: Those of them that the answer would tell of.

        Returns:
            None when it may be answered. Else the content that the key walks towards; the answer
            is withheld then, and the key has to wait.
        """
        now = self._clock()
        codes, name = _codes(signature), _name(signature)
        with self._lock:
            trail = self._trails.setdefault(key, _Trail())
            if name in trail.known:
                # The same again tells nothing new.
                return None
            touched = _touched(trail, codes, set(near))
            for content_id in touched:
                if self._count(trail.around[content_id], now) >= self._most_steps:
                    if not trail.answer_is_due:
                        _block(trail, now)
                        return content_id
                    trail.answer_is_due = False
                    break
            for content_id in touched:
                trail.around[content_id].steps.append(now)
            self._remember(trail, name, codes, told)
            return None

    def _count(self, around: _Around, now: datetime) -> int:
        while around.steps and now - around.steps[0] > _WINDOW:
            around.steps.popleft()
        return len(around.steps)

    def _remember(
        self, trail: _Trail, name: bytes, codes: _Codes, told: Iterable[ContentId]
    ) -> None:
        trail.known[name] = None
        while len(trail.known) > _LOOKUPS:
            trail.known.popitem(last=False)
        for content_id in told:
            around = trail.around.setdefault(content_id, _Around())
            trail.around.move_to_end(content_id)
            # The first ones stay: what is near later ones is near them, too.
            if len(around.codes) < _SIGNATURES:
                around.codes.append(codes)
        while len(trail.around) > _CONTENTS:
            trail.around.popitem(last=False)


def _block(trail: _Trail, now: datetime) -> None:
    while trail.waits and now - trail.waits[0] > _WINDOW:
        trail.waits.popleft()
    wait = min(_FIRST_WAIT * 2 ** len(trail.waits), _LONGEST_WAIT)
    trail.waits.append(now)
    trail.blocked_until = now + wait
    trail.answer_is_due = True


def _touched(trail: _Trail, codes: _Codes, near: set[ContentId]) -> list[ContentId]:
    """Return the contents known to the key that a lookup comes near."""
    return [
        content_id
        for content_id, around in trail.around.items()
        # Regions are compared by the index: a content that shares some is among the near ones.
        if content_id in near or any(_alike(codes, each) for each in around.codes)
    ]


def _alike(mine: _Codes, theirs: _Codes) -> bool:
    return any(
        bool((_distances(mine[name], theirs[name]) <= _NEAR * PROFILES[name].threshold).any())
        for name in mine.keys() & theirs.keys()
    )


def _distances(mine: NDArray[np.uint8], theirs: NDArray[np.uint8]) -> NDArray[np.int64]:
    different = np.bitwise_count(mine[:, None, :] ^ theirs[None, :, :])
    return np.asarray(different.sum(axis=2, dtype=np.int64))


def _codes(signature: Signature) -> _Codes:
    """Return the codes of whole images by algorithm, of whatever view the sender calls them."""
    found: dict[str, list[bytes]] = {}
    for viewed in signature.signals:
        if not viewed.signal.profile.many_per_image:
            found.setdefault(viewed.signal.algorithm, []).append(viewed.signal.code)
    return {
        name: np.frombuffer(b"".join(each), np.uint8).reshape(len(each), -1)
        for name, each in found.items()
    }


def _name(signature: Signature) -> bytes:
    """Return a digest that two lookups share when they are the same."""
    signals = sorted(f"{each.view} {each.signal}" for each in signature.signals)
    return hashlib.sha256(f"{signature.quality} {signals}".encode()).digest()
