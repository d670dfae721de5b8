"""A damaged image is signed as it is shown: the rows that can be decoded, on white."""

import struct

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hashsvc.matching import Tier, compare
from hashsvc.signals import BrokenImageError, Limits, View, sign_frames, sign_image
from hashsvc.signals.decode import decode
from tests.conftest import generated_photo
from tests.signals.forged import interlaced_png, saved
from tests.signals.odd_files import detailed_photo, gif_of, random_apng, shortened_webp

LIMITS = Limits()
PHOTO = detailed_photo(1, (640, 480))
ORIGINAL = sign_image(saved(PHOTO, "PNG"))


def only(data: bytes) -> NDArray[np.uint8]:
    """Return the RGB pixels of an image with one frame."""
    (image,) = decode(data, LIMITS, scaled=False)
    return np.asarray(image.convert("RGB"))


def cut_off(data: bytes, share: float) -> bytes:
    return data[: int(share * len(data))]


BY_ROWS = {
    "jpeg": saved(PHOTO, "JPEG"),
    "jpeg-grey": saved(PHOTO.convert("L"), "JPEG"),
    "jpeg-cmyk": saved(PHOTO.convert("CMYK"), "JPEG"),
    "jpeg-restarts": saved(PHOTO, "JPEG", restart_marker_rows=1),
    "png": saved(PHOTO, "PNG"),
    "png-grey": saved(PHOTO.convert("L"), "PNG"),
    "png-deep": saved(
        Image.fromarray(np.asarray(PHOTO.convert("L")).astype(np.uint16) * 257), "PNG"
    ),
    "png-alpha": saved(PHOTO.convert("RGBA"), "PNG"),
    "png-palette": saved(PHOTO.quantize(7), "PNG"),
    "png-bits": saved(PHOTO.convert("1"), "PNG"),
    "gif": saved(PHOTO, "GIF", interlace=False),
    "webp": saved(PHOTO, "WEBP", quality=95),
    "webp-lossless": saved(PHOTO, "WEBP", lossless=True),
    "webp-alpha": saved(PHOTO.convert("RGBA"), "WEBP", quality=95),
}


@pytest.mark.parametrize("share", [0.9, 0.6, 0.45])
@pytest.mark.parametrize("name", BY_ROWS)
def test_the_rows_that_are_there_are_kept_and_the_rest_is_white(name: str, share: float) -> None:
    data = BY_ROWS[name]
    whole, cut = only(data), only(cut_off(data, share))
    is_white = (cut == 255).all(axis=(1, 2))
    there = int(is_white.argmax())
    assert is_white[there:].all()
    assert 0.4 * share < there / len(whole) < min(1, 1.6 * share)
    # A decoder smooths a row with the next one.
    assert abs(whole[: there - 20].astype(int) - cut[: there - 20]).max() <= 1


def test_a_bitmap_lacks_its_upper_rows() -> None:
    data = saved(PHOTO, "BMP")
    cut = only(cut_off(data, 0.75))
    assert (cut[:118] == 255).all()
    assert np.array_equal(cut[122:], np.asarray(PHOTO)[122:])


COPIES = {
    **{name: data for name, data in BY_ROWS.items() if name not in ("png-palette", "png-bits")},
    "bmp": saved(PHOTO, "BMP"),
    "jpeg-progressive": saved(PHOTO, "JPEG", progressive=True),
    "png-interlaced": interlaced_png(PHOTO),
}


@pytest.mark.parametrize("share", [0.95, 0.9, 0.8, 0.6, 0.5])
@pytest.mark.parametrize("name", COPIES)
def test_a_cut_off_copy_is_certain_to_match(name: str, share: float) -> None:
    assert compare(ORIGINAL, sign_image(cut_off(COPIES[name], share))).tier is Tier.CERTAIN


def test_the_rows_that_are_there_have_a_signal_of_their_own() -> None:
    """The missing rows are a white border, so the trimmed view holds the rows that are there."""
    rows = sign_image(saved(PHOTO.crop((0, 240, 640, 480)), "PNG")).views()["pdq1"]
    cut = sign_image(saved(PHOTO, "BMP")[: 54 + 240 * 640 * 3]).views()["pdq1"]
    assert np.unpackbits(cut[View.TRIMMED] ^ rows[View.WHOLE]).sum() <= 20


