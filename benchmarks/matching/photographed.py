"""
Makes codes of photographs, and of turned and scaled parts of them, signed like candidates.

A tenth of the photographs is never stored; queries that should match nothing come from these.
"""

import functools
import itertools
import os
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.matching.truth import Ints
from hashsvc.signals import PDQ, ImageError, Limits, Signature, sign_image
from hashsvc.signals.decode import decode
from index.codes import Codes
from tests.helpers.photos import as_jpeg, shipped_files

_BITS = 256
"""Width of PDQ and region codes; an image has too few codes of other kinds."""

_LONGEST = 1024
_KEPT_OUT = 10
_MAX_TURN = 15
_FLIPPED = 0.2
"""Share of bits that are flipped in a copy of a hashed code; the copy is far outside radius 31."""

_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class Photographed:
    """
    The codes of many pictures, in the order of the pictures.

    Attributes:
        stored: Codes to fill an index with.

        origins: For each stored code, the number of its photograph.

        fresh: Codes of the photographs that are not stored.

        about: Description of the codes, for people.
    """

    stored: Codes
    origins: Ints
    fresh: Codes
    about: str

    def extended(self, count: int, *, seed: int) -> tuple[Codes, str]:
        """Return `count` codes, filled up with altered copies if needed, and their description."""
        hashed = min(count, len(self.stored))
        about = f"{self.about}; {hashed / count:.1%} of the stored codes are these"
        if hashed == count:
            return self.stored[:count], about
        codes = np.empty((count, self.stored.shape[1]), dtype=np.uint8)
        codes[:hashed] = self.stored
        rng = np.random.default_rng([seed, count])
        for start in range(hashed, count, _BLOCK):
            block = codes[start : start + _BLOCK]
            sources = self.stored[rng.integers(0, hashed, len(block))]
            flips = rng.random((len(block), 8 * codes.shape[1]), dtype=np.float32) < _FLIPPED
            block[:] = sources ^ np.packbits(flips, axis=1)
        return codes, f"{about}, the rest copies of them with a fifth of all bits flipped"


@functools.cache
def photographed(folder: Path | None, *, most: int, seconds: float, seed: int) -> Photographed:
    """
    Hash photographs, then altered ones in further rounds, and return the codes.

    Args:
        folder: A folder of photographs; None for those in the scikit-image wheel.

        most: Stop when there are this many codes to store.

        seconds: Stop after this time, but not before two photographs are hashed.

        seed: Seed of everything random.

    Raises:
        ValueError: If there are fewer than two photographs.
    """
    files = shipped_files() if folder is None else sorted(folder.rglob("*"))
    deadline = time.perf_counter() + seconds
    numbers: dict[Path, int] = {}
    stored: list[bytes] = []
    fresh: list[bytes] = []
    origins: list[int] = []
    kinds: Counter[str] = Counter()
    pictures = 0
    for file, signature in _signed([file for file in files if file.is_file()], seed):
        number = numbers.setdefault(file, len(numbers))
        pictures += 1
        signals = [each.signal for each in signature.signals if each.signal.profile.bits == _BITS]
        if number % _KEPT_OUT == 1:
            fresh += [signal.code for signal in signals]
        else:
            stored += [signal.code for signal in signals]
            origins += [number] * len(signals)
            kinds.update(signal.algorithm for signal in signals)
        if len(numbers) > 1 and (len(stored) >= most or time.perf_counter() > deadline):
            break
    if len(numbers) < 2:
        raise ValueError(
            "At least two photographs are needed: one to store, and one that must not be found."
        )
    what = f"{pictures} pictures of {len(numbers)} photographs, in all poses and views"
    listed = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
    return Photographed(
        stored=_packed(stored),
        origins=np.array(origins, dtype=np.int64),
        fresh=_packed(fresh),
        about=f"{what}: {listed}",
    )


def _packed(codes: list[bytes]) -> Codes:
    return np.frombuffer(b"".join(codes), dtype=np.uint8).reshape(len(codes), _BITS // 8)


def _signed(files: list[Path], seed: int) -> Iterator[tuple[Path, Signature]]:
    """Yield the signatures of photographs, then of altered ones in endless rounds."""
    some = 4 * (os.cpu_count() or 1)
    with ThreadPoolExecutor() as pool:
        for turn in itertools.count():
            photos = []
            # Take few at a time, so that little is wasted once there are enough codes.
            for start in range(0, len(files), some):
                group = files[start : start + some]
                signatures = pool.map(functools.partial(_sign, turn=turn, seed=seed), group)
                for file, signature in zip(group, signatures, strict=True):
                    if signature is not None:
                        photos.append(file)
                        yield file, signature
            if turn == 0:
                files = photos
            if len(files) < 2:
                return


def _sign(file: Path, *, turn: int, seed: int) -> Signature | None:
    """Return a photograph's signature, altered in later rounds; None if it cannot be signed."""
    try:
        image = next(decode(file.read_bytes(), Limits(), scaled=False)).convert("RGB")
        image.thumbnail((_LONGEST, _LONGEST))
        if turn:
            image = _altered(
                image, np.random.default_rng([seed, turn, zlib.crc32(file.name.encode())])
            )
        signature = sign_image(as_jpeg(image))
    except ImageError:
        return None
    return signature if signature.quality >= PDQ.min_quality else None


def _altered(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return a part of a picture, slightly turned and scaled."""
    turned = image.rotate(rng.uniform(-_MAX_TURN, _MAX_TURN), Image.Resampling.BILINEAR)
    width, height = (round(side * rng.uniform(0.4, 0.9)) for side in image.size)
    left = int(rng.integers(0, image.width - width + 1))
    top = int(rng.integers(0, image.height - height + 1))
    part = turned.crop((left, top, left + width, top + height))
    scale = rng.uniform(0.6, 1.2)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return part.resize(size, Image.Resampling.BICUBIC)
