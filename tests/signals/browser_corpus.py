"""
Image files of every kind that browsers show, made anew from generated photographs.

The files of 10 and 12 bits in `tests/vectors/colours` show `PHOTO`. The file of 10 bits was made
with PyAV 18.1 (libsvtav1, crf=20, preset=8, yuv420p10le, full range, BT.709); that of 12 bits with
imagecodecs 2026.3.6: `avif_encode(pixels << 4 | pixels >> 4, level=60, bitspersample=12, speed=2)`.
"""

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.helpers.icc_profiles import (
    P3_POINTS,
)
from tests.signals.coloured_files import (
    CMYK_PROFILES,
    GREY_PROFILES,
    PHOTO,
    REFUSED_PROFILES,
    RGB_PROFILES,
    bmp_with_colours,
    icc_segment,
    png_gamma,
    png_primaries,
    tagged_png,
    with_nclx,
    without_nclx,
)
from tests.signals.forged import chunk, interlaced_png, png, saved, with_chunks, with_segments

_VECTORS = Path(__file__).parents[1] / "vectors" / "colours"

_GREY = PHOTO.convert("L")
_LAYERS = PHOTO.copy()
_LAYERS.putalpha(Image.linear_gradient("L").resize(PHOTO.size))


def _deep_png(pixels: NDArray[np.uint16], colour: int, *chunks: bytes) -> bytes:
    """Return pixels as a PNG of 16 bits; shape (height, width) or (height, width, channels)."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    made = png(pixels.shape[1], pixels.shape[0], rows, depth=16, colour=colour)
    return with_chunks(made, *chunks)


def _shallow_png(depth: int) -> bytes:
    """Return the grey photograph as a PNG of 2 or 4 bits."""
    values = np.asarray(_GREY) >> 8 - depth
    bits = np.unpackbits(values.astype(np.uint8)[..., None], axis=-1)[..., -depth:].reshape(
        len(values), -1
    )
    rows = b"".join(b"\0" + row.tobytes() for row in np.packbits(bits, axis=1))
    return png(*_GREY.size, rows, depth=depth, colour=0)


def _deep(image: Image.Image) -> NDArray[np.uint16]:
    return np.asarray(image).astype(np.uint16) * 257


def _bmp(depth: int, compression: int, masks: tuple[int, ...], pixels: bytes) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, *PHOTO.size, 1, depth, compression, 0, 0, 0, 0, 0)
    body = header + struct.pack(f"<{len(masks)}I", *masks) + pixels
    start = 14 + 40 + 4 * len(masks)
    return b"BM" + struct.pack("<IHHI", 14 + len(body), 0, 0, start) + body


def _bmp_16(masks: tuple[int, ...], shifts: tuple[tuple[int, int], ...]) -> bytes:
    """Return the photograph as a BMP of 16 bits; each shift is (bits left out, place)."""
    values = np.zeros(PHOTO.size[::-1], np.uint16)
    for band, (left_out, place) in enumerate(shifts):
        values |= (np.asarray(PHOTO)[..., band].astype(np.uint16) >> left_out) << place
    return _bmp(16, 3 if masks else 0, masks, values[::-1].astype("<u2").tobytes())


def _ten_bits() -> bytes:
    """Return the photograph's pixels with ten bits for each colour, from the bottom up."""
    red, green, blue = (np.asarray(PHOTO)[::-1, :, band].astype("<u4") * 4 for band in range(3))
    return bytes(red << 20 | green << 10 | blue)


def _top_down_bmp() -> bytes:
    data = bytearray(saved(PHOTO.transpose(Image.Transpose.FLIP_TOP_BOTTOM), "BMP"))
    data[22:26] = struct.pack("<i", -PHOTO.height)
    return bytes(data)


def _ycck() -> bytes:
    """Return the photograph as a JPEG of YCbCr and black, as Photoshop writes it."""
    light = PHOTO.point(lambda value: round(value * 0.8 + 51))
    black = Image.new("L", PHOTO.size, 30)
    # Adobe's values are inverted, and Pillow inverts them when it writes.
    stored = Image.merge(
        "CMYK", [each.point(lambda v: 255 - v) for each in light.convert("YCbCr").split()] + [black]
    )
    data = bytearray(saved(stored, "JPEG", quality=95))
    data[data.index(b"Adobe") + 11] = 2
    return bytes(data)


