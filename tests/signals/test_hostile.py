"""Hostile bytes end in one typed error that gives the limit, and take little memory."""

import contextlib
import re
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image, JpegImagePlugin

from hashsvc.signals import (
    BrokenImageError,
    ImageError,
    ImageTooLargeError,
    Limits,
    NotAnImageError,
    UnsupportedImageError,
    sign_image,
)
from hashsvc.signals.decode import decode
from hashsvc.signals.headers import MOST_FRAMES, jpeg_scans, read_header
from tests.conftest import generated_photo, jpeg
from tests.signals.damage import NO_IMAGES, damaged
from tests.signals.forged import (
    bombs,
    chunk,
    gif,
    grey_tags,
    saved,
    tiff,
    webp,
    with_chunks,
    with_segments,
)
from tests.signals.interpreters import run
from tests.signals.kinds import UNSUPPORTED

LIMITS = Limits()


@pytest.mark.parametrize("name", NO_IMAGES)
def test_bytes_that_are_no_image_are_refused(name: str) -> None:
    with pytest.raises(NotAnImageError, match="JPEG, PNG"):
        sign_image(NO_IMAGES[name])


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_an_image_of_another_kind_is_refused_as_not_supported(name: str) -> None:
    """The error says neither that the image is damaged nor that the bytes are no image."""
    with pytest.raises(UnsupportedImageError, match=r"is not supported: .* Supported .*JPEG, PNG"):
        sign_image(UNSUPPORTED[name])


