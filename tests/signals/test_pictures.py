"""Every distinct frame of an animation and every section of a long image is signed."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hashsvc.matching import compare
from hashsvc.signals import Limits, Sandbox, Signature, View, sign_frames, sign_image
from hashsvc.signals import decode as decoding
from hashsvc.signals.decode import numbered_frames
from hashsvc.signals.pdq import pdq
from hashsvc.signals.pictures import LONG, NEAR_EQUAL, SECTION, sections
from tests.conftest import generated_photo, jpeg
from tests.helpers.photos import load_photos
from tests.signals.forged import saved

PHOTO = generated_photo(7, (300, 200))
OTHERS = [generated_photo(seed, (300, 200)) for seed in range(20, 39)]
# Generated photos have hardly any regions, so a photograph is needed.
(IN_CAPTURE,) = (each.image for each in load_photos(None) if each.name.startswith("coffee"))
SLIDES = [*OTHERS[:8], PHOTO, *OTHERS[8:]]


def slideshow(form: str, frames: list[Image.Image]) -> bytes:
    # Pillow leaves options of a format on an image that it saves, so each file is made of copies.
    frames = [each.copy() for each in frames]
    return saved(frames[0], form, save_all=True, append_images=frames[1:])


def tiers(original: Image.Image, found: list[Signature]) -> list[str]:
    mine = sign_image(saved(original, "PNG"))
    return [str(compare(mine, each).tier) for each in found]


def whole_codes(found: list[Signature]) -> list[int]:
    return [int.from_bytes(each.views()["pdq1"][View.WHOLE].tobytes()) for each in found]


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "AVIF", "TIFF", "HEIF"])
def test_each_slide_of_a_slideshow_is_signed(form: str) -> None:
    found = sign_frames(slideshow(form, SLIDES))
    assert (len(found), found.skipped) == (20, 0)
    assert tiers(PHOTO, found)[8] == "certain"


def test_frames_that_were_seen_before_are_signed_once() -> None:
    found = sign_frames(slideshow("GIF", SLIDES[:5] * 3))
    assert (len(found), found.skipped) == (5, 0)


@pytest.mark.parametrize(("most", "expected"), [(1, [0]), (2, [0, 1]), (4, [0, 1, 2, 19])])
def test_too_many_frames_are_evenly_spaced_and_the_rest_is_counted(
    most: int, expected: list[int]
) -> None:
    """Half of them are those that are shown longest; all are shown equally long here."""
    data = slideshow("PNG", SLIDES)
    found = sign_frames(data, limits=Limits(max_frames=most))
    assert found == [sign_image(saved(SLIDES[each], "PNG")) for each in expected]
    assert found.skipped == 20 - most


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP"])
@pytest.mark.parametrize("times", [1, 5])
def test_a_frame_that_is_shown_long_is_never_left_out(form: str, times: int) -> None:
    """It may be shown once for long, or often."""
    frames = [each.copy() for each in (*SLIDES[:8], *[PHOTO, *SLIDES[9:13]] * times)]
    durations = [20] * 8 + [2000 // times, *[20] * 4] * times
    data = saved(
        frames[0], form, save_all=True, append_images=frames[1:], duration=durations, loop=0
    )
    found = sign_frames(data, limits=Limits(max_frames=2))
    assert "certain" in tiers(PHOTO, found)


@pytest.mark.parametrize("steps", [30, 90])
def test_every_frame_is_nearly_equal_to_a_signed_one(steps: int) -> None:
    frames = [Image.blend(OTHERS[0], OTHERS[1], each / steps) for each in range(steps)]
    codes = whole_codes(sign_frames(slideshow("PNG", frames)))
    assert 5 < len(codes) < 30
    for number, code in enumerate(codes):
        assert all((code ^ each).bit_count() > NEAR_EQUAL for each in codes[:number])
    for frame in frames:
        code = int.from_bytes(pdq(np.asarray(frame))[0])
        assert min((code ^ each).bit_count() for each in codes) <= NEAR_EQUAL


def test_frames_over_the_limit_of_pixels_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MAX_ANIMATED_PIXELS", 300 * 200 * 5)
    data = slideshow("GIF", SLIDES)
    assert [frame.number for frame in numbered_frames(data, Limits())] == [0, 1, 2, 3, 4]
    found = sign_frames(data)
    assert (len(found), found.skipped) == (5, 15)


@given(width=st.integers(32, 300), length=st.integers(32, 6000), upright=st.booleans())
@settings(max_examples=100)
def test_each_square_of_a_long_image_is_within_one_section(
    width: int, length: int, upright: bool
) -> None:
    # Each row has a shade of its own, so a shade tells where a section begins.
    rows = np.repeat(np.arange(length, dtype=np.int32)[:, None], width, axis=1)
    long = Image.fromarray(rows if upright else rows.T, "I")
    found = [np.asarray(each) if upright else np.asarray(each).T for each in sections(long)]
    short, longer = sorted((width, length))
    if longer <= LONG * short:
        assert not found
        return
    if width > length:
        return
    starts = [int(each[0, 0]) for each in found]
    assert starts[0] == 0
    assert starts[-1] + SECTION * width == length
    for start, each in zip(starts, found, strict=True):
        assert np.array_equal(each, rows[start : start + SECTION * width])
    assert all(0 < b - a <= width for a, b in itertools.pairwise(starts))


def capture(at: int, *, turned: bool) -> bytes:
    """Return a scroll capture of 600 × 6000 pixels that shows `IN_CAPTURE` and many others."""
    long = Image.new("RGB", (600, 6000), (250, 250, 250))
    for number, other in enumerate(OTHERS[:14]):
        long.paste(other.resize((600, 400)), (0, 430 * number))
    long.paste(IN_CAPTURE.resize((600, 400)), (0, at))
    return jpeg(long.transpose(Image.Transpose.ROTATE_90) if turned else long)


@pytest.mark.parametrize("at", [0, 1234, 3333, 5600])
@pytest.mark.parametrize("turned", [False, True])
def test_a_photo_in_a_long_capture_is_found(at: int, turned: bool) -> None:
    whole, *others = tiers(IN_CAPTURE, sign_frames(capture(at, turned=turned)))
    assert whole != "certain"
    assert "certain" in others


@pytest.mark.parametrize("length", [int(LONG * 200), int(LONG * 200) + 1])
def test_only_long_images_have_sections(length: int) -> None:
    found = sign_frames(saved(generated_photo(1, (200, length)), "PNG"))
    assert len(found) == (1 if length <= LONG * 200 else 3)


def test_sections_over_the_limit_are_counted() -> None:
    data = capture(0, turned=False)
    every = sign_frames(data)
    some = sign_frames(data, limits=Limits(max_frames=4))
    assert some == every[:4]
    assert some.skipped == len(every) - 4


def test_the_sandbox_signs_the_same_pictures() -> None:
    with Sandbox(Limits(max_frames=12)) as sandbox:
        for data in (slideshow("GIF", SLIDES), capture(0, turned=False)):
            there, here = sandbox.sign_frames(data), sign_frames(data, limits=Limits(max_frames=12))
            assert there == here
            assert there.skipped == here.skipped
