"""The tier follows from distances, at the threshold and one bit beyond it."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from hashsvc.matching import Tier, compare
from hashsvc.signals import (
    CERTAIN_REGIONS,
    DHASH,
    LIKELY_REGIONS,
    NEAR_REGION,
    NEAR_REGIONS,
    PDQ,
    PHASH,
    POSSIBLE_REGIONS,
    REGION,
    Signal,
    Signature,
    View,
    ViewedSignal,
    sign_image,
)
from tests.conftest import generated_photo, jpeg


def signature(quality: int = 100, **distances: int) -> Signature:
    """Return a signature whose codes differ from all zeros in so many bits."""
    widths = {"pdq1": 32, "phash1": 8, "dhash1": 8}
    return Signature(
        quality,
        tuple(
            ViewedSignal(Signal(name, ((1 << away) - 1).to_bytes(widths[name])), View.WHOLE)
            for name, away in distances.items()
        ),
    )


ZERO = signature(pdq1=0, phash1=0, dhash1=0)


@pytest.mark.parametrize(
    ("pdq", "phash", "dhash", "tier"),
    [
        (PDQ.threshold, 30, 30, Tier.CERTAIN),
        (PDQ.threshold + 1, 30, 30, None),
        (100, PHASH.threshold, DHASH.threshold, Tier.POSSIBLE),
        (100, PHASH.threshold, DHASH.threshold + 1, Tier.POSSIBLE),
        (100, PHASH.threshold + 1, DHASH.threshold, None),
        (100, PHASH.threshold + 1, DHASH.threshold + 1, None),
    ],
)
def test_tier_by_distance(pdq: int, phash: int, dhash: int, tier: Tier | None) -> None:
    evidence = compare(ZERO, signature(pdq1=pdq, phash1=phash, dhash1=dhash))
    assert evidence.tier is tier
    assert {each.algorithm: each.distance for each in evidence.findings} == {
        "pdq1": pdq,
        "phash1": phash,
        "dhash1": dhash,
    }


@pytest.mark.parametrize(("quality", "tier"), [(50, Tier.CERTAIN), (49, None)])
def test_a_plain_image_matches_nothing(quality: int, tier: Tier | None) -> None:
    plain = signature(quality, pdq1=0, phash1=0, dhash1=0)
    assert compare(ZERO, plain).tier is tier
    assert compare(plain, ZERO).tier is tier


def regional(distances: list[int]) -> Signature:
    """Return a signature whose regions differ in so many bits from those all at distance 0."""
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 256, (len(distances), 32), dtype=np.uint8)
    flipped = [np.unpackbits(code) for code in codes]
    for bits, away in zip(flipped, distances, strict=True):
        bits[:away] ^= 1
    signals = [Signal(REGION.name, np.packbits(bits).tobytes()) for bits in flipped]
    return Signature(100, tuple(ViewedSignal(each, View.WHOLE) for each in signals))


@pytest.mark.parametrize(
    ("regions", "near", "tier"),
    [
        (CERTAIN_REGIONS, NEAR_REGIONS, Tier.CERTAIN),
        (CERTAIN_REGIONS, NEAR_REGIONS - 1, Tier.POSSIBLE),
        (CERTAIN_REGIONS - 1, NEAR_REGIONS, Tier.LIKELY),
        (LIKELY_REGIONS, NEAR_REGIONS, Tier.LIKELY),
        (LIKELY_REGIONS, NEAR_REGIONS - 1, Tier.POSSIBLE),
        (LIKELY_REGIONS - 1, NEAR_REGIONS, Tier.POSSIBLE),
        (POSSIBLE_REGIONS, 0, Tier.POSSIBLE),
        (POSSIBLE_REGIONS - 1, NEAR_REGIONS, None),
    ],
)
def test_tier_by_regions(regions: int, near: int, tier: Tier | None) -> None:
    # All but some are as far as can be, and the rest beyond.
    near_ones, far_ones = [NEAR_REGION] * near, [NEAR_REGION + 1] * (regions - near)
    distances = [*near_ones, *far_ones, *[REGION.threshold + 1] * 5]
    assert compare(regional([0] * len(distances)), regional(distances)).tier is tier


def test_evidence_holds_no_signal() -> None:
    evidence = compare(ZERO, ZERO)
    assert "0" * 16 not in evidence.dump()
    assert "within" not in evidence.dump() or evidence.tier


PHOTO = generated_photo(11, (800, 600))
COPIES = {
    "recompressed": PHOTO,
    "resized": PHOTO.resize((400, 300)),
    "grey": PHOTO.convert("L").convert("RGB"),
    "mirrored": ImageOps.mirror(PHOTO),
    "upside down": PHOTO.rotate(180),
    "turned": PHOTO.transpose(Image.Transpose.ROTATE_90),
    "turned the other way": PHOTO.transpose(Image.Transpose.ROTATE_270),
    "mirrored and turned": ImageOps.mirror(PHOTO).transpose(Image.Transpose.ROTATE_90),
    "framed": ImageOps.expand(PHOTO, 90, "white"),
    "letterboxed": ImageOps.pad(PHOTO, (600, 1200)),
}


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_is_found(name: str) -> None:
    original = sign_image(jpeg(PHOTO)).whole()
    assert compare(original, sign_image(jpeg(COPIES[name], quality=60))).tier is Tier.CERTAIN


def test_different_photos_do_not_match() -> None:
    signatures = [sign_image(jpeg(generated_photo(seed))) for seed in range(12)]
    for number, first in enumerate(signatures):
        for second in signatures[number + 1 :]:
            assert compare(first.whole(), second).tier is None


def test_the_format_of_the_file_does_not_matter() -> None:
    file = io.BytesIO()
    PHOTO.save(file, "WEBP", quality=70)
    evidence = compare(sign_image(jpeg(PHOTO)), sign_image(file.getvalue()))
    assert evidence.tier is Tier.CERTAIN
    assert evidence.nearest is not None
    assert evidence.nearest.algorithm == PDQ.name
