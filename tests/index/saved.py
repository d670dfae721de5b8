"""An index to be saved, and what of it is there afterwards."""

from pathlib import Path

import numpy as np

from index import LiveIndex
from tests.index.made import Aes, uniform

KEY = Aes(bytes(32))


def made(count: int = 500, *, engine: str = "auto") -> tuple[LiveIndex, np.ndarray]:
    """Return an index of two sealed parts, a tail and some tombstones; and all its codes."""
    rng = np.random.default_rng(count)
    codes = uniform(count, 32, rng)
    index = LiveIndex(256, engine=engine)
    index.close()  # Nothing is merged unasked.
    half, most = count // 2, count - 30
    for some in (slice(0, half), slice(half, most), slice(most, count)):
        ids = np.arange(count)[some]
        index.add(ids, codes[some], ids[::-1] // 3)
    index.remove([3, count - 50, count - 1])
    index.feed_position = count
    return index, codes


def state(index: LiveIndex) -> tuple[int, list[int], list[int], list[bytes]]:
    """Return all that an index holds."""
    parts = index.parts
    rows = sorted(
        (int(each), int(owner), code.tobytes())
        for part in parts
        for each, owner, code, alive in zip(
            part.ids, part.owners, part.segment.codes, part.alive, strict=True
        )
        if alive
    )
    assert len(rows) == len(index)
    return (index.feed_position, *map(list, zip(*rows, strict=True)))


def files(directory: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in directory.iterdir()}
