"""
Which bits of a code make up which chunk.

Bits of real codes go together; in one chunk they would make few keys, each with many codes. So
they are spread over the chunks: in a large segment by what its own codes show.

For votes it is better to have those bits together that near copies have in common: a chunk of them
differs in few bits even where the code as a whole differs in many. To spread them by what the codes
show would then lose more than it saves, for bits that go together also flip together.
"""

import math

import numpy as np
from numpy.typing import NDArray

from index.codes import Codes, unpack

NARROWEST, WIDEST = 12, 29
_MORE_BITS_THAN_CODES = 3

_WORTH_LEARNING = 100_000
_SAMPLE = 20_000
_PASSES = 10
_SEED = 1


def chunks_for(bits: int, count: int) -> int:
    """
    Return the number of chunks that suit this many codes.

    With a few bits more to a key than it takes to number the codes, most keys have one code or
    none; with many more, too many keys have to be probed. Measured from 10^4 to 10^8 codes.
    """
    width = math.log2(max(count, 2)) + _MORE_BITS_THAN_CODES
    chunks = round(bits / min(max(width, NARROWEST), WIDEST))
    return min(max(chunks, math.ceil(bits / WIDEST)), bits // NARROWEST)


def steady_chunks(chunks: int) -> int:
    """Return how many chunks, the first ones, have the steadiest bits."""
    return (chunks + 1) // 2


def spread(codes: Codes, chunks: int, steadiest: tuple[int, ...] = ()) -> list[NDArray[np.int64]]:
    """
    Return the bits of each chunk; no two chunks differ by more than one in size.

    Args:
        steadiest: All bits, of which the first come into the first chunks; empty to spread all.
    """
    bits = codes.shape[1] * 8
    random = np.random.default_rng(_SEED)
    chunk_of = np.empty(bits, dtype=np.int64)
    chunk_of[random.permutation(bits)] = np.arange(bits) % chunks
    if steadiest:
        # As many as there is room for in the first chunks.
        most = np.count_nonzero(chunk_of < steady_chunks(chunks))
        groups = (np.array(steadiest[:most]), np.array(steadiest[most:]))
        chunk_of[np.concatenate([random.permutation(each) for each in groups])] = np.sort(chunk_of)
    elif len(codes) >= _WORTH_LEARNING:
        sample = codes[np.sort(random.choice(len(codes), _SAMPLE, replace=False))]
        _improve(chunk_of, _likeness(sample), chunks)
    return [np.flatnonzero(chunk_of == chunk) for chunk in range(chunks)]


def _likeness(sample: Codes) -> NDArray[np.float64]:
    """Return the square of the correlation of each two bits, 0 of a bit with itself."""
    centred = unpack(sample).astype(np.float32)
    centred -= centred.mean(axis=0)
    together = (centred.T @ centred).astype(np.float64) / len(sample)
    variances = np.maximum(together.diagonal(), 1e-9)
    likeness = np.square(together) / np.outer(variances, variances)
    np.fill_diagonal(likeness, 0)
    return np.asarray(likeness)


def _improve(chunk_of: NDArray[np.int64], likeness: NDArray[np.float64], chunks: int) -> None:
    """Swap two bits of different chunks for as long as that makes chunks less alike within."""
    everyone = np.arange(len(chunk_of))
    to_chunk = np.stack(
        [likeness[:, chunk_of == chunk].sum(axis=1) for chunk in range(chunks)], axis=1
    )
    for _ in range(_PASSES):
        swaps = 0
        for bit in everyone:
            here = chunk_of[bit]
            gains = to_chunk[bit, here] - to_chunk[bit, chunk_of]
            gains += to_chunk[everyone, chunk_of] - to_chunk[:, here] + 2 * likeness[bit]
            gains[chunk_of == here] = -1
            other = int(gains.argmax())
            if gains[other] < 1e-9:
                continue
            there = chunk_of[other]
            change = likeness[:, other] - likeness[:, bit]
            to_chunk[:, here] += change
            to_chunk[:, there] -= change
            chunk_of[bit], chunk_of[other] = there, here
            swaps += 1
        if not swaps:
            return
