"""
The sandbox job that signs images. An answer's header is JSON, and its payload is packed codes.

    {"frames": [{"quality": 100, "groups": [["pdq1", "whole", 1], ["reg1", "part", 380]]}],
     "skipped": 0}
    {"error": "BrokenImageError", "message": "…"}

A group states an algorithm, a view, and how many codes it has. The payload holds the codes of all
groups in the same order, without gaps.
"""

import io
import json
from contextlib import suppress
from typing import Any

import numpy as np
from PIL import Image

from hashsvc.signals import colours, video
from hashsvc.signals.decode import Limits
from hashsvc.signals.errors import ImageCrashError, ImageError, ImageTooLargeError
from hashsvc.signals.signature import grouped_frames

_WARM_UP_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF")


def warm_up(_limits: Any = None) -> None:
    """Run all code once, because later a worker can neither compile code nor read files."""
    noise = np.random.default_rng(1).integers(0, 256, (20, 60, 3), dtype=np.uint8)
    # The picture is large enough to be reduced for regions, and has a border that is trimmed.
    picture = Image.fromarray(noise).resize((1100, 200), Image.Resampling.BICUBIC)
    picture.paste("white", (0, 0, 1100, 20))
    for each in (picture, picture.convert("L")):
        grouped_frames(_saved(each, "PNG"), Limits())
    for format_name in _WARM_UP_FORMATS:
        whole = _saved(picture.resize((40, 20)), format_name)
        grouped_frames(whole, Limits())
        with suppress(ImageError):
            grouped_frames(whole[: len(whole) * 9 // 10], Limits())
    colours.warm_up()
    video.warm_up()


def _saved(picture: Image.Image, format_name: str) -> bytes:
    file = io.BytesIO()
    picture.save(file, format_name)
    return file.getvalue()


def answer(data: bytes, limit_values: list[Any]) -> tuple[bytes, bytes]:
    """Return the signatures of an image's frames, or why it has none."""
    limits = Limits(*limit_values)
    try:
        frames, skipped = grouped_frames(data, limits)
    except (ImageError, MemoryError) as error:
        if isinstance(error, MemoryError) or isinstance(error.__cause__, MemoryError):
            error = ImageTooLargeError(
                f"The image needs more memory than the limit, {limits.max_memory_bytes} bytes."
            )
        return _header({"error": type(error).__name__, "message": str(error)}), b""
    except Exception:  # noqa: BLE001 - the worker goes on with the next image.
        name = ImageCrashError.__name__
        return _header({"error": name, "message": "The image could not be signed."}), b""
    described = [
        {"quality": quality, "groups": [[each.algorithm, each.view, len(each)] for each in groups]}
        for quality, groups in frames
    ]
    codes = b"".join(group.codes for _, groups in frames for group in groups)
    return _header({"frames": described, "skipped": skipped}), codes


def _header(content: object) -> bytes:
    return json.dumps(content).encode("ascii")
