"""
Frames of short films, if PyAV is installed (`hashsvc[video]`).

Films are untrusted. So the service decodes them only in the sandbox, from memory and in one thread,
by two demuxers and the few decoders that the web uses. It decodes only a limited number of pixels.
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
from hashsvc.signals.headers import is_image_container

try:
    import av
except ImportError:  # Only some installations sign films.
    av = None  # type: ignore[assignment]

_DEMUXERS = (
    # ISO/IEC 14496-12; HEIF and AVIF are images in the same container.
    (re.compile(rb"(?s)....(?:ftyp|moov|mdat|free|wide)"), "mov"),
    (re.compile(rb"\x1a\x45\xdf\xa3"), "matroska"),
)
_CODECS = frozenset({"h264", "hevc", "vp8", "vp9", "av1", "libdav1d", "mpeg4", "mjpeg"})

# A frame can be decoded only after all frames since the last key frame. So at most this many pixels
# of a film are decoded, which takes about two seconds. They are divided evenly among the sampled
# frames. Where that share does not reach the wanted frame, an earlier frame is used.
MAX_FILM_PIXELS = 400_000_000
_MAX_FRAMES_PER_SAMPLE = 300
_MAX_SAMPLES = 8
_MAX_SIDE = 1280


def signs_films() -> bool:
    """Return whether this installation can sign films."""
    return av is not None


def is_film(data: bytes) -> bool:
    """Return whether the bytes begin like a film that this installation can sign."""
    return av is not None and _demuxer(data) is not None


def film_frames(data: bytes, limits: Limits) -> Iterator[Image.Image]:
    """
    Yield at most eight frames of a film in mode RGB: the first, and evenly spaced ones.

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
        for frame in _sampled_frames(data, limits):
            seen += 1
            yield frame
    except (ImageTooLargeError, MemoryError):
        raise
    except Exception as error:
        # FFmpeg raises many errors that have only Exception as a common base.
        if not seen:
            raise _damaged() from error
    if not seen:
        raise _damaged()


def warm_up() -> None:
    """Read a film once, because PyAV imports parts of itself only when they are first needed."""
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
    if is_image_container(data):
        return None
    return next((name for begins, name in _DEMUXERS if begins.match(data)), None)


def _sampled_frames(data: bytes, limits: Limits) -> Iterator[Image.Image]:
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
        samples = min(limits.max_frames, _MAX_SAMPLES)
        share = MAX_FILM_PIXELS // (samples * max(1, pixels))
        most = max(1, min(share, _MAX_FRAMES_PER_SAMPLE))
        last = None
        for number in range(samples):
            wanted = _time_of_frame(film, stream, number, samples)
            if number and (wanted is None or not _seek_before(film, stream, wanted)):
                return
            frame = frame_at(film.decode(stream), wanted, last, most)
            if frame is not None:
                last = frame.pts
                yield _image(frame, limits)


def _time_of_frame(film: Any, stream: Any, number: int, count: int) -> int | None:
    """Return the time of a sampled frame in the stream's time unit; None if it is unknown."""
    start = int(stream.start_time or 0)
    if not number:
        return start
    if stream.duration:
        return int(start + stream.duration * number // count)
    if film.duration and stream.time_base:
        seconds = film.duration / av.time_base * number / count
        return start + int(seconds / stream.time_base)
    return None


def _seek_before(film: Any, stream: Any, wanted: int) -> bool:
    """Go to the last key frame before a time; return whether that worked."""
    with suppress(av.error.FFmpegError):
        film.seek(wanted, stream=stream, backward=True)
        return True
    return False


def frame_at(frames: Iterator[Any], wanted: int | None, last: int | None, most: int) -> Any:
    """
    Return the frame at a time, or else the latest of the next `most` frames.

    Args:
        frames: The frames from a key frame on.

        wanted: The time, in the stream's time unit; None if it is unknown.

        last: The time of the last sampled frame; None if there is none.

        most: Largest number of frames to decode.

    Returns:
        None if no frame is later than `last`.
    """
    latest = None
    for frame in itertools.islice(frames, most):
        if frame.pts is None or last is None or frame.pts > last:
            latest = frame
        if latest is not None and (wanted is None or frame.pts is None or frame.pts >= wanted):
            break
    return latest


def _image(frame: Any, limits: Limits) -> Image.Image:
    if frame.width * frame.height > limits.max_pixels:
        raise ImageTooLargeError(
            f"The film has {frame.width * frame.height} pixels a frame; "
            f"the limit is {limits.max_pixels}."
        )
    scale = min(1.0, _MAX_SIDE / max(frame.width, frame.height))
    width, height = (max(2, round(side * scale)) for side in (frame.width, frame.height))
    small = frame.reformat(width=width, height=height, format="rgb24")
    return Image.fromarray(small.to_ndarray())


def _damaged() -> BrokenImageError:
    return BrokenImageError("The film is damaged, or its format is not supported.")
