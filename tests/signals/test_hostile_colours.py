"""What a hostile file says about its colours changes only the colours, and takes little time."""

import functools
import struct
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashsvc.signals import Limits, Sandbox, sign_image
from hashsvc.signals.av1 import colour_codes
from hashsvc.signals.colour_tags import ColourTags, bmp_tags, jpeg_tags, png_tags, webp_tags
from hashsvc.signals.colours import conversion
from hashsvc.signals.container_colours import container_tags
from hashsvc.signals.decode import decode
from tests.helpers.icc_profiles import (
    SRGB_POINTS,
    gamma,
    packed_table,
    profile,
    rgb_profile,
)
from tests.signals.coloured_files import (
    CMYK_PROFILES,
    GREY_PROFILES,
    PHOTO,
    RGB_PROFILES,
    bmp_with_colours,
    icc_segment,
    tagged_png,
    with_nclx,
    without_nclx,
)
from tests.signals.damage import damaged
from tests.signals.forged import saved, with_segments

SMALL = PHOTO.resize((40, 30))
PROFILES = [*RGB_PROFILES.values(), *GREY_PROFILES.values(), *CMYK_PROFILES.values()]
FILES = [
    tagged_png(SMALL, cICP=b"\x09\x10\0\1", gAMA=b"\0\1\0\0", cHRM=bytes(range(32)), sRGB=b"\0"),
    saved(SMALL, "JPEG", icc_profile=RGB_PROFILES["display-p3"]),
    saved(SMALL, "WEBP", icc_profile=RGB_PROFILES["table"]),
    saved(SMALL, "AVIF", icc_profile=RGB_PROFILES["linear"], speed=10),
    saved(SMALL, "AVIF", save_all=True, append_images=[SMALL.rotate(90)], speed=10),
    without_nclx(saved(SMALL, "AVIF", speed=10)),
    with_nclx(saved(SMALL, "HEIF"), 9, 18),
    bmp_with_colours(kind=b"DEBM", profile=RGB_PROFILES["linear"])[:400],
    bmp_with_colours(exponent=1),
]
READERS = (png_tags, jpeg_tags, webp_tags, bmp_tags, container_tags)


@settings(max_examples=300)
@given(data=damaged(PROFILES))
def test_damaged_profiles_give_a_conversion_or_none(data: bytes) -> None:
    found = conversion(ColourTags(icc=data))
    for mode in ("L", "RGB", "CMYK"):
        if found is not None and found.suits(mode):
            assert found.shown(SMALL.convert(mode)).size == SMALL.size


@settings(max_examples=200)
@given(data=damaged(FILES))
def test_damaged_files_say_something_or_nothing(data: bytes) -> None:
    for reader in READERS:
        assert isinstance(reader(data), ColourTags)
    colour_codes(data)


@given(data=st.binary(max_size=200))
def test_any_bytes_are_read_as_a_stream_or_not(data: bytes) -> None:
    codes = colour_codes(data)
    assert codes is None or all(0 <= each <= 255 for each in codes)


@settings(max_examples=60)
@given(
    numbers=st.lists(st.integers(0, 2**32 - 1), min_size=9, max_size=9),
    codes=st.tuples(*[st.integers(0, 255)] * 4),
)
def test_any_numbers_in_a_png_are_shown(numbers: list[int], codes: tuple[int, ...]) -> None:
    gama, *chrm = numbers
    data = tagged_png(
        SMALL,
        cICP=bytes(codes),
        gAMA=struct.pack(">I", gama),
        cHRM=struct.pack(">8I", *chrm),
        cLLI=struct.pack(">2I", *chrm[:2]),
    )
    assert next(decode(data, Limits())).size == SMALL.size


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Yield a sandbox with the usual limits."""
    with Sandbox() as opened:
        yield opened


def cmyk_jpeg(icc: bytes) -> bytes:
    """Return a JPEG with a long profile, in as many segments as it takes."""
    plain, part = saved(PHOTO.convert("CMYK"), "JPEG"), 65_000
    count = -(-len(icc) // part)
    segments = (icc_segment(n + 1, count, icc[n * part :][:part]) for n in range(count))
    return with_segments(plain, *segments)


def many_tags(count: int) -> bytes:
    """Return a profile that repeats one tag very many times."""
    few = profile(b"RGB ", b"XYZ ", {b"rTRC": gamma(1)})
    size = 132 + 12 * count
    entry = struct.pack(">4sII", b"rTRC", 0, 4)
    return struct.pack(">I", size) + few[4:128] + struct.pack(">I", count) + entry * count


def long_curve(samples: int) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">I", samples) + bytes(range(256)) * (samples // 128)


@functools.cache
def huge(name: str) -> bytes:
    """Return a file with a profile of many megabytes."""
    if name == "cmyk-table":
        table = packed_table(4, 48, bytes(range(128)) * (48**4 * 3 // 128))
        return cmyk_jpeg(profile(b"CMYK", b"Lab ", {b"A2B0": table}))
    if name == "packed":
        long = zlib.compress(RGB_PROFILES["linear"] + bytes(60_000_000))
        return tagged_png(PHOTO, iCCP=b"packed\0\0" + long)
    if name == "many-tags":
        return saved(PHOTO, "TIFF", icc_profile=many_tags(1_000_000))
    made = {
        "rgb-table": lambda: profile(
            b"RGB ", b"Lab ", {b"A2B0": packed_table(3, 200, bytes(200**3 * 3))}
        ),
        "long-curves": lambda: rgb_profile(SRGB_POINTS, long_curve(2**22)),
    }
    return saved(PHOTO, "WEBP", icc_profile=made[name]())


@pytest.mark.parametrize("name", ["cmyk-table", "rgb-table", "packed", "many-tags", "long-curves"])
def test_huge_profiles_fit_the_limits_of_the_sandbox(name: str, sandbox: Sandbox) -> None:
    (signature,) = sandbox.sign_frames(huge(name))
    assert signature == sign_image(huge(name))


@pytest.mark.parametrize("name", ["packed", "many-tags"])
def test_profiles_that_no_viewer_reads_change_nothing(name: str) -> None:
    assert next(decode(huge(name), Limits())).tobytes() == PHOTO.tobytes()


def test_a_file_of_many_boxes_is_read_up_to_a_limit() -> None:
    boxes = b"\0\0\0\x08free" * 2_000_000
    data = saved(SMALL, "AVIF")[:32] + boxes
    assert container_tags(data) == ColourTags()