def _without_adobe(data: bytes) -> bytes:
    start = data.index(b"\xff\xee")
    return data[:start] + data[start + 2 + int.from_bytes(data[start + 2 : start + 4]) :]


def _turned(form: str, orientation: int) -> bytes:
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = PHOTO if orientation == 1 else PHOTO.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"speed": 10} if form == "AVIF" else {}
    return saved(stored, form, exif=exif, **options)


def _jpegs() -> dict[str, bytes]:
    cmyk = PHOTO.convert("CMYK")
    return {
        "baseline": saved(PHOTO, "JPEG", quality=90),
        "4:4:4": saved(PHOTO, "JPEG", quality=90, subsampling=0),
        "4:2:2": saved(PHOTO, "JPEG", quality=90, subsampling=1),
        "4:2:0": saved(PHOTO, "JPEG", quality=90, subsampling=2),
        "progressive": saved(PHOTO, "JPEG", quality=90, progressive=True),
        "coarse": saved(PHOTO, "JPEG", quality=20),
        "grey": saved(_GREY, "JPEG", quality=90),
        "rgb-of-adobe": saved(PHOTO, "JPEG", quality=90, keep_rgb=True),
        "cmyk": saved(cmyk, "JPEG", quality=90),
        "cmyk-without-adobe": _without_adobe(saved(cmyk, "JPEG", quality=90)),
        "ycck": _ycck(),
        **{f"orientation-{each}": _turned("JPEG", each) for each in range(1, 9)},
    }


def _pngs() -> dict[str, bytes]:
    layers, grey_layers = _deep(_LAYERS), _deep(_LAYERS.convert("LA"))
    white = struct.pack(">3H", 65_535, 65_535, 65_535)
    return {
        **{mode: saved(PHOTO.convert(mode), "PNG") for mode in ("1", "L", "RGB")},
        **{mode: saved(_LAYERS.convert(mode), "PNG") for mode in ("LA", "RGBA")},
        **{f"palette-of-{2**bits}": saved(PHOTO.quantize(2**bits), "PNG") for bits in (1, 2, 4, 8)},
        "palette-with-transparency": saved(_LAYERS.quantize(60), "PNG"),
        "grey-2-bit": _shallow_png(2),
        "grey-4-bit": _shallow_png(4),
        "grey-16-bit": _deep_png(_deep(_GREY), 0),
        "grey-alpha-16-bit": _deep_png(grey_layers, 4),
        "rgb-16-bit": _deep_png(_deep(PHOTO), 2),
        "rgba-16-bit": _deep_png(layers, 6),
        "interlaced": interlaced_png(PHOTO),
        "grey-with-transparent-shade": saved(_GREY, "PNG", transparency=120),
        "rgb-with-transparent-colour": saved(_cut_out(), "PNG", transparency=(0, 0, 0)),
        "rgb-16-bit-with-transparent-colour": _deep_png(
            _deep(_cut_out()), 2, chunk(b"tRNS", white)
        ),
        "grey-16-bit-with-transparent-shade": _deep_png(
            _deep(_cut_out().convert("L")), 0, chunk(b"tRNS", b"\0\0")
        ),
        **{f"orientation-{each}": _turned("PNG", each) for each in range(1, 9)},
    }


def _cut_out() -> Image.Image:
    """Return the photograph with a white and a black block."""
    image = PHOTO.copy()
    image.paste("white", (0, 0, 160, 120))
    image.paste("black", (160, 120, 320, 240))
    return image


