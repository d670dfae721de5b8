"""GIFs, whose frames are drawn as in Chromium."""

import io
import itertools

from PIL import Image

from hashsvc.signals.gif_parts import GifFrame, gif_canvas, gif_frames
from hashsvc.signals.headers import MOST_FRAMES
from hashsvc.signals.layers import Disposal, Layer, Layered, decoded
from hashsvc.signals.salvage import damaged

_DISPOSALS = {2: Disposal.ERASE, 3: Disposal.RESTORE}


class Gif(Layered):
    """A GIF; only its first frame can enlarge the canvas, whose background is transparent."""

    format = "GIF"
    format_description = "GIF"

    def _open(self) -> None:
        assert self.fp is not None
        self._data = self.fp.read()
        self._frames = [*itertools.islice(gif_frames(self._data), MOST_FRAMES)]
        if not self._frames:
            raise damaged()
        layers = [
            Layer(each.box, _DISPOSALS.get(each.disposal, Disposal.KEEP), shown_ms=each.shown_ms)
            for each in self._frames
        ]
        self._begin(gif_canvas(self._data, self._frames[0]), layers)

    def _pixels(self, number: int) -> Image.Image:
        frame = self._frames[number]
        alone = _alone(self._data, frame)

        def opened() -> Image.Image:
            return Image.open(io.BytesIO(alone), formats=("GIF",))

        return decoded(
            opened,
            is_first=number == 0,
            axes=(0,) if frame.interlaced else (),
            transparent=frame.transparent,
        )


def _alone(data: bytes, frame: GifFrame) -> bytes:
    """Return a frame as a GIF of its own, without transparency."""
    bits = max(1, (len(frame.palette) // 3 - 1).bit_length())
    size = b"".join(side.to_bytes(2, "little") for side in frame.box[2:])
    has_palette = 0x80 | bits - 1 if frame.palette else 0
    return b"".join(
        (
            *(b"GIF89a", size, bytes(3), b",", bytes(4), size),
            bytes((0x40 * frame.interlaced | has_palette,)),
            frame.palette.ljust(3 << bits, b"\0") if has_palette else b"",
            *(data[frame.start : frame.end], b";"),
        )
    )
