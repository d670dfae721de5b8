"""An index to save, and its content and files to compare afterwards."""

from pathlib import Path

import numpy as np

from index import Engine, LiveIndex
from index.codes import Codes
from tests.index.made import Aes, uniform

KEY = Aes(bytes(32))


def made(count: int = 500, *, engine: Engine = "auto") -> tuple[LiveIndex, Codes]:
    """Return an index with two sealed parts, a tail and some tombstones; and all its codes."""
    rng = np.random.default_rng(count)
    codes = uniform(count, 32, rng)
    index = LiveIndex(256, engine=engine)
    index.close()  # No merges in the background.
    half, most = count // 2, count - 30
    for some in (slice(0, half), slice(half, most), slice(most, count)):
        ids = np.arange(count)[some]
        index.add(ids, codes[some], ids[::-1] // 3)
    index.remove([3, count - 50, count - 1])
    index.feed_position = count
    return index, codes


def state(index: LiveIndex) -> tuple[int, list[int], list[int], list[bytes]]:
    """Return the feed position of an index, and its live ids, owners and codes, sorted by id."""
    rows = sorted(
        (int(each), int(owner), code.tobytes())
        for part in index.parts
        for each, owner, code, alive in zip(
            part.ids, part.owners, part.segment.codes, part.alive, strict=True
        )
        if alive
    )
    assert len(rows) == len(index)
    return (
        index.feed_position,
        [each for each, _, _ in rows],
        [owner for _, owner, _ in rows],
        [code for _, _, code in rows],
    )


def files(directory: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in directory.iterdir()}
