"""Altered copies keep the region codes of an image, and other images do not share them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont, ImageOps

from hashsvc.signals import POSSIBLE_REGIONS, REGION
from hashsvc.signals.blobs import find_blobs
from hashsvc.signals.pdq import luma_of
from hashsvc.signals.regions import RegionCodes, region_codes
from hashsvc.signals.scales import halvings
from index import nearest
from tests.conftest import generated_photo
from tests.helpers.photos import load_photos


def codes(image: Image.Image) -> RegionCodes:
    return region_codes(luma_of(np.asarray(image)))


def shared(content: RegionCodes, candidate: RegionCodes, *, mirrored: bool = False) -> int:
    """Return how many kept codes of the content have a match in the candidate."""
    upright = np.concatenate([candidate.kept, candidate.more])
    others = candidate.mirrored if mirrored else upright
    if not len(content.kept) or not len(others):
        return 0
    return int((nearest(content.kept, others) <= REGION.threshold).sum())


# Generated pictures have too little detail, so these are photographs.
PHOTOS = [photo.image for photo in load_photos(None)]
PHOTO, OTHER = (PHOTOS[number].resize((900, 675)) for number in (4, 0))
CONTENT = codes(PHOTO)
MANY, SOME = 12, 6


def collage(image: Image.Image, other: Image.Image) -> Image.Image:
    sheet = Image.new("RGB", (900, 675), "white")
    for number, each in enumerate((other, image, ImageOps.flip(other), ImageOps.mirror(other))):
        sheet.paste(each.resize((450, 337)), (450 * (number % 2), 337 * (number // 2)))
    return sheet


def captioned(image: Image.Image) -> Image.Image:
    sheet = Image.new("RGB", (image.width, image.height + 200), "white")
    sheet.paste(image, (0, 200))
    ImageDraw.Draw(sheet).text((30, 40), "words above it", "black", ImageFont.load_default(80))
    return sheet


COPIES = {
    "as it is": PHOTO,
    "half the size": PHOTO.resize((450, 337)),
    "cropped to a third": PHOTO.crop((250, 150, 750, 560)),
    "captioned": captioned(PHOTO),
    "turned by 5°": PHOTO.rotate(5, Image.Resampling.BICUBIC, expand=True),
    "turned by 137°": PHOTO.rotate(137, Image.Resampling.BICUBIC, expand=True),
    "stretched": PHOTO.resize((1080, 675)),
    "darker": PHOTO.point(lambda value: value * 0.6),
    "collaged": collage(PHOTO, OTHER),
}


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_has_the_regions_of_its_original(name: str) -> None:
    candidate = codes(COPIES[name])
    assert shared(CONTENT, candidate) >= MANY
    assert shared(CONTENT, candidate, mirrored=True) < POSSIBLE_REGIONS


@pytest.mark.parametrize("name", ["as it is", "cropped to a third", "turned by 137°"])
def test_a_mirrored_copy_has_the_mirrored_codes(name: str) -> None:
    candidate = codes(ImageOps.mirror(COPIES[name]))
    assert shared(CONTENT, candidate, mirrored=True) >= SOME
    assert shared(CONTENT, candidate) < POSSIBLE_REGIONS


def test_other_images_share_hardly_any_region() -> None:
    others = [codes(photo) for photo in PHOTOS]
    for number, content in enumerate(others):
        for candidate in others[:number]:
            assert shared(content, candidate) < POSSIBLE_REGIONS


def screen(photo: Image.Image) -> Image.Image:
    """Return a photo inside an interface of icons and text."""
    sheet = Image.new("RGB", (720, 1280), "white")
    draw = ImageDraw.Draw(sheet)
    for row in range(12):
        top = 20 + row * 50 if row < 4 else 640 + row * 50
        draw.ellipse((20, top, 56, top + 36), fill=(40 + row * 15, 90, 200 - row * 10))
        draw.text((80, top), f"somebody wrote this line {row}", "black", ImageFont.load_default(30))
        draw.polygon([(660, top), (690, top + 36), (630, top + 36)], fill="grey")
    sheet.paste(photo.resize((720, 540)), (0, 250))
    return sheet


def test_a_common_interface_is_not_a_match() -> None:
    screens = [codes(screen(photo)) for photo in PHOTOS[:5]]
    for content in screens:
        for candidate in screens:
            if candidate is not content:
                assert shared(content, candidate) < POSSIBLE_REGIONS
    assert shared(codes(PHOTOS[0]), screens[0]) >= MANY


def test_text_alone_keeps_hardly_anything() -> None:
    sheet = Image.new("L", (800, 1000), "white")
    for row in range(25):
        words = f"line {row} of a letter that shows nothing"
        ImageDraw.Draw(sheet).text((30, row * 40), words, "black", ImageFont.load_default(28))
    assert len(codes(sheet).kept) < POSSIBLE_REGIONS


@pytest.mark.parametrize("shape", [(1, 1), (1, 4000), (4000, 1), (15, 15), (16, 16), (17, 900)])
def test_plain_and_tiny_images_have_none(shape: tuple[int, int]) -> None:
    found = region_codes(np.full(shape, 90, dtype=np.float32))
    assert len(found.kept) == len(found.more) == len(found.mirrored) == 0


@settings(max_examples=25, deadline=None)
@given(
    height=st.integers(1, 300),
    width=st.integers(1, 300),
    seed=st.integers(0, 2**32 - 1),
    grain=st.sampled_from([1, 4, 16]),
)
def test_any_image_gives_codes_within_the_budget(
    height: int, width: int, seed: int, grain: int
) -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // grain + 1, width // grain + 1), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    found, again = codes(image), codes(image)
    assert len(found.kept) <= 100
    assert found.kept.nbytes <= 4096
    for first, second in zip(
        (found.kept, found.more, found.mirrored),
        (again.kept, again.more, again.mirrored),
        strict=True,
    ):
        assert first.dtype == np.uint8
        assert first.shape[1:] == (32,)
        assert np.array_equal(first, second)


def test_no_two_kept_regions_match() -> None:
    for number in range(len(CONTENT.kept)):
        rest = np.delete(CONTENT.kept, number, axis=0)
        assert nearest(CONTENT.kept[number : number + 1], rest)[0] > REGION.threshold


@pytest.mark.parametrize("sigma", [4.0, 7.0, 12.0])
def test_a_blob_is_found_with_its_position_and_size(sigma: float) -> None:
    y, x = np.mgrid[0:256, 0:300].astype(np.float32)
    spot = 200 * np.exp(-((y - 120) ** 2 + (x - 171) ** 2) / (2 * sigma**2))
    # Light from one side gives the spot a direction.
    picture = (30 + spot * (1 + (x - 171) / 200)).astype(np.float32)
    pictures = halvings(picture, 1024)
    blobs = find_blobs(pictures, longest=512, contrast=1.0, max_count=5, directions=2)
    assert np.allclose(blobs.centres[0], (120, 171), atol=1.0)
    # A blob of sigma s responds most to a filter of sigma s (Lindeberg). From scale to scale, sigma
    # grows by a factor of ∛2.
    assert blobs.sigmas[0] == pytest.approx(sigma, rel=0.2)


def test_a_direction_turns_with_the_image() -> None:
    upright = np.asarray(generated_photo(23, (400, 400)).convert("L")).astype(np.float32)
    angles = []
    for quarter in range(4):
        turned = np.ascontiguousarray(np.rot90(upright, -quarter))
        blobs = find_blobs(
            halvings(turned, 1024), longest=512, contrast=1.0, max_count=1, directions=1
        )
        angles.append(blobs.angles[0, 0])
    steps = np.diff(np.unwrap(angles)) / (math.pi / 2)
    assert np.allclose(steps, 1, atol=0.05)
