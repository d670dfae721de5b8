"""An image is hashed as a viewer shows it, whatever the file says about its colours."""

import io
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from hashsvc.matching import compare
from hashsvc.signals import PDQ, Limits, Sandbox, sign_image
from hashsvc.signals import decode as decoding
from hashsvc.signals.colour_tags import ColourTags
from hashsvc.signals.colours import conversion
from hashsvc.signals.decode import decode
from hashsvc.signals.encodings import by_codes
from hashsvc.signals.tones import MOST_LIGHT, gains
from tests.conftest import generated_photo
from tests.signals.coloured_files import (
    CMYK_PROFILES,
    GREY_PROFILES,
    PHOTO,
    REFUSED_PROFILES,
    RGB_PROFILES,
    png_gamma,
    tagged_png,
    with_nclx,
)
from tests.signals.forged import saved
from tests.signals.heif_grid import box, heif_grid
from tests.signals.odd_files import icon

LIMITS = Limits()
INVERTED = ImageOps.invert(PHOTO)
LINEAR = PHOTO.point([round(255 * (value / 255) ** 2.2) for value in range(256)] * 3)


def only(data: bytes) -> Image.Image:
    """Return the one frame of an image at full size."""
    (image,) = decode(data, LIMITS, scaled=False)
    image.load()
    return image


def levels(image: Image.Image) -> NDArray[np.float64]:
    """Return the brightness of each pixel, from 0 to 255."""
    return np.asarray(image.convert("RGB")).astype(float) @ (0.299, 0.587, 0.114)


def pixels(data: bytes) -> bytes:
    """Return the values of an image's one frame."""
    return only(data).tobytes()


def bits(first: bytes, second: bytes) -> int:
    """Return the number of bits in which the PDQ codes of two images differ."""
    codes = [sign_image(each).codes(PDQ)[0] for each in (first, second)]
    return int(np.unpackbits(codes[0] ^ codes[1]).sum())


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF", "TIFF"])
@pytest.mark.parametrize(
    ("stored", "profile"),
    [(INVERTED, "inverting"), (LINEAR, "linear"), (INVERTED, "inverting-table")],
)
def test_a_profile_is_applied(form: str, stored: Image.Image, profile: str) -> None:
    tagged = saved(stored, form, icc_profile=RGB_PROFILES[profile])
    assert bits(tagged, saved(PHOTO, "PNG")) <= 14
    assert bits(tagged, saved(stored, form)) > 14


@pytest.mark.parametrize("name", ["grey-2.2", "grey-linear", "grey-inverting"])
def test_a_tiff_with_a_grey_profile_shows_what_the_png_shows(name: str) -> None:
    files = [
        saved(PHOTO.convert("L"), form, icc_profile=GREY_PROFILES[name]) for form in ("TIFF", "PNG")
    ]
    tiff, png = (levels(only(each)) for each in files)
    assert np.array_equal(tiff, png)


@pytest.mark.parametrize("name", CMYK_PROFILES)
def test_a_tiff_with_a_cmyk_profile_shows_what_the_jpeg_shows(name: str) -> None:
    tiff, jpeg = (
        saved(PHOTO.convert("CMYK"), form, icc_profile=CMYK_PROFILES[name], quality=95)
        for form in ("TIFF", "JPEG")
    )
    assert abs(levels(only(tiff)) - levels(only(jpeg))).mean() < 2
    assert abs(levels(only(tiff)) - levels(PHOTO)).mean() > 5


def test_each_page_of_a_tiff_has_its_own_profile() -> None:
    second = INVERTED.copy()
    second.info["icc_profile"] = RGB_PROFILES["inverting"]
    data = saved(PHOTO, "TIFF", save_all=True, append_images=[second])
    as_it_is, converted = (levels(each) for each in decode(data, LIMITS))
    assert abs(as_it_is - converted).mean() < 2


def test_a_tiff_in_lab_shows_what_the_png_shows() -> None:
    to_lab = ImageCms.buildTransform(
        ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
    )
    lab = ImageCms.applyTransform(PHOTO, to_lab)
    assert lab is not None
    assert bits(saved(lab, "TIFF"), saved(PHOTO, "PNG")) <= 14


@pytest.mark.parametrize(("primaries", "transfer"), [(9, 16), (9, 18), (12, 13), (1, 8)])
def test_the_codes_of_a_heif_mean_what_those_of_a_png_mean(primaries: int, transfer: int) -> None:
    heif = with_nclx(saved(PHOTO, "HEIF", quality=95), primaries, transfer)
    png = tagged_png(PHOTO, cICP=bytes((primaries, transfer, 0, 1)))
    assert abs(levels(only(heif)) - levels(only(png))).mean() < 1.3
    assert abs(levels(only(heif)) - levels(PHOTO)).mean() > 1.4


