"""The attacker's data: thumbnails, the signs of codes, patches of regions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hashsvc.signals import DHASH, PDQ, PHASH, REGION, View, patches, regions, sign_image
from hashsvc.signals.image_hashes import image_hash
from hashsvc.signals.pdq import luma_of, pdq
from tests.helpers.photos import Photo

Floats = NDArray[np.float64]
Codes = NDArray[np.uint8]

SIDE = 32
PIXELS = SIDE * SIDE

_CROP_SIDES = (0.75, 0.95)


@dataclass(frozen=True, slots=True, repr=False)
class Pictures:
    """
    Data of n pictures.

    Attributes:
        groups: Number of the photograph that each picture was made from, shape (n,).

        thumbnails: True thumbnails, with zero mean and unit variance, shape (n, 1024).

        whole: Signs of all signals of the whole image, PDQ first, shape (n, 384).

        regions: Region codes of each picture, each of shape (codes, 32).
    """

    groups: NDArray[np.int64]
    thumbnails: Floats
    whole: Floats
    regions: list[Codes]


@dataclass(frozen=True, slots=True, repr=False)
class LearntPatches:
    """Region codes of n patches, and the patches' pixels, shape (n, 1024)."""

    codes: Codes
    pixels: Floats


def thumbnail(image: Image.Image) -> Floats:
    """Return an image as 32 × 32 grey pixels with zero mean and unit variance, shape (1024,)."""
    small = image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    pixels: Floats = standardised(np.asarray(small, dtype=np.float64).reshape(1, PIXELS))[0]
    return pixels


def standardised(pictures: Floats) -> Floats:
    """Return pictures, shape (n, 1024), with zero mean and unit variance; plain ones become 0."""
    centred = pictures - pictures.mean(axis=1, keepdims=True)
    spread = centred.std(axis=1, keepdims=True)
    scaled: Floats = centred / np.where(spread > 1e-9, spread, 1)
    return scaled


def posed(thumbnails: Floats, view: View) -> Floats:
    """Return thumbnails, shape (n, 1024), in one of PDQ's eight poses."""
    squares = thumbnails.reshape(-1, SIDE, SIDE)
    if view.startswith(View.MIRROR):
        squares = squares[:, :, ::-1]
    for turn, quarters in (("rot90", 1), ("rot180", 2), ("rot270", 3)):
        if view.endswith(turn):
            squares = np.rot90(squares, quarters, axes=(1, 2))
    turned: Floats = squares.reshape(-1, PIXELS)
    return turned


def signs(codes: Codes) -> Floats:
    """Return the bits of codes, shape (n, bytes), as −1 and 1, shape (n, bits)."""
    signed: Floats = np.unpackbits(codes, axis=1).astype(np.float64) * 2 - 1
    return signed


def stored(photos: Sequence[Photo]) -> Pictures:
    """Return what the bank would store of photographs."""
    whole, regional = [], []
    for photo in photos:
        kept = [viewed.signal for viewed in sign_image(photo.data).whole().signals]
        code = {each.algorithm: each.code for each in kept}
        whole.append(b"".join(code[profile.name] for profile in (PDQ, PHASH, DHASH)))
        regional.append(_stacked([each.code for each in kept if each.algorithm == REGION.name]))
    return Pictures(
        groups=np.arange(len(photos)),
        thumbnails=np.stack([thumbnail(photo.image) for photo in photos]),
        whole=signs(_stacked(whole)),
        regions=regional,
    )


def learnt_from(photos: Sequence[Photo], rng: np.random.Generator, crops: int = 4) -> Pictures:
    """Return the pictures to learn from: each photograph, some crops, and all of these mirrored."""
    groups, thumbnails, whole, regional = [], [], [], []
    for number, photo in enumerate(photos):
        for image in _varied(photo.image, rng, crops):
            pixels = np.asarray(image)
            others = [image_hash(image, profile).code for profile in (PHASH, DHASH)]
            groups.append(number)
            thumbnails.append(thumbnail(image))
            whole.append(b"".join([pdq(pixels)[0], *others]))
            regional.append(regions.region_codes(luma_of(pixels)).kept)
    return Pictures(np.array(groups), np.stack(thumbnails), signs(_stacked(whole)), regional)


def _varied(image: Image.Image, rng: np.random.Generator, crops: int) -> list[Image.Image]:
    varied = [image]
    for share in rng.uniform(*_CROP_SIDES, crops):
        width, height = (int(side * share) for side in image.size)
        left, top = (int(rng.integers(0, image.size[0] - width + 1)),
                     int(rng.integers(0, image.size[1] - height + 1)))  # fmt: skip
        varied.append(image.crop((left, top, left + width, top + height)))
    flip = Image.Transpose.FLIP_LEFT_RIGHT
    return [*varied, *(each.transpose(flip) for each in varied)]


def _stacked(codes: Sequence[bytes]) -> Codes:
    return np.frombuffer(b"".join(codes), np.uint8).reshape(len(codes), -1 if codes else 32)


def patches_of(image: Image.Image) -> LearntPatches:
    """Return the patches that the kept region codes of an image were made from."""
    luma = luma_of(np.asarray(image))
    # The service drops the patches once their codes are made, so make them again.
    found, blobs = regions.found_in(luma)
    places = patches.patches_of(blobs, found)
    codes = regions.codes_of(patches.waves_of(found, places)[0])
    number_of = {code.tobytes(): number for number, code in enumerate(codes)}
    kept = regions.region_codes(luma).kept
    pixels = np.empty((len(kept), PIXELS), dtype=np.float32)
    for row, code in zip(pixels, kept, strict=True):
        number = number_of[code.tobytes()]
        patches.take(found[places.levels[number]], places.places[number], row)
    return LearntPatches(kept, pixels.astype(np.float64))
