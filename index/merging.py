"""Which parts become one, and how: few parts make searches fast, few merges make adding cheap."""

from collections.abc import Sequence

import numpy as np

from index.hits import Ids
from index.members import Member, SealedPart
from index.segment import SegmentPlan

# A part of which more than this is tombstones is rewritten: the memory stays below 1 / 0.8 = 1.25
# times what the live codes need.
_WORTH_A_REWRITE = 0.2


def worth_a_rewrite(part: Member) -> bool:
    """Tell whether a sealed part has too many tombstones."""
    return isinstance(part, SealedPart) and part.dead > _WORTH_A_REWRITE * len(part)


def due(parts: Sequence[Member]) -> list[Member]:
    """
    Return the parts to be merged into one now; none, most of the time.

    A part is merged with all smaller ones when these are at least half of it together. So each
    merge makes a code's part at least half as large again, which keeps merges few, and of those
    that stay each is more than twice the sum of all smaller ones, which keeps parts few: at ten
    million codes there are up to seven beside the tail.
    """
    by_size = sorted(parts, key=lambda part: part.live, reverse=True)
    group: list[Member] = []
    smaller = 0
    for place in reversed(range(len(by_size))):
        if place + 1 < len(by_size) and 2 * smaller >= by_size[place].live:
            group = by_size[place:]
        smaller += by_size[place].live
    if group:
        return group
    unsealed = [part for part in parts if not isinstance(part, SealedPart)]
    if unsealed:
        return unsealed
    return [part for part in parts if worth_a_rewrite(part)][:1]


def merged(parts: Sequence[Member], plan: SegmentPlan) -> SealedPart | None:
    """
    Return the live codes of several parts as one part; None when there are none.

    The parts may be searched and lose codes meanwhile. Whoever merges then removes these from the
    new part too.
    """
    # Of a copy: flatnonzero counts first, and is wrong when there are fewer a moment later.
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
    for part, places, start, end in zip(parts, kept, ends[:-1], ends[1:], strict=True):
        # Each straight into its place: a list of pieces would need the memory twice. (Any mode
        # but "raise" lets NumPy do that.)
        np.take(part.segment.codes, places, axis=0, out=codes[start:end], mode="clip")
        np.take(part.ids, places, out=ids[start:end], mode="clip")
        if owners is not ids:
            np.take(part.owners, places, out=owners[start:end], mode="clip")
    return SealedPart.of(ids, owners, codes, plan)