@pytest.mark.parametrize("name", REFUSED_PROFILES)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF", "TIFF"])
def test_a_profile_that_does_not_count_changes_nothing(form: str, name: str) -> None:
    options = {"icc_profile": REFUSED_PROFILES[name]} if REFUSED_PROFILES[name] else {}
    assert pixels(saved(PHOTO, form, **options)) == pixels(saved(PHOTO, form))


SRGB_TAGS = {
    "png-srgb": tagged_png(PHOTO, sRGB=b"\0"),
    "png-gama": tagged_png(PHOTO, gAMA=png_gamma(0.45455)),
    "png-cicp": tagged_png(PHOTO, cICP=b"\x01\x0d\0\1"),
    "png-profile": saved(PHOTO, "PNG", icc_profile=RGB_PROFILES["srgb"]),
    "png-profile-of-littlecms": saved(
        PHOTO, "PNG", icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    ),
}


@pytest.mark.parametrize("name", SRGB_TAGS)
def test_a_file_that_says_that_it_is_srgb_stays_as_it_is(name: str) -> None:
    assert pixels(SRGB_TAGS[name]) == PHOTO.tobytes()


def test_a_jpeg_with_an_srgb_profile_is_decoded_without_colour() -> None:
    large = generated_photo(1, (2048, 2048))
    plain, tagged = (
        next(decode(saved(large, "JPEG", **options), LIMITS))
        for options in ({}, {"icc_profile": RGB_PROFILES["srgb"]})
    )
    assert tagged.size == (1024, 1024)
    assert tagged.tobytes() == plain.tobytes()


@pytest.mark.parametrize(
    ("size", "decoded"),
    [
        ((4032, 3024), (1008, 756)),
        ((3024, 4032), (756, 1008)),
        ((4000, 2048), (1000, 512)),
        ((3996, 2048), (1998, 1024)),
        ((4000, 2044), (2000, 1022)),
        ((1990, 1990), (1990, 1990)),
    ],
)
def test_a_large_jpeg_in_colour_is_decoded_at_a_fraction_of_its_size(
    size: tuple[int, int], decoded: tuple[int, int]
) -> None:
    large = PHOTO.resize(size)
    data = saved(large, "JPEG", icc_profile=RGB_PROFILES["display-p3"])
    assert next(decode(data, LIMITS)).size == decoded


@pytest.mark.parametrize(
    "name", [name for name in RGB_PROFILES if "code" not in name and "pq" not in name]
)
def test_profiles_mean_what_they_mean_to_littlecms(name: str) -> None:
    profile = ImageCms.ImageCmsProfile(io.BytesIO(RGB_PROFILES[name]))
    theirs = ImageCms.profileToProfile(
        PHOTO, profile, ImageCms.createProfile("sRGB"), ImageCms.Intent.RELATIVE_COLORIMETRIC
    )
    assert theirs is not None
    ours = only(saved(PHOTO, "PNG", icc_profile=RGB_PROFILES[name]))
    assert abs(levels(ours) - levels(theirs)).max() <= 2


@pytest.mark.parametrize("name", ["display-p3", "adobe-rgb", "prophoto", "linear", "inverting"])
def test_a_large_image_is_converted_like_its_parts(name: str) -> None:
    large = generated_photo(2, (1024, 600))
    options = {"icc_profile": RGB_PROFILES[name]}
    whole = levels(only(saved(large, "PNG", **options)))
    part = levels(only(saved(large.crop((300, 100, 700, 500)), "PNG", **options)))
    difference = abs(whole[100:500, 300:700] - part)
    assert difference.mean() < 0.75
    assert difference.max() < 16


