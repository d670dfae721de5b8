"""
The walk guard: detects keys whose lookups approach a banked code step by step, and slows them down.

A caller with one matching copy can alter it bit by bit. Each answer tells whether the altered copy
still matches, so about one lookup per bit reveals the banked code. Each of these lookups is near an
earlier one that was answered with the same content. The guard counts such steps for each key and
content. Above a limit, the key gets one answer per wait, and the waits grow.

The guard keeps only what the key itself sent, never a banked code, and keeps it in memory.
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

# A lookup is a step if its distance from an earlier match is at most 5/4 of the threshold. Such a
# lookup matches the content or barely misses it. A caller who alters more bits at random moves away
# from the content, and gets answers that reveal nothing.
_NEAR = 1.25
_WINDOW = timedelta(days=7)
_FIRST_WAIT = timedelta(seconds=30)
_LONGEST_WAIT = timedelta(days=1)
_CONTENTS = 512
_SIGNATURES = 8
_LOOKUPS = 4096

_Codes = dict[str, NDArray[np.uint8]]


@dataclass(slots=True)
class _ShownContent:
    """One key's lookups near one content that the key was shown."""

    codes: list[_Codes] = field(default_factory=list)
    steps: deque[datetime] = field(default_factory=deque)


@dataclass(slots=True)
class _Trail:
    """The lookups of one key."""

    lookups: OrderedDict[bytes, None] = field(default_factory=OrderedDict)
    contents: OrderedDict[ContentId, _ShownContent] = field(default_factory=OrderedDict)
    waits: deque[datetime] = field(default_factory=deque)
    blocked_until: datetime | None = None
    answer_is_due: bool = False


class WalkGuard:
    """
    Follows the lookups of all keys in this process.

    Args:
        most_steps: Lookups near one content that a key may make in a week before it has to wait.

        max_contents: Contents remembered for each key; the least recently shown are forgotten.

        max_lookups: Lookups remembered for each key; the oldest are forgotten.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        most_steps: int,
        max_contents: int = _CONTENTS,
        max_lookups: int = _LOOKUPS,
    ) -> None:
        self._clock = clock
        self._most_steps = most_steps
        self._max_contents = max_contents
        self._max_lookups = max_lookups
        self._lock = threading.Lock()
        self._trails: dict[KeyId, _Trail] = {}

    def wait_of(self, key: KeyId) -> timedelta | None:
        """Return how long a key must wait before its next lookup; None if it need not wait."""
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
        shown: Iterable[ContentId],
    ) -> ContentId | None:
        """
        Record a lookup before it is answered, and return None if it may be answered.

        Args:
            near: Contents that the lookup matches, however weakly.

            shown: Those of them that the answer would show.

        Returns:
            None if the lookup may be answered, else the content that the key approaches. If a
            content is returned, the answer must be withheld and the key has to wait.
        """
        now = self._clock()
        codes, digest = _codes(signature), _digest(signature)
        with self._lock:
            trail = self._trails.setdefault(key, _Trail())
            if digest in trail.lookups:
                # Repeating a lookup reveals nothing new.
                return None
            approached = _approached(trail, codes, set(near))
            for content_id in approached:
                if self._count(trail.contents[content_id], now) >= self._most_steps:
                    if not trail.answer_is_due:
                        _block(trail, now)
                        return content_id
                    trail.answer_is_due = False
                    break
            for content_id in approached:
                trail.contents[content_id].steps.append(now)
            self._remember(trail, digest, codes, shown)
            return None

    def _count(self, content: _ShownContent, now: datetime) -> int:
        while content.steps and now - content.steps[0] > _WINDOW:
            content.steps.popleft()
        return len(content.steps)

    def _remember(
        self, trail: _Trail, digest: bytes, codes: _Codes, shown: Iterable[ContentId]
    ) -> None:
        trail.lookups[digest] = None
        while len(trail.lookups) > self._max_lookups:
            trail.lookups.popitem(last=False)
        for content_id in shown:
            content = trail.contents.setdefault(content_id, _ShownContent())
            trail.contents.move_to_end(content_id)
            # Keep the first signatures: lookups near later ones are near these too.
            if len(content.codes) < _SIGNATURES:
                content.codes.append(codes)
        while len(trail.contents) > self._max_contents:
            trail.contents.popitem(last=False)


def _block(trail: _Trail, now: datetime) -> None:
    while trail.waits and now - trail.waits[0] > _WINDOW:
        trail.waits.popleft()
    wait = min(_FIRST_WAIT * 2 ** len(trail.waits), _LONGEST_WAIT)
    trail.waits.append(now)
    trail.blocked_until = now + wait
    trail.answer_is_due = True


def _approached(trail: _Trail, codes: _Codes, near: set[ContentId]) -> list[ContentId]:
    """Return the contents that the key was shown before and that this lookup is near."""
    return [
        content_id
        for content_id, content in trail.contents.items()
        # `_alike` need not compare regions: `near` has the contents whose regions match.
        if content_id in near or any(_alike(codes, each) for each in content.codes)
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
    """Return the codes of all views, by algorithm, without region codes."""
    found: dict[str, list[bytes]] = {}
    for viewed in signature.signals:
        if not viewed.signal.profile.many_per_image:
            found.setdefault(viewed.signal.algorithm, []).append(viewed.signal.code)
    return {
        name: np.frombuffer(b"".join(each), np.uint8).reshape(len(each), -1)
        for name, each in found.items()
    }


def _digest(signature: Signature) -> bytes:
    """Return a digest that is equal for equal lookups."""
    signals = sorted(f"{each.view} {each.signal}" for each in signature.signals)
    return hashlib.sha256(f"{signature.quality} {signals}".encode()).digest()