def _coloured_pngs() -> dict[str, bytes]:
    profile = b"a profile\0\0" + zlib.compress(RGB_PROFILES["inverting"])
    palette, p3 = PHOTO.quantize(64), png_primaries(P3_POINTS)
    linear, brightest = png_gamma(1), struct.pack(">II", 4000 * 10_000, 400 * 10_000)
    return {
        "gama-linear": tagged_png(PHOTO, gAMA=linear),
        "gama-1/2.2": tagged_png(PHOTO, gAMA=png_gamma(0.45455)),
        "gama-1/1.8": tagged_png(PHOTO, gAMA=png_gamma(1 / 1.8)),
        "gama-0": tagged_png(PHOTO, gAMA=bytes(4)),
        "chrm-alone": tagged_png(PHOTO, cHRM=p3),
        "gama-chrm": tagged_png(PHOTO, gAMA=png_gamma(0.45455), cHRM=p3),
        "gama-impossible-chrm": tagged_png(PHOTO, gAMA=linear, cHRM=bytes(32)),
        "srgb-gama": tagged_png(PHOTO, sRGB=b"\0", gAMA=linear),
        "iccp-gama": tagged_png(PHOTO, iCCP=profile, gAMA=linear),
        "srgb-iccp": tagged_png(PHOTO, sRGB=b"\0", iCCP=profile),
        "broken-iccp-gama": tagged_png(PHOTO, iCCP=profile[:-9], gAMA=linear),
        "cicp-iccp": tagged_png(PHOTO, cICP=b"\x0c\x0d\0\1", iCCP=profile),
        "unknown-cicp-iccp": tagged_png(PHOTO, cICP=b"\x02\x02\0\1", iCCP=profile),
        "narrow-cicp-gama": tagged_png(PHOTO, cICP=b"\x09\x10\0\0", gAMA=linear),
        "gama-twice": with_chunks(tagged_png(PHOTO, gAMA=png_gamma(0.3)), chunk(b"gAMA", linear)),
        "gama-wrong-checksum": with_chunks(
            saved(PHOTO, "PNG"), chunk(b"gAMA", linear)[:-1] + b"\0"
        ),
        "gama-after-pixels": saved(PHOTO, "PNG")[:-12]
        + chunk(b"gAMA", linear)
        + chunk(b"IEND", b""),
        "palette-gama": tagged_png(palette, gAMA=linear),
        "palette-iccp": tagged_png(palette, iCCP=profile),
        "transparent-palette-iccp": tagged_png(_LAYERS.quantize(60), iCCP=profile),
        "grey-gama": tagged_png(_GREY, gAMA=linear),
        "grey-iccp": tagged_png(_GREY, iCCP=profile),
        "grey-16-bit-gama": _deep_png(_deep(_GREY), 0, chunk(b"gAMA", linear)),
        "rgb-16-bit-gama": _deep_png(_deep(PHOTO), 2, chunk(b"gAMA", linear)),
        "rgba-gama": tagged_png(_LAYERS, gAMA=linear),
        "bilevel-iccp": tagged_png(PHOTO.convert("1"), iCCP=profile),
        **{
            f"cicp-{primaries}-{transfer}": tagged_png(
                PHOTO, cICP=bytes((primaries, transfer, 0, 1))
            )
            for primaries, transfer in (
                *((1, 1), (1, 13), (5, 5), (6, 6), (9, 14), (12, 13), (1, 8), (4, 4), (7, 7)),
                *((11, 17), (10, 8), (22, 13), (9, 16), (9, 18), (1, 16), (1, 18), (12, 16)),
            )
        },
        "cicp-pq-clli": tagged_png(PHOTO, cICP=b"\x09\x10\0\1", cLLI=brightest),
        "cicp-hlg-clli": tagged_png(PHOTO, cICP=b"\x09\x12\0\1", cLLI=brightest),
        "cicp-pq-mdcv": tagged_png(
            PHOTO, cICP=b"\x09\x10\0\1", mDCV=struct.pack(">8H2I", *[15_000] * 8, 600 * 10_000, 1)
        ),
        "cicp-pq-16-bit": _deep_png(_deep(PHOTO), 2, chunk(b"cICP", b"\x09\x10\0\1")),
    }


def _webps() -> dict[str, bytes]:
    inverting = {"lossless": True, "icc_profile": RGB_PROFILES["inverting"]}
    unannounced = bytearray(saved(PHOTO, "WEBP", **inverting))
    unannounced[20] &= ~0x20
    return {
        "lossy": saved(PHOTO, "WEBP", quality=85),
        "lossless": saved(PHOTO, "WEBP", lossless=True),
        "lossy-alpha": saved(_LAYERS, "WEBP", quality=85),
        "lossless-alpha": saved(_LAYERS, "WEBP", lossless=True),
        "alpha-icc": saved(_LAYERS, "WEBP", **inverting),
        "unannounced-icc": bytes(unannounced),
        **{f"exif-{each}": _turned("WEBP", each) for each in (1, 6)},
    }