@pytest.mark.parametrize("form", ["JPEG", "TIFF", "HEIF", "AVIF"])
def test_a_damaged_image_of_a_supported_kind_is_not_called_unsupported(form: str) -> None:
    data = saved(generated_photo(1, (64, 48)), form)
    with pytest.raises(BrokenImageError):
        sign_image(data[: len(data) // 3])


@pytest.mark.parametrize(
    "beginning",
    [b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"II*\0", b"RIFF\0\0\0\0WEBPVP8 "],
)
def test_a_page_that_begins_like_an_image_is_broken(beginning: bytes) -> None:
    # A decoder may read the page's text as a size, and that size may be over the limit.
    with pytest.raises((BrokenImageError, ImageTooLargeError)):
        sign_image(beginning + NO_IMAGES["html"])


@pytest.mark.parametrize("name", bombs())
def test_a_bomb_is_refused_by_its_header(name: str) -> None:
    with pytest.raises(
        ImageTooLargeError, match=r"has \d{9,} pixels; the limit is (150|1200)000000\."
    ):
        list(decode(bombs()[name], LIMITS))


MEASURE = """
import resource
from hashsvc.signals import ImageError, Limits
from hashsvc.signals.decode import decode
from tests.signals.forged import bombs

def kilobytes():
    status = open("/proc/self/status").read()
    reserved = int(status.split("VmPeak:")[1].split()[0])
    return reserved, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

files = bombs()
before = kilobytes()
for data in files.values():
    try:
        list(decode(data, Limits()))
    except ImageError:
        pass
after = kilobytes()
print(after[0] - before[0], after[1] - before[1])
"""


def test_bombs_reserve_no_memory() -> None:
    reserved, used = (int(each) for each in run(MEASURE).split())
    assert reserved < 50_000
    assert used < 50_000


def scans(data: bytes, times: int) -> bytes:
    """Return a JPEG whose last scan is repeated."""
    start, end = data.rindex(b"\xff\xda"), data.rindex(b"\xff\xd9")
    return data[:end] + data[start:end] * times + data[end:]


def test_a_jpeg_of_very_many_scans_is_refused() -> None:
    data = saved(generated_photo(1), "JPEG", progressive=True)
    ordinary = jpeg_scans(data)
    assert 5 < ordinary < 20
    assert jpeg_scans(scans(data, 1000)) == ordinary + 1000
    with pytest.raises(ImageTooLargeError, match="1010 scans; the limit is 100"):
        sign_image(scans(data, 1010 - ordinary))
    with contextlib.suppress(BrokenImageError):
        sign_image(scans(data, 100 - ordinary))


def test_scan_markers_inside_other_data_are_not_counted() -> None:
    marks = b"\xff\xda" * 200
    photo = jpeg(generated_photo(1))
    (plain,) = decode(photo, LIMITS)
    for data in (
        photo + marks,
        with_segments(photo, (0xE1, b"Exif\0\0" + marks), (0xE7, marks), (0xFE, marks)),
        with_segments(photo, (0xDB, b"\1" + (b"\xff\xda" * 32))),
    ):
        assert jpeg_scans(data) == 1
        (found,) = decode(data, LIMITS)
        assert np.array_equal(np.asarray(found), np.asarray(plain))


def test_a_jpeg_with_much_metadata_or_filling_is_read() -> None:
    photo = jpeg(generated_photo(1))
    full = with_segments(photo, *[(0xE2, b"ICC_PROFILE\0\1\1" + bytes(60_000))] * 100)
    assert sign_image(full) == sign_image(photo)
    filled = photo[:2] + b"\xff" * 5000 + photo[2:]
    assert sign_image(filled) == sign_image(photo)


def packed(size: int) -> bytes:
    return zlib.compress(bytes(size), 9)


@pytest.mark.parametrize(
    "chunks",
    [
        [chunk(b"zTXt", b"Comment\0\0" + packed(50_000_000))],
        [chunk(b"iTXt", b"Comment\0\1\0\0\0" + packed(50_000_000))],
        [chunk(b"iCCP", b"icc\0\0" + packed(50_000_000))],
        [chunk(b"tEXt", b"Comment\0" + b"a" * 3_000_000)],
        [chunk(b"tEXt", b"Comment\0hello")] * 20_000,
        [chunk(b"prVt", bytes(1000))] * 1000,
        [chunk(b"gAMA", b""), chunk(b"pHYs", b""), chunk(b"cHRM", b"\xff" * 32)],
        [b"\0\0\0\4tEXtabcd\0\0\0\0"],
        [chunk(b"eXIf", b"MM\0*\0\0\0\x08\xff\xff" + bytes(100_000))],
    ],
    ids=lambda chunks: f"{len(chunks)}-{chunks[0][4:8].decode()}",
)
def test_metadata_of_a_png_is_ignored(chunks: list[bytes]) -> None:
    photo = generated_photo(1, (64, 48))
    (found,) = decode(with_chunks(saved(photo, "PNG"), *chunks), LIMITS)
    assert np.array_equal(np.asarray(found), np.asarray(photo))


def test_only_the_first_thousand_frames_of_a_gif_are_decoded() -> None:
    shades = [Image.new("L", (4, 4), shade) for shade in range(250)]
    data = saved(shades[0], "GIF", save_all=True, append_images=shades[1:], duration=10)
    frames = data[data.index(b"!\xf9") : -1]
    many = data[: data.index(b"!\xf9")] + frames * 8 + b";"
    header = read_header(many)
    assert header is not None
    assert header.frames == MOST_FRAMES
    assert len(header.data) < len(many) * 0.6
    seen = [int(np.asarray(frame).mean()) for frame in decode(many, LIMITS)]
    assert seen == list(range(250)) * 4


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP"])
def test_an_animation_may_claim_more_frames_than_it_has(form: str) -> None:
    shades = [Image.new("RGB", (40, 30), (shade, 0, 0)) for shade in (10, 200)]
    data = saved(shades[0], form, save_all=True, append_images=shades[1:])
    if form == "PNG":
        start = data.index(b"acTL") + 4
        claim = struct.pack(">II", 2**31, 0)
        checked = zlib.crc32(b"acTL" + claim).to_bytes(4)
        data = data[:start] + claim + checked + data[start + 12 :]
    if form == "WEBP":
        data = data + b"ANMF\x10\0\0\0" + bytes(16)
    assert len(list(decode(data, LIMITS))) == 2


@pytest.mark.parametrize(
    "data",
    [
        tiff(grey_tags(2, 2), grey_tags(2, 2), ring=True),
        tiff([*grey_tags(2, 2), (0x8773, 7, 2**32 - 1, 8)]),
        tiff([*grey_tags(2, 2), *((40_000 + tag, 7, 100, 8) for tag in range(5000))]),
        tiff([*grey_tags(2, 2), (0x010E, 2, 2**31, 2**32 - 1), (0x0145, 16, 2**29, 8)]),
        tiff([*grey_tags(2, 2), *[(0x0111, 4, 2**30, 0)] * 50]),
    ],
    ids=["ring", "long-tag", "many-tags", "tags-far-away", "many-strips"],
)
def test_absurd_tags_of_a_tiff_are_harmless(data: bytes) -> None:
    with contextlib.suppress(BrokenImageError):
        assert 1 <= len(list(decode(data, LIMITS))) <= 2


@pytest.mark.parametrize(
    "tag",
    [(256, 4, 1, 0), (257, 4, 1, 2**32 - 1), (258, 3, 1, 77), (259, 3, 1, 9), (277, 3, 1, 65_535)],
)
def test_a_tiff_of_an_impossible_kind_is_refused(tag: tuple[int, int, int, int]) -> None:
    page = [tag if tag[0] == each[0] else each for each in grey_tags(2, 2)]
    with pytest.raises((BrokenImageError, ImageTooLargeError, UnsupportedImageError)):
        list(decode(tiff(page), LIMITS))


def test_a_webp_of_many_empty_parts_is_refused() -> None:
    parts = b"ANMF\0\0\0\0" * 100_000
    with pytest.raises(BrokenImageError):
        list(decode(webp(b"VP8X", b"\2" + bytes(9)) + parts, LIMITS))


@pytest.mark.parametrize("size", [(0, 0), (0, 10), (10, 0)])
def test_an_image_without_pixels_is_broken(size: tuple[int, int]) -> None:
    with pytest.raises(BrokenImageError):
        list(decode(gif((0, 0), [size]), LIMITS))


@pytest.mark.parametrize(
    "raised",
    [
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        struct.error,
        TypeError,
        IndexError,
        KeyError,
        OverflowError,
        ZeroDivisionError,
        AttributeError,
        RecursionError,
        AssertionError,
        Image.DecompressionBombError,
    ],
)
@pytest.mark.parametrize("where", ["_open", "load"])
def test_any_error_of_a_library_is_reported_as_damage(
    raised: type[Exception], where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise raised("words of a library")

    monkeypatch.setattr(JpegImagePlugin.JpegImageFile, where, failing)
    with pytest.raises(BrokenImageError) as caught:
        sign_image(jpeg(generated_photo(1, (64, 48))))
    assert "library" not in str(caught.value)


def test_without_memory_an_image_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(JpegImagePlugin.JpegImageFile, "load", failing)
    with pytest.raises(ImageTooLargeError, match="memory"):
        sign_image(jpeg(generated_photo(1, (64, 48))))


def assert_pixels_or_typed_error(data: bytes) -> None:
    limits = Limits(max_pixels=100_000, max_frames=3)
    with contextlib.suppress(ImageError):
        for frame in decode(data, limits):
            assert frame.mode in ("L", "RGB")
            assert 0 < frame.width * frame.height <= limits.max_pixels


@settings(max_examples=600, deadline=None)
@given(damaged())
def test_damaged_bytes_end_in_pixels_or_a_typed_error(data: bytes) -> None:
    assert_pixels_or_typed_error(data)


@pytest.mark.soak
@settings(max_examples=100_000, deadline=None)
@given(damaged())
def test_very_many_damaged_bytes_end_in_pixels_or_a_typed_error(data: bytes) -> None:
    assert_pixels_or_typed_error(data)


def test_error_messages_contain_nothing_of_the_image() -> None:
    messages = set()
    others = (*NO_IMAGES.values(), *UNSUPPORTED.values())
    for data in (*bombs().values(), *others, b"\xff\xd8\xffsecret"):
        with contextlib.suppress(ImageError):
            list(decode(data, LIMITS))
            continue
        with pytest.raises(ImageError) as error:
            list(decode(data, LIMITS))
        kind = re.sub(r"supported: [A-Za-z0-9 -]+\.", "supported: #.", str(error.value))
        messages.add(re.sub(r"\d+", "#", kind))
    assert len(messages) == 4
