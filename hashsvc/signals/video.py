"""
Frames of short films, where PyAV is installed (`hashsvc[video]`).

Films come from outside: they are decoded in the sandbox only, from memory, by the two demuxers and
the few decoders that the web uses, in one thread, and so many pixels of them.
"""

import io
import itertools
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
from PIL import Image

from hashsvc.signals.decode import Limits
from hashsvc.signals.errors import BrokenImageError, ImageTooLargeError

try:
    import av
except ImportError:  # Only some services look at films.
    av = None  # type: ignore[assignment]

_DEMUXERS = (
    # ISO/IEC 14496-12, with brands of films; those of HEIF and AVIF are images.
    (re.compile(rb"(?s)....(?:ftyp(?!hei|hev|mif|msf|avi)|moov|mdat|free|wide)"), "mov"),
    (re.compile(rb"\x1a\x45\xdf\xa3"), "matroska"),
)
_CODECS = frozenset({"h264", "hevc", "vp8", "vp9", "av1", "libdav1d", "mpeg4", "mjpeg"})

# A frame can be decoded only after those before it, back to one that stands by itself. Of a film so
# many pixels are decoded at most, about two seconds' work, and for each looked-at frame its share:
# where that is not enough, an earlier one is looked at.
_MOST_PIXELS = 400_000_000
_MOST_BETWEEN = 300
_LONG_SIDE = 1280


def signs_films() -> bool:
    """Tell whether films can be signed here."""
    return av is not None


def is_film(data: bytes) -> bool:
    """Tell whether the bytes begin like a film that can be signed here."""
    return av is not None and _demuxer(data) is not None


def film_frames(data: bytes, limits: Limits) -> Iterator[Image.Image]:
    """
    Yield frames of a film in mode RGB: the first, and evenly spaced ones.

    Raises:
        ImageTooLargeError: If the film is over a limit.

        BrokenImageError: If not even one frame can be decoded.
    """
    if len(data) > limits.max_bytes:
        raise ImageTooLargeError(
            f"The film has {len(data)} bytes; the limit is {limits.max_bytes}."
        )
    seen = 0
    try:
        for frame in _spaced(data, limits):
            seen += 1
            yield frame
    except (ImageTooLargeError, MemoryError):
        raise
    except Exception as error:
        # FFmpeg's errors are many, and of no base but Exception.
        if not seen:
            raise _damaged() from error
    if not seen:
        raise _damaged()


def warm_up() -> None:
    """Read a film once: PyAV imports parts of itself when they are first needed."""
    if av is None:
        return
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as film:
        stream = film.add_stream("mpeg4", rate=1)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for _ in range(2):
            picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            film.mux(stream.encode(picture))
        film.mux(stream.encode())
    for _ in film_frames(file.getvalue(), Limits(max_frames=2)):
        pass
    with suppress(BrokenImageError):
        list(film_frames(file.getvalue()[:100], Limits()))


def _demuxer(data: bytes) -> str | None:
    return next((name for begins, name in _DEMUXERS if begins.match(data)), None)


def _spaced(data: bytes, limits: Limits) -> Iterator[Image.Image]:
    with av.open(io.BytesIO(data), format=_demuxer(data), mode="r") as film:
        stream = film.streams.video[0]
        codec = stream.codec_context
        if codec.name not in _CODECS:
            raise _damaged()
        pixels = codec.width * codec.height
        if pixels > limits.max_pixels:
            raise ImageTooLargeError(
                f"The film has {pixels} pixels a frame; the limit is {limits.max_pixels}."
            )
        codec.thread_count, codec.thread_type = 1, "NONE"
        share = _MOST_PIXELS // (limits.max_frames * max(1, pixels))
        most = max(1, min(share, _MOST_BETWEEN))
        last = None
        for number in range(limits.max_frames):
            wanted = _time(film, stream, number, limits.max_frames)
            if number and (wanted is None or not _go_to(film, stream, wanted)):
                return
            frame = _next(film.decode(stream), wanted, last, most)
            if frame is not None:
                last = frame.pts
                yield _image(frame, limits)


def _time(film: Any, stream: Any, number: int, of: int) -> int | None:
    """Return the time of a frame in the stream's unit; None when it cannot be told."""
    start = int(stream.start_time or 0)
    if not number:
        return start
    if stream.duration:
        return int(start + stream.duration * number // of)
    if film.duration and stream.time_base:
        seconds = film.duration / av.time_base * number / of
        return start + int(seconds / stream.time_base)
    return None


def _go_to(film: Any, stream: Any, wanted: int) -> bool:
    """Go to the last frame before a time that can be decoded by itself."""
    with suppress(av.error.FFmpegError):
        film.seek(wanted, stream=stream, backward=True)
        return True
    return False


def _next(frames: Iterator[Any], wanted: int | None, last: int | None, most: int) -> Any:
    """Return the frame at a time, or the last of so many before it; None if none is new."""
    new = None
    for frame in itertools.islice(frames, most):
        if frame.pts is None or last is None or frame.pts > last:
            new = frame
        if new is not None and (wanted is None or frame.pts is None or frame.pts >= wanted):
            break
    return new


def _image(frame: Any, limits: Limits) -> Image.Image:
    if frame.width * frame.height > limits.max_pixels:
        raise ImageTooLargeError(
            f"The film has {frame.width * frame.height} pixels a frame; "
            f"the limit is {limits.max_pixels}."
        )
    scale = min(1.0, _LONG_SIDE / max(frame.width, frame.height))
    width, height = (max(2, round(side * scale)) for side in (frame.width, frame.height))
    small = frame.reformat(width=width, height=height, format="rgb24")
    return Image.fromarray(small.to_ndarray())


def _damaged() -> BrokenImageError:
    return BrokenImageError("The film is damaged, or of a kind that is not read.")
