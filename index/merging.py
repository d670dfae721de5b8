"""
Which parts are merged into one, and how.

Few parts make searches fast; few merges make additions cheap.
"""

from collections.abc import Sequence

import numpy as np

from index.hits import Ids
from index.part import Part, SealedPart
from index.segment import SegmentPlan

# A part is rewritten when more than this share of its codes are tombstones. So the memory stays
# below 1 / 0.8 = 1.25 times what the live codes need.
_WORTH_A_REWRITE = 0.2


def worth_a_rewrite(part: Part) -> bool:
    """Return whether a sealed part has too many tombstones."""
    return isinstance(part, SealedPart) and part.dead > _WORTH_A_REWRITE * len(part)


def due(parts: Sequence[Part]) -> list[Part]:
    """
    Return the parts to be merged into one now; most of the time there are none.

    A part is merged with all smaller parts when these together are at least half as large. So each
    merge moves its codes to a part at least one and a half times as large as the one they were in,
    and merges are few. Each remaining part is more than twice the sum of all smaller ones, so parts
    are few: up to seven at ten million codes, not counting the tail.
    """
    by_size = sorted(parts, key=lambda part: part.live, reverse=True)
    group: list[Part] = []
    smaller = 0
    for rank in reversed(range(len(by_size))):
        if rank + 1 < len(by_size) and 2 * smaller >= by_size[rank].live:
            group = by_size[rank:]
        smaller += by_size[rank].live
    if group:
        return group
    unsealed = [part for part in parts if not isinstance(part, SealedPart)]
    if unsealed:
        return unsealed
    return [part for part in parts if worth_a_rewrite(part)][:1]


def merged(parts: Sequence[Part], plan: SegmentPlan) -> SealedPart | None:
    """
    Return the live codes of several parts as one part; None if there are none.

    The parts may be searched and may lose codes meanwhile. The caller then removes those codes
    from the new part.
    """
    # Take a copy: flatnonzero counts first, and goes wrong if a code is removed a moment later.
    kept = [np.flatnonzero(part.alive.copy()) for part in parts]
    ends = np.cumsum([0, *map(len, kept)])
    count = int(ends[-1])
    if count == 0:
        return None
    codes = np.empty((count, parts[0].segment.codes.shape[1]), dtype=np.uint8)
    ids = np.empty(count, dtype=np.int64)
    owners: Ids = ids
    if any(part.owners is not part.ids for part in parts):
        owners = np.empty(count, dtype=np.int64)
    for part, positions, start, end in zip(parts, kept, ends[:-1], ends[1:], strict=True):
        # Copy each piece straight to its final position: a list of pieces would need twice the
        # memory. In the mode "raise", NumPy would copy through a buffer.
        np.take(part.segment.codes, positions, axis=0, out=codes[start:end], mode="clip")
        np.take(part.ids, positions, out=ids[start:end], mode="clip")
        if owners is not ids:
            np.take(part.owners, positions, out=owners[start:end], mode="clip")
    return SealedPart.of(ids, owners, codes, plan)
