"""The tier follows from distances, at the threshold and one bit beyond it."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from hashsvc.matching import Tier, compare
from hashsvc.signals import (
    DHASH,
    PDQ,
    PHASH,
    POSSIBLE_REGIONS,
    REGION,
    Signal,
    Signature,
    ViewedSignal,
    sign_image,
)
from tests.conftest import generated_photo, jpeg
from tests.matching.signatures import regional, signature

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


def standing_out(distances: list[int], bits: int) -> Signature:
    """Return `regional(distances)` with a second place per region, which is `bits` bits farther."""
    places, others = regional(distances), regional([each + bits for each in distances])
    rng = np.random.default_rng(2)
    moved = []
    for near, far, away in zip(places.signals, others.signals, distances, strict=True):
        # The second place differs in other bits, so that it is not the same place.
        code = np.unpackbits(np.frombuffer(near.signal.code, np.uint8))
        code[:away] ^= 1
        code[rng.choice(np.arange(70, 256), away + bits, replace=False)] ^= 1
        moved.append(ViewedSignal(Signal(REGION.name, np.packbits(code).tobytes()), far.view))
    return Signature(100, (*places.signals, *moved))


@pytest.mark.parametrize(
    ("distances", "bits", "contrast", "tier"),
    [
        ([60] * 10, 20, 100, Tier.CERTAIN),
        ([60] * 10, 90, 100, Tier.CERTAIN),
        ([60] * 10, 19, 90, Tier.LIKELY),
        ([60] * 6, 19, 54, Tier.LIKELY),
        ([60] * 6, 18, 48, Tier.POSSIBLE),
        # Five regions are only `possible`, however clear they are.
        ([60] * 5, 90, 50, Tier.POSSIBLE),
        ([60] * 20, 10, 0, Tier.POSSIBLE),
        ([60] * POSSIBLE_REGIONS, 11, 4, Tier.POSSIBLE),
        ([60] * (POSSIBLE_REGIONS - 1), 90, 0, None),
        ([68] * 6, 20, 60, Tier.LIKELY),
        ([69] * 20, 90, 0, None),
    ],
)
def test_tier_by_regions(distances: list[int], bits: int, contrast: int, tier: Tier | None) -> None:
    evidence = compare(regional([0] * len(distances)), standing_out(distances, bits))
    assert evidence.nearest is not None
    assert (evidence.nearest.contrast, evidence.tier) == (contrast, tier)


def test_a_place_seen_at_two_scales_counts_once() -> None:
    content = regional([0] * 6)
    once, again = regional([50] * 6), regional([55] * 6)
    twice = Signature(100, once.signals + again.signals)
    assert compare(content, twice).tier is compare(content, once).tier is Tier.LIKELY


def test_evidence_contains_no_signal() -> None:
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