MARKERS = [b"\xff\xc1\0\x08", b"\xff\xc4\0\x04\x11\x22", b"\xff\xd8", b"\xff\xe5\xff\xff"]


@pytest.mark.parametrize("share", [0.5, 0.8, 0.97])
@pytest.mark.parametrize("marker", MARKERS)
@pytest.mark.parametrize("progressive", [False, True])
def test_a_wrong_marker_loses_only_what_comes_after_it(
    progressive: bool, marker: bytes, share: float
) -> None:
    data = saved(PHOTO, "JPEG", progressive=progressive)
    at = int(share * len(data))
    wrong = sign_image(data[:at] + marker + data[at + len(marker) :])
    assert compare(ORIGINAL, wrong).tier is Tier.CERTAIN
    if progressive:
        assert wrong.signals[0].signal.distance(ORIGINAL.signals[0].signal) <= 20


def test_a_progressive_image_is_signed_from_its_first_scan() -> None:
    data = saved(generated_photo(1, (1280, 960)), "JPEG", progressive=True)
    second = data.index(b"\xff\xda", data.index(b"\xff\xda") + 2)
    coarse, fine = sign_image(data[: second + 40]), sign_image(data)
    assert coarse.signals[0].signal.distance(fine.signals[0].signal) <= 16
    with pytest.raises(BrokenImageError, match=r"Only \d+ of the image's \d+ rows"):
        sign_image(data[: data.index(b"\xff\xda") + 14])


@pytest.mark.parametrize("share", [0.5, 0.2, 0.1])
def test_the_first_passes_of_an_interlaced_png_fill_the_picture(share: float) -> None:
    signed = sign_image(cut_off(interlaced_png(PHOTO), share)).signals[0].signal
    assert signed.distance(ORIGINAL.signals[0].signal) <= 24


@pytest.mark.parametrize("share", [0.5, 0.3])
def test_the_first_passes_of_an_interlaced_gif_fill_the_picture(share: float) -> None:
    data = gif_of(PHOTO.size, [(PHOTO.quantize(200), (0, 0), 0, None)], interlaced=True)
    signed = sign_image(cut_off(data, share)).signals[0].signal
    assert signed.distance(ORIGINAL.signals[0].signal) <= 31


@pytest.mark.parametrize("height", [10, 17, 40, 480])
@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF"])
def test_an_image_that_lacks_only_its_end_is_whole(form: str, height: int) -> None:
    data = saved(PHOTO.resize((640, height)), form)
    assert np.array_equal(only(data[:-2]), only(data))


def test_a_cut_off_image_is_turned_upright_too() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved(generated_photo(1, (320, 240)), "PNG", exif=exif)
    cut = only(cut_off(data, 0.6))
    assert cut.shape == (320, 240, 3)
    assert (cut[:, 0] == 255).all()
    assert not (cut[:, -1] == 255).all()


@pytest.mark.parametrize("top_down", [False, True])
def test_the_fewest_rows_are_exact(top_down: bool) -> None:
    data = saved(generated_photo(1, (40, 200)), "BMP")
    if top_down:
        data = data[:22] + struct.pack("<i", -200) + data[26:]
    least = 54 + 16 * 40 * 3
    assert len(set(only(data[:least]).tobytes())) > 1
    with pytest.raises(BrokenImageError, match=r"Only 15 of the image's 200 rows .* least 16"):
        only(data[: least - 1])


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP"])
def test_of_too_few_rows_nothing_is_signed(form: str) -> None:
    data = saved(PHOTO, form)
    with pytest.raises(BrokenImageError):
        sign_image(cut_off(data, 0.01) if form != "JPEG" else data[:680])


@pytest.mark.parametrize("form", ["AVIF", "HEIF", "TIFF"])
def test_some_formats_decode_completely_or_not_at_all(form: str) -> None:
    data = saved(PHOTO, form)
    only(data)
    with pytest.raises(BrokenImageError, match="damaged"):
        sign_image(cut_off(data, 0.97))


