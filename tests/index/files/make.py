"""
Makes the folders of index files in the present format. Folders of older formats stay as they are.

    python -m tests.index.files.make
"""

from pathlib import Path

import numpy as np

from index import LiveIndex, mih, part_set
from index.blockfile import BlockCipher
from tests.index.made import Aes

HERE = Path(__file__).parent


def fifty(folder: str, cipher: BlockCipher | None) -> None:
    """Save fifty codes with owners: a sealed part with a tombstone, and a tail."""
    rng = np.random.default_rng(20240501)
    codes = rng.integers(0, 256, (50, 32), dtype=np.uint8)
    ids, owners = np.arange(100, 150), np.arange(50) // 4
    index = LiveIndex(256)
    index.add(ids[:40], codes[:40], owners[:40])
    index.add(ids[40:], codes[40:], owners[40:])
    index.remove([103, 149])
    index.feed_position = 77
    index.save(HERE / folder, cipher=cipher)


def tables() -> None:
    """Save three hundred codes without owners, with the tables of multi-index hashing."""
    rng = np.random.default_rng(20240501)
    codes = rng.integers(0, 256, (300, 8), dtype=np.uint8)
    index = LiveIndex(64)
    index.add(np.arange(300), codes)
    index.save(HERE / "v2-tables")


if __name__ == "__main__":
    part_set.TAIL_CODES = 32
    mih.FEWEST = 64
    for old in HERE.glob("v2*/*.hsx"):
        old.unlink()
    fifty("v2", None)
    fifty("v2-sealed", Aes(bytes(range(32))))
    tables()