@pytest.mark.parametrize("profile", ["inverting", "inverting-table"])
def test_an_image_that_is_reduced_strip_after_strip_is_converted(
    profile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = generated_photo(2, (2100, 2060))
    data = saved(ImageOps.invert(photo), "PNG", icc_profile=RGB_PROFILES[profile])
    monkeypatch.setattr(decoding, "MOST_COPIED_PIXELS", 4_000_000)
    reduced = next(decode(data, LIMITS))
    assert reduced.size == (1050, 1030)
    assert abs(levels(reduced) - levels(photo.reduce(2))).mean() < 2


@pytest.mark.parametrize("form", ["HEIF", "AVIF"])
def test_an_image_of_tiles_is_converted(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    colour_box = box(b"colr", b"prof" + RGB_PROFILES["inverting"])
    data = heif_grid(INVERTED, 128, turns=colour_box, form=form)
    whole = levels(next(decode(data, LIMITS)))
    monkeypatch.setattr(decoding, "MOST_COPIED_PIXELS", 1)
    joined = levels(next(decode(data, LIMITS)))
    assert abs(whole - levels(PHOTO)).mean() < 3
    assert abs(joined - whole).mean() < 0.1


def test_transparency_is_laid_on_white_after_the_conversion() -> None:
    layers = INVERTED.copy()
    layers.putalpha(128)
    shown = levels(only(saved(layers, "PNG", icc_profile=RGB_PROFILES["inverting"])))
    on_white = Image.blend(Image.new("RGB", PHOTO.size, "white"), PHOTO, 128 / 255)
    assert abs(shown - levels(on_white)).mean() < 10
    layers.putalpha(0)
    assert only(saved(layers, "PNG", icc_profile=RGB_PROFILES["inverting"])).getextrema() == (
        255,
        255,
    )


def nits(transfer: int, value: int) -> float:
    """Return the light of a grey value on an HDR display, in candelas per square metre."""
    encoding = by_codes(9, transfer, peak=1000)
    assert encoding is not None
    light = float(encoding.curves[0, value])
    return 1000 * light**1.2 if encoding.scene_luminance is not None else 203 * light


def test_hdr_has_its_white_where_bt_2408_has_it() -> None:
    """Reference white is 58 % of PQ and 75 % of HLG."""
    assert nits(16, round(0.58 * 255)) == pytest.approx(203, rel=0.02)
    assert nits(18, round(0.75 * 255)) == pytest.approx(203, rel=0.02)
    assert nits(16, 255) == pytest.approx(10_000)
    assert nits(18, 255) == pytest.approx(1000)


@pytest.mark.parametrize("peak", [300, 1000, 4000, 10_000])
def test_the_brightest_light_of_hdr_is_shown_as_white(peak: float) -> None:
    light = np.linspace(0, MOST_LIGHT, len(gains(peak)))
    shown = light * gains(peak)
    assert np.interp(peak / 203, light, shown) == pytest.approx(1, abs=0.01)
    assert shown.max() <= 1.01
    # One gain applies to all light up to white; for a peak of 1000 cd/m² or more, it is a half.
    assert np.ptp(gains(peak)[light <= 1]) == 0
    assert gains(peak)[0] >= 0.5
    assert (gains(peak)[0] == 0.5) == (peak >= 1000)


def test_light_that_a_display_can_show_is_not_reduced() -> None:
    assert len(gains(203)) == len(gains(0)) == 0


def as_pq(image: Image.Image) -> Image.Image:
    """Return an image in PQ with the primaries of sRGB and white at 203 cd/m²."""
    value = np.asarray(image) / 255
    light = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4) * 0.0203
    power = light ** (2610 / 16384)
    encoded = ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)
    return Image.fromarray((encoded * 255).round().astype(np.uint8))


@pytest.mark.parametrize("form", ["PNG", "AVIF", "HEIF"])
def test_an_hdr_picture_matches_the_same_picture_without_hdr(form: str) -> None:
    stored = as_pq(PHOTO)
    if form == "PNG":
        data = tagged_png(stored, cICP=b"\x01\x10\0\1")
    else:
        data = with_nclx(saved(stored, form, quality=95), 1, 16)
    assert sign_image(data).quality >= PDQ.min_quality
    assert bits(data, saved(PHOTO, "PNG")) <= 14


IN_THE_SANDBOX: dict[str, Callable[[], bytes]] = {
    "large-p3-jpeg": lambda: saved(
        generated_photo(1, (1200, 900)), "JPEG", icc_profile=RGB_PROFILES["display-p3"]
    ),
    "png-with-a-table": lambda: saved(PHOTO, "PNG", icc_profile=RGB_PROFILES["inverting-table"]),
    "cmyk-jpeg": lambda: saved(
        PHOTO.convert("CMYK"), "JPEG", icc_profile=CMYK_PROFILES["cmyk-table"]
    ),
    "grey-png": lambda: saved(PHOTO.convert("L"), "PNG", icc_profile=GREY_PROFILES["grey-linear"]),
    "hlg-avif": lambda: with_nclx(saved(PHOTO, "AVIF"), 9, 18),
    "pq-heif": lambda: with_nclx(saved(PHOTO, "HEIF"), 9, 16),
    "linear-tiff": lambda: saved(PHOTO, "TIFF", icc_profile=RGB_PROFILES["linear"]),
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Yield a sandbox whose one worker signs all images."""
    with Sandbox() as opened:
        yield opened


@pytest.mark.parametrize("name", IN_THE_SANDBOX)
def test_a_sandbox_signs_what_viewers_convert(name: str, sandbox: Sandbox) -> None:
    data = IN_THE_SANDBOX[name]()
    (signature,) = sandbox.sign_frames(data)
    assert signature == sign_image(data)


def test_primaries_and_gammas_without_a_meaning_change_nothing() -> None:
    tags = ColourTags(gammas=(1, 1, 1), chromaticities=(0.64, 0.33) * 3 + (0.3127, 0.329))
    assert conversion(tags) is None
    assert conversion(ColourTags(codes=(99, 99))) is None


def test_the_profile_of_a_png_in_an_icon_is_applied() -> None:
    photo = generated_photo(4, (200, 160))
    data = saved(ImageOps.invert(photo), "PNG", icc_profile=RGB_PROFILES["inverting"])
    in_icon = sign_image(icon((200, 160, data)))
    assert in_icon == sign_image(data)
    assert compare(sign_image(saved(photo, "PNG")), in_icon).tier == "certain"
