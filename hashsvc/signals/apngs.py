"""Animated PNGs, whose frames are drawn as in Chromium."""

import io
from dataclasses import dataclass, field, replace

from PIL import Image

from hashsvc.signals.headers import MOST_FRAMES, png_chunk, png_chunks
from hashsvc.signals.layers import Disposal, Layer, Layered, decoded
from hashsvc.signals.salvage import damaged

_DISPOSALS = {1: Disposal.ERASE, 2: Disposal.RESTORE}


@dataclass(slots=True)
class _Frame:
    layer: Layer
    chunks: list[bytes] = field(default_factory=list)


class Apng(Layered):
    """
    An animated PNG.

    The still image that a file holds for viewers without animation, if any, is the first frame.
    """

    format = "PNG"
    format_description = "Animated PNG"

    def _open(self) -> None:
        assert self.fp is not None
        data = self.fp.read()
        self._shared: list[bytes] = []
        self._frames: list[_Frame] = []
        for kind, body, whole, _ in png_chunks(data):
            if kind == b"IHDR":
                self._header = body
                size = int.from_bytes(body[:4]), int.from_bytes(body[4:8])
            elif kind == b"fcTL":
                if len(self._frames) == MOST_FRAMES:
                    break
                self._frames.append(_Frame(_layer(body)))
            elif kind == b"IDAT":
                if not self._frames:
                    self._frames.append(_Frame(Layer((0, 0, *size), Disposal.ERASE, over=False)))
                # Pixels in IDAT fill the whole image, whatever size their frame states.
                first = self._frames[0]
                first.layer = replace(first.layer, box=(0, 0, *size))
                first.chunks.append(whole)
            elif kind == b"fdAT" and self._frames:
                self._frames[-1].chunks.append(png_chunk(b"IDAT", body[4:]))
            elif not self._frames and kind != b"acTL":
                self._shared.append(whole)
        if not self._frames:
            raise damaged()
        self._begin(size, [frame.layer for frame in self._frames])

    def _pixels(self, number: int) -> Image.Image:
        frame = self._frames[number]
        _, _, width, height = frame.layer.box
        header = width.to_bytes(4) + height.to_bytes(4) + self._header[8:]
        parts = [png_chunk(b"IHDR", header), *self._shared, *frame.chunks, png_chunk(b"IEND", b"")]
        alone = b"\x89PNG\r\n\x1a\n" + b"".join(parts)
        is_interlaced = self._header[12:13] == b"\1"

        def opened() -> Image.Image:
            return Image.open(io.BytesIO(alone), formats=("PNG",))

        return decoded(opened, is_first=number == 0, axes=(0, 1) if is_interlaced else ())


def _layer(control: bytes) -> Layer:
    """Return the layer that a frame's control chunk, fcTL, describes."""
    width, height, left, top = (int.from_bytes(control[at : at + 4]) for at in range(4, 20, 4))
    disposal, blend = control[24:26].ljust(2, b"\0")
    delay, unit = (int.from_bytes(control[at : at + 2]) for at in (20, 22))
    return Layer(
        (left, top, width, height),
        _DISPOSALS.get(disposal, Disposal.KEEP),
        over=blend == 1,
        shown_ms=1000 * delay / (unit or 100),
    )