def _animated_avif() -> bytes:
    turned = PHOTO.transpose(Image.Transpose.ROTATE_180)
    return saved(PHOTO, "AVIF", save_all=True, append_images=[turned], duration=60_000, speed=10)


def _avifs() -> dict[str, bytes]:
    eight = saved(PHOTO, "AVIF", quality=90, speed=10)
    ten = (_VECTORS / "avif-10-bit.avif").read_bytes()
    twelve = (_VECTORS / "avif-12-bit.avif").read_bytes()
    codes = ((1, 1), (2, 2), (9, 1), (12, 13), (1, 8), (1, 4), (9, 16), (9, 18), (2, 16), (11, 17))
    return {
        "8-bit": eight,
        "4:4:4": saved(PHOTO, "AVIF", quality=90, speed=10, subsampling="4:4:4"),
        "limited-range": saved(PHOTO, "AVIF", quality=90, speed=10, range="limited"),
        "grey": saved(_GREY, "AVIF", quality=90, speed=10),
        "alpha": saved(_LAYERS, "AVIF", quality=90, speed=10),
        "10-bit": ten,
        "12-bit": twelve,
        **{f"8-bit-{p}-{t}": with_nclx(eight, p, t) for p, t in codes},
        "10-bit-pq": with_nclx(ten, 9, 16),
        "12-bit-hlg": with_nclx(twelve, 9, 18),
        "codes-in-the-stream": without_nclx(eight),
        "animation-linear": _animated_avif().replace(b"nclx\0\1\0\x0d", b"nclx\0\1\0\x08"),
        **{f"orientation-{each}": _turned("AVIF", each) for each in range(1, 9)},
    }


def _bmps() -> dict[str, bytes]:
    bgrx = np.dstack([np.asarray(PHOTO)[..., ::-1], np.zeros(PHOTO.size[::-1], np.uint8)])[::-1]
    return {
        "24-bit": saved(PHOTO, "BMP"),
        "32-bit": _bmp(32, 0, (), bgrx.tobytes()),
        "grey": saved(_GREY, "BMP"),
        "bilevel": saved(PHOTO.convert("1"), "BMP"),
        "palette": saved(PHOTO.quantize(256), "BMP"),
        "top-down": _top_down_bmp(),
        "32-bit-fields": _bmp(32, 3, (0xFF0000, 0xFF00, 0xFF), bgrx.tobytes()),
        "32-bit-fields-turned-round": _bmp(
            32, 3, (0xFF00, 0xFF0000, 0xFF000000), bgrx[..., (3, 2, 1, 0)].tobytes()
        ),
        "10-bit-fields": _bmp(32, 3, (0x3FF00000, 0xFFC00, 0x3FF), _ten_bits()),
        "16-bit": _bmp_16((), ((3, 10), (3, 5), (3, 0))),
        "16-bit-fields": _bmp_16((0xF800, 0x07E0, 0x001F), ((3, 11), (2, 5), (3, 0))),
        "gamma-1": bmp_with_colours(exponent=1),
        "gamma-2.2": bmp_with_colours(),
        "p3": bmp_with_colours(points=P3_POINTS),
        "no-primaries": bmp_with_colours(points=(0,) * 6, exponent=1),
        "named-srgb": bmp_with_colours(exponent=1, kind=b"BGRs"),
        "windows": bmp_with_colours(exponent=1, kind=b" niW"),
        "linked": bmp_with_colours(exponent=1, kind=b"KNIL"),
        "embedded-icc": bmp_with_colours(kind=b"DEBM", profile=RGB_PROFILES["inverting"]),
    }


def _smaller_gif() -> bytes:
    """Return a GIF with a black background, half of which its only frame leaves free."""
    data = bytearray(saved(PHOTO.quantize(64), "GIF"))
    data[6:10] = struct.pack("<HH", PHOTO.width, 2 * PHOTO.height)
    return bytes(data)