@pytest.mark.parametrize("form", ["GIF", "PNG", "TIFF", "WEBP"])
def test_an_animation_ends_before_its_first_damaged_frame(form: str) -> None:
    frames = [generated_photo(seed, (200, 150)) for seed in range(4)]
    data = saved(frames[0], form, save_all=True, append_images=frames[1:])
    whole = [np.asarray(frame.convert("RGB")) for frame in decode(data, LIMITS)]
    assert len(whole) == 4
    seen = [np.asarray(frame.convert("RGB")) for frame in decode(cut_off(data, 0.625), LIMITS)]
    assert 1 <= len(seen) < 4
    assert np.array_equal(seen[0], whole[0])


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP"])
def test_of_an_animation_a_part_of_the_first_frame_is_enough(form: str) -> None:
    frames = [detailed_photo(seed, (400, 300)) for seed in range(3)]
    data = saved(frames[0], form, save_all=True, append_images=frames[1:])
    (signed,) = sign_frames(cut_off(data, 0.2))
    assert compare(sign_image(saved(frames[0], "PNG")), signed).tier is Tier.CERTAIN


def test_a_cut_off_gif_may_have_a_transparent_colour() -> None:
    data = gif_of(PHOTO.size, [(PHOTO.quantize(200), (0, 0), 0, 3)])
    assert compare(ORIGINAL, sign_image(cut_off(data, 0.8))).tier is Tier.CERTAIN


@pytest.mark.parametrize("form", ["GIF", "PNG"])
def test_a_huge_later_frame_does_not_hide_the_first(form: str) -> None:
    frames = [generated_photo(seed, (60, 40)) for seed in (1, 2)]
    data = saved(frames[0], form, save_all=True, append_images=frames[1:])
    if form == "GIF":
        at = data.rindex(b"\0,") + 6
        data = data[:at] + struct.pack("<HH", 60_000, 60_000) + data[at + 4 :]
    else:
        at = data.rindex(b"fcTL") + 8
        data = data[:at] + struct.pack(">II", 60_000, 60_000) + data[at + 8 :]
    first, *others = decode(data, LIMITS)
    assert first.size == (60, 40)
    assert not others


def test_a_later_frame_does_not_enlarge_the_canvas_of_a_gif() -> None:
    sizes = [(60, 40), (200, 90)]
    frames = [(generated_photo(1, size).quantize(50), (0, 0), 0, None) for size in sizes]
    assert [each.size for each in decode(gif_of((60, 40), frames), LIMITS)] == [(60, 40)] * 2


@pytest.mark.parametrize("has_still", [False, True])
def test_a_first_frame_cannot_be_larger_than_an_animated_png(has_still: bool) -> None:
    data, _ = random_apng(generated_photo(1, (60, 40)), 1)
    at = data.index(b"fcTL") + 8
    data = data[:at] + struct.pack(">II", 60_000, 60_000) + data[at + 8 :]
    if has_still:
        assert next(decode(data, LIMITS)).size == (60, 40)
    else:
        with pytest.raises(BrokenImageError):
            list(decode(data.replace(b"IDAT", b"fdAT"), LIMITS))


def test_the_still_image_before_an_animated_png_counts_as_a_frame() -> None:
    data, count = random_apng(generated_photo(1, (150, 100)), 3)
    control = data.index(b"fcTL") - 4
    still = data[:control] + data[control + 38 :]
    assert len(list(decode(data, LIMITS))) == count
    assert len(list(decode(still, LIMITS))) == count


@pytest.mark.parametrize("lossless", [False, True])
def test_a_webp_with_wrong_bytes_is_signed_up_to_them(lossless: bool) -> None:
    data = saved(PHOTO, "WEBP", lossless=lossless)
    at = len(data) // 2
    wrong = data[:at] + bytes(500) + data[at + 500 :]
    assert compare(ORIGINAL, sign_image(wrong)).tier is Tier.CERTAIN
    assert compare(ORIGINAL, sign_image(shortened_webp(data, 0.6))).tier is Tier.CERTAIN
