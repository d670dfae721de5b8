"""Odd and hostile bytes end in upright RGB pixels or in one typed error."""

import contextlib
import io
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hashsvc.signals import (
    BrokenImageError,
    ImageError,
    ImageTooLargeError,
    Limits,
    NotAnImageError,
    sign_frames,
    sign_image,
)
from hashsvc.signals.decode import decode
from tests.conftest import generated_photo, jpeg

LIMITS = Limits()


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def only(data: bytes) -> np.ndarray:
    return np.asarray(next(decode(data, LIMITS, scaled=False)).convert("RGB"))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int) -> None:
    upright = generated_photo(1, (320, 240))
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = upright.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = only(saved(stored, "PNG", exif=exif))
    assert np.array_equal(turned, np.asarray(upright))


def test_transparency_is_laid_on_white() -> None:
    image = Image.new("RGBA", (300, 300), (10, 20, 30, 0))
    image.paste((200, 0, 0, 255), (0, 0, 150, 300))
    pixels = only(saved(image, "PNG"))
    assert pixels[10, 10].tolist() == [200, 0, 0]
    assert pixels[10, 290].tolist() == [255, 255, 255]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_every_png_mode_is_read(mode: str) -> None:
    assert only(saved(generated_photo(2).convert(mode), "PNG")).shape == (480, 640, 3)


def test_cmyk_is_read() -> None:
    pixels = only(saved(generated_photo(2).convert("CMYK"), "JPEG", quality=95))
    assert abs(pixels.astype(int) - np.asarray(generated_photo(2)).astype(int)).mean() < 12


def test_sixteen_bits_are_scaled_not_cut_off() -> None:
    ramp = np.linspace(0, 65_535, 300 * 300).reshape(300, 300).astype(np.uint16)
    pixels = only(saved(Image.fromarray(ramp), "PNG"))
    assert abs(pixels[:, :, 0].astype(int) - (ramp // 257)).max() <= 1


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF", "HEIF"])
def test_every_format_gives_nearly_the_same_signal(form: str) -> None:
    photo = generated_photo(3)
    first, second = sign_image(saved(photo, "PNG")), sign_image(saved(photo, form))
    assert first.signals[0].signal.distance(second.signals[0].signal) <= 12


def test_the_frames_of_an_animation_are_candidates() -> None:
    frames = [generated_photo(seed, (300, 200)) for seed in range(12)]
    data = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    found = sign_frames(data)
    assert len(found) == LIMITS.max_frames
    still = sign_image(saved(frames[0], "PNG"))
    assert found[0].signals[0].signal.distance(still.signals[0].signal) <= 12


def chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)


def png_claiming(width: int, height: int) -> bytes:
    header = width.to_bytes(4) + height.to_bytes(4) + b"\x08\x02\0\0\0"
    data = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + data + chunk(b"IEND", b"")


NO_IMAGES = {
    "empty": b"",
    "text": b"hello",
    "html": b"<!doctype html><html><img src=x></html>",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "pdf": b"%PDF-1.7\n%\xe2\xe3",
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
    "zip": b"PK\x03\x04" + bytes(100),
}


@pytest.mark.parametrize("name", NO_IMAGES)
def test_what_is_no_image_is_said_to_be_none(name: str) -> None:
    with pytest.raises(NotAnImageError, match="JPEG, PNG"):
        sign_image(NO_IMAGES[name])


@pytest.mark.parametrize("size", [(30_000, 30_000), (2**31 - 1, 1), (100_000, 1001)])
def test_a_bomb_is_refused_by_its_header(size: tuple[int, int]) -> None:
    with pytest.raises(ImageError):
        sign_image(png_claiming(*size))


def test_limits_are_inclusive() -> None:
    data = jpeg(generated_photo(1, (200, 100)))
    sign_image(data, limits=Limits(max_bytes=len(data), max_pixels=20_000))
    with pytest.raises(ImageTooLargeError, match=f"limit is {len(data) - 1}"):
        sign_image(data, limits=Limits(max_bytes=len(data) - 1))
    with pytest.raises(ImageTooLargeError, match="20000 pixels; the limit is 19999"):
        sign_image(data, limits=Limits(max_pixels=19_999))


def test_a_jpeg_of_very_many_scans_is_refused() -> None:
    data = jpeg(generated_photo(1)) + b"\xff\xda" * 200
    with pytest.raises(ImageTooLargeError, match="scans"):
        sign_image(data)


def test_a_truncated_image_is_broken() -> None:
    data = jpeg(generated_photo(1))
    with pytest.raises(BrokenImageError):
        sign_image(data[: len(data) // 2])


@pytest.mark.parametrize("size", [(1, 1), (1, 60_000), (60_000, 1), (7, 3)])
def test_odd_shapes_are_signed(size: tuple[int, int]) -> None:
    assert sign_image(saved(Image.new("RGB", size, "red"), "PNG")).quality == 0


SEEDS = [saved(generated_photo(4, (120, 90)), form) for form in ("JPEG", "PNG", "WEBP", "GIF")]


@settings(max_examples=150, deadline=None)
@given(
    data=st.sampled_from(SEEDS),
    edits=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=4)), max_size=8),
    kept=st.floats(0.05, 1),
)
def test_damaged_bytes_end_in_a_signature_or_a_typed_error(
    data: bytes, edits: list[tuple[float, bytes]], kept: float
) -> None:
    damaged = bytearray(data)
    for where, what in edits:
        start = int(where * len(damaged))
        damaged[start : start + len(what)] = what
    with contextlib.suppress(ImageError):
        sign_image(bytes(damaged[: int(kept * len(damaged)) + 1]))