def _gifs() -> dict[str, bytes]:
    return {
        "palette": saved(PHOTO.quantize(200), "GIF"),
        "grey": saved(_GREY, "GIF"),
        "interlaced": saved(PHOTO.quantize(64), "GIF", interlace=1),
        "transparency": saved(_LAYERS, "GIF"),
        "smaller-than-its-canvas": _smaller_gif(),
        "icc": saved(PHOTO.quantize(64), "GIF", icc_profile=RGB_PROFILES["inverting"]),
    }


def _profiled() -> dict[str, bytes]:
    files = {}
    for name, profile in (RGB_PROFILES | REFUSED_PROFILES).items():
        options = {"icc_profile": profile}
        files[f"png-icc-{name}"] = saved(PHOTO, "PNG", **options)
        files[f"jpeg-icc-{name}"] = saved(PHOTO, "JPEG", quality=90, **options)
        if name in RGB_PROFILES:
            files[f"webp-icc-{name}"] = saved(PHOTO, "WEBP", lossless=True, **options)
            files[f"avif-icc-{name}"] = saved(PHOTO, "AVIF", quality=90, speed=10, **options)
    for name, profile in (GREY_PROFILES | CMYK_PROFILES).items():
        # Viewers ignore a profile for another kind of image: these are for grey or CMYK.
        files[f"jpeg-icc-{name}"] = saved(PHOTO, "JPEG", quality=90, icc_profile=profile)
        files[f"png-icc-{name}"] = saved(PHOTO, "PNG", icc_profile=profile)
    for name in ("display-p3", "linear", "inverting", "inverting-table"):
        profile = RGB_PROFILES[name]
        files[f"grey-jpeg-icc-{name}"] = saved(_GREY, "JPEG", quality=90, icc_profile=profile)
        files[f"cmyk-jpeg-icc-{name}"] = saved(PHOTO.convert("CMYK"), "JPEG", icc_profile=profile)
    for name, profile in GREY_PROFILES.items():
        files[f"grey-jpeg-icc-{name}"] = saved(_GREY, "JPEG", quality=90, icc_profile=profile)
        files[f"grey-png-icc-{name}"] = saved(_GREY, "PNG", icc_profile=profile)
        files[f"grey-alpha-png-icc-{name}"] = saved(
            _LAYERS.convert("LA"), "PNG", icc_profile=profile
        )
    for name, profile in CMYK_PROFILES.items():
        cmyk = PHOTO.convert("CMYK")
        files[f"cmyk-jpeg-icc-{name}"] = saved(cmyk, "JPEG", quality=90, icc_profile=profile)
    return files


def _jpegs_with_parts() -> dict[str, bytes]:
    plain, profile = saved(PHOTO, "JPEG", quality=90), RGB_PROFILES["inverting"]
    first, second = icc_segment(1, 2, profile[:200]), icc_segment(2, 2, profile[200:])
    whole = icc_segment(1, 1, profile)
    return {
        "in-two-parts": with_segments(plain, first, second),
        "in-two-parts-turned-round": with_segments(plain, second, first),
        "part-missing": with_segments(plain, first),
        "part-0": with_segments(plain, icc_segment(0, 1, profile)),
        "part-2-of-1": with_segments(plain, icc_segment(2, 1, profile)),
        "after-another-segment": with_segments(plain, (0xE2, b"MPF\0" + bytes(30)), whole),
        "after-the-pixels": plain[:-2]
        + b"\xff\xe2"
        + struct.pack(">H", len(whole[1]) + 2)
        + whole[1]
        + b"\xff\xd9",
    }


def corpus() -> dict[str, bytes]:
    """Return the files, by names that say what each is."""
    kinds = {
        "jpeg": _jpegs() | {f"icc-{name}": data for name, data in _jpegs_with_parts().items()},
        "png": _pngs() | _coloured_pngs(),
        "webp": _webps(),
        "avif": _avifs(),
        "bmp": _bmps(),
        "gif": _gifs(),
    }
    files = {f"{kind}-{name}": data for kind, made in kinds.items() for name, data in made.items()}
    return files | _profiled()
