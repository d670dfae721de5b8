"""
Decides which bits of a code belong to which chunk.

Multi-index hashing cuts each code into chunks, and looks codes up by the value of a chunk, its key.
Bits of real codes are correlated. Correlated bits in one chunk would give few distinct keys, each
with many codes, so such bits are spread over the chunks. For a large segment, its own codes show
which bits are correlated.

Votes work better if the bits that near copies share are in the same chunks: such a chunk differs
in few bits even where the whole code differs in many. In that case the bits are not spread by
correlation: correlated bits also flip together, so spreading them would lose more than it gains.
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
    Return the number of chunks that suits this many codes.

    Keys should have a few bits more than are needed to count the codes: then most keys have one
    code or none. With many more bits, too many keys must be probed. This was measured from 10^4 to
    10^8 codes.
    """
    width = math.log2(max(count, 2)) + _MORE_BITS_THAN_CODES
    chunks = round(bits / min(max(width, NARROWEST), WIDEST))
    return min(max(chunks, math.ceil(bits / WIDEST)), bits // NARROWEST)


def steady_chunks(chunks: int) -> int:
    """Return how many chunks, counted from the first, hold the steadiest bits."""
    return (chunks + 1) // 2


def spread(codes: Codes, chunks: int, steadiest: tuple[int, ...] = ()) -> list[NDArray[np.int64]]:
    """
    Return the bits of each chunk; the sizes of any two chunks differ by at most one.

    Args:
        steadiest: All bits, starting with those for the first chunks. If empty, any bit may be in
            any chunk.
    """
    bits = codes.shape[1] * 8
    rng = np.random.default_rng(_SEED)
    chunk_of = np.empty(bits, dtype=np.int64)
    chunk_of[rng.permutation(bits)] = np.arange(bits) % chunks
    if steadiest:
        # The first chunks take as many of the steadiest bits as they can hold.
        first_count = np.count_nonzero(chunk_of < steady_chunks(chunks))
        groups = (np.array(steadiest[:first_count]), np.array(steadiest[first_count:]))
        chunk_of[np.concatenate([rng.permutation(each) for each in groups])] = np.sort(chunk_of)
    elif len(codes) >= _WORTH_LEARNING:
        sample = codes[np.sort(rng.choice(len(codes), _SAMPLE, replace=False))]
        _reduce_likeness(chunk_of, _likeness(sample), chunks)
    return [np.flatnonzero(chunk_of == chunk) for chunk in range(chunks)]


def _likeness(sample: Codes) -> NDArray[np.float64]:
    """Return the squared correlation of each pair of bits; 0 for a bit with itself."""
    centred = unpack(sample).astype(np.float32)
    centred -= centred.mean(axis=0)
    together = (centred.T @ centred).astype(np.float64) / len(sample)
    variances = np.maximum(together.diagonal(), 1e-9)
    likeness = np.square(together) / np.outer(variances, variances)
    np.fill_diagonal(likeness, 0)
    return np.asarray(likeness)


def _reduce_likeness(
    chunk_of: NDArray[np.int64], likeness: NDArray[np.float64], chunks: int
) -> None:
    """Swap bits between chunks as long as a swap makes the bits within chunks less correlated."""
    every_bit = np.arange(len(chunk_of))
    likeness_to = np.stack(
        [likeness[:, chunk_of == chunk].sum(axis=1) for chunk in range(chunks)], axis=1
    )
    for _ in range(_PASSES):
        swaps = 0
        for bit in every_bit:
            own_chunk = chunk_of[bit]
            gains = likeness_to[bit, own_chunk] - likeness_to[bit, chunk_of]
            gains += (
                likeness_to[every_bit, chunk_of] - likeness_to[:, own_chunk] + 2 * likeness[bit]
            )
            gains[chunk_of == own_chunk] = -1
            other = int(gains.argmax())
            if gains[other] < 1e-9:
                continue
            other_chunk = chunk_of[other]
            change = likeness[:, other] - likeness[:, bit]
            likeness_to[:, own_chunk] += change
            likeness_to[:, other_chunk] -= change
            chunk_of[bit], chunk_of[other] = other_chunk, own_chunk
            swaps += 1
        if not swaps:
            return
