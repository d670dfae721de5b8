"""Images of every kind give upright pixels in one colour space."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from hashsvc.signals import ImageTooLargeError, Limits, sign_frames, sign_image
from hashsvc.signals.decode import decode
from tests.conftest import generated_photo, jpeg
from tests.signals.forged import interlaced_png, png, saved

LIMITS = Limits()
SIDEWAYS = 6  # EXIF: turn clockwise by a quarter to make the image upright.


def only(data: bytes) -> NDArray[np.uint8]:
    """Return the RGB pixels of an image with one frame."""
    (image,) = decode(data, LIMITS, scaled=False)
    return np.asarray(image.convert("RGB"))


def unlike(data: bytes, image: Image.Image) -> float:
    """Return the mean difference between a file and an image, in grey levels."""
    pixels = only(data)
    assert pixels.shape == np.asarray(image).shape
    return float(abs(pixels.astype(int) - np.asarray(image).astype(int)).mean())


def exif(orientation: int) -> Image.Exif:
    made = Image.Exif()
    made[0x0112] = orientation
    return made


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int) -> None:
    upright = generated_photo(1, (320, 240))
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = upright.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else upright
    assert unlike(saved(stored, "PNG", exif=exif(orientation)), upright) == 0


@pytest.mark.parametrize("form", ["JPEG", "AVIF", "TIFF", "HEIF"])
def test_every_format_is_turned_upright(form: str) -> None:
    upright = generated_photo(1, (320, 240))
    stored = upright.transpose(Image.Transpose.ROTATE_90)
    if form == "HEIF":  # Pillow turns this EXIF into a rotation of the container.
        stored.info["exif"] = exif(SIDEWAYS).tobytes()
    options = {"HEIF": {}, "TIFF": {"tiffinfo": {0x0112: SIDEWAYS}}}
    data = saved(stored, form, **options.get(form, {"exif": exif(SIDEWAYS)}))
    assert unlike(data, upright) < 3


@pytest.mark.parametrize(
    ("written", "is_turned"),
    [
        (b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHIHH", 0x0112, 3, 1, SIDEWAYS, 0), True),
        (b"MM\0*\0\0\0\x08\0\1" + struct.pack(">HHIHH", 0x0112, 3, 1, SIDEWAYS, 0), True),
        (b"MM\0*\0\0\0\x08\0\1" + struct.pack(">HHIHH", 0x0112, 3, 1, 9, 0), False),
        (b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 0x0112, 4, 1, SIDEWAYS), False),
        (b"MM\0*\0\0\0\x08\xff\xff" + struct.pack(">HHII", 0x9286, 7, 2**32 - 1, 8), False),
        (b"MM\0*\xff\xff\xff\xff", False),
        (b"MM\0*\0", False),
        (b"", False),
    ],
)
def test_valid_exif_is_applied_and_other_exif_is_ignored(written: bytes, is_turned: bool) -> None:
    data = saved(generated_photo(1, (320, 240)), "JPEG", exif=b"Exif\0\0" + written)
    assert only(data).shape == ((320, 240, 3) if is_turned else (240, 320, 3))


LAYERS = Image.new("RGBA", (300, 200), (10, 20, 30, 0))
LAYERS.paste((200, 0, 0, 255), (0, 0, 150, 200))


@pytest.mark.parametrize(
    ("image", "form"),
    [
        (LAYERS, "PNG"),
        (LAYERS.convert("LA"), "PNG"),
        (LAYERS.quantize(8), "PNG"),
        *((LAYERS, form) for form in ("WEBP", "GIF", "AVIF", "HEIF", "TIFF")),
    ],
)
def test_transparency_is_laid_on_white(image: Image.Image, form: str) -> None:
    pixels = only(saved(image, form))
    assert pixels[10, 10, 1] < 100
    assert pixels[10, 290].tolist() == [255, 255, 255]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_every_png_mode_is_read(mode: str) -> None:
    assert only(saved(generated_photo(2).convert(mode), "PNG")).shape == (480, 640, 3)


def test_cmyk_is_read_as_browsers_do() -> None:
    photo = generated_photo(2)
    adobe = saved(photo.convert("CMYK"), "JPEG", quality=95)
    assert unlike(adobe, photo) < 2
    # The values are inverted even without Adobe's marker.
    start = adobe.index(b"\xff\xee")
    end = start + 2 + int.from_bytes(adobe[start + 2 : start + 4])
    assert unlike(adobe[:start] + adobe[end:], photo) < 2
    assert unlike(saved(photo.convert("CMYK"), "TIFF"), photo) == 0


def test_sixteen_bits_are_scaled_not_cut_off() -> None:
    ramp = np.linspace(0, 65_535, 300 * 300).reshape(300, 300).astype(np.uint16)
    grey = only(saved(Image.fromarray(ramp), "PNG"))
    assert np.array_equal(grey[:, :, 0], ramp >> 8)
    rows = b"".join(b"\0" + row.tobytes() for row in np.repeat(ramp, 3, axis=1).astype(">u2"))
    assert np.array_equal(only(png(300, 300, rows, depth=16)), grey)


def test_a_dark_image_of_sixteen_bits_stays_dark() -> None:
    dark = Image.fromarray(np.full((300, 300), 250, np.uint16))
    assert only(saved(dark, "PNG")).max() == 0


@pytest.mark.parametrize(
    ("top", "brightest"), [(1, 255), (255, 255), (128, 128), (65_535, 255), (2**20, 255)]
)
def test_values_without_a_known_range_are_scaled_to_their_own(top: int, brightest: int) -> None:
    ramp = np.linspace(-1, top, 300 * 300).reshape(300, 300).astype(np.float32)
    assert abs(int(only(saved(Image.fromarray(ramp), "TIFF")).max()) - brightest) <= 1


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF", "HEIF"])
def test_every_format_gives_nearly_the_same_signal(form: str) -> None:
    photo = generated_photo(3)
    first, second = sign_image(saved(photo, "PNG")), sign_image(saved(photo, form))
    assert first.signals[0].signal.distance(second.signals[0].signal) <= 12


def test_progressive_and_interlaced_images_decode_like_others() -> None:
    photo = generated_photo(3)
    assert np.array_equal(only(saved(photo, "JPEG", progressive=True)), only(saved(photo, "JPEG")))
    assert unlike(interlaced_png(photo), photo) == 0


def test_of_a_jpeg_with_several_images_the_first_is_read() -> None:
    photos = [generated_photo(seed, (2048, 2048)) for seed in (1, 2)]
    (image,) = decode(saved(photos[0], "MPO", save_all=True, append_images=photos[1:]), LIMITS)
    # The image was decoded like any JPEG: without colour and at a fraction of its size.
    assert (image.mode, image.size) == ("L", (1024, 1024))


def test_the_main_image_of_a_heif_comes_first() -> None:
    images = [generated_photo(1, (200, 100 + number)) for number in range(3)]
    data = saved(images[0], "HEIF", save_all=True, append_images=images[1:], primary_index=2)
    assert [frame.height for frame in decode(data, LIMITS)] == [102, 100, 101]


def test_limits_are_inclusive() -> None:
    data = jpeg(generated_photo(1, (200, 100)))
    sign_image(data, limits=Limits(max_bytes=len(data), max_pixels=20_000))
    with pytest.raises(ImageTooLargeError, match=f"limit is {len(data) - 1}"):
        sign_image(data, limits=Limits(max_bytes=len(data) - 1))
    with pytest.raises(ImageTooLargeError, match="20000 pixels; the limit is 19999"):
        sign_image(data, limits=Limits(max_pixels=19_999))


@pytest.mark.parametrize("size", [(1, 1), (1, 60_000), (60_000, 1), (7, 3)])
def test_odd_shapes_are_signed(size: tuple[int, int]) -> None:
    assert sign_image(saved(Image.new("RGB", size, "red"), "PNG")).quality == 0


@given(
    size=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    shades=st.binary(min_size=36, max_size=36),
)
def test_tiny_images_are_signed_whatever_their_content(
    size: tuple[int, int], shades: bytes
) -> None:
    """A border of one pixel may leave nothing inside."""
    image = Image.frombytes("L", size, shades[: size[0] * size[1]])
    (signature,) = sign_frames(saved(image, "PNG"))
    assert 0 <= signature.quality <= 100
