"""
Finds the frames of a GIF in its bytes, without decoding their pixels.

Source: GIF89a. Chromium lets only the first frame enlarge the canvas (gif_image_decoder.cc).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_BLOCK = re.compile(rb"[!,;]")
_CONTROL = b"!\xf9\x04"


@dataclass(frozen=True, slots=True)
class GifFrame:
    """
    One frame of a GIF.

    Attributes:
        box: Left, top, width and height on the canvas, in pixels.

        interlaced: Whether its rows come in four passes.

        palette: Red, green and blue of each colour; empty if there is no palette.

        transparent: The number of the transparent colour, or None.

        disposal: The file's number for what happens to the frame before the next one is drawn.

        shown_ms: How long the frame is shown, in milliseconds.

        start: Offset of the pixels in the file.

        end: Offset after the pixels.
    """

    box: tuple[int, int, int, int]
    interlaced: bool
    palette: bytes
    transparent: int | None
    disposal: int
    shown_ms: int
    start: int
    end: int

    @property
    def pixels(self) -> int:
        """The number of pixels in its box."""
        return self.box[2] * self.box[3]


def gif_frames(data: bytes) -> Iterator[GifFrame]:
    """Yield the frames of a GIF, without decoding their pixels."""
    offset, colours = _palette(data, 13, data[10:11])
    transparent, disposal, shown_ms = None, 0, 0
    while found := _BLOCK.search(data, offset):
        start = found.start()
        if found[0] == b";":
            return
        if found[0] == b"!":
            if data.startswith(_CONTROL, start):
                flags, index = data[start + 3 : start + 4], data[start + 6 : start + 7]
                flag = flags[0] if flags else 0
                disposal, transparent = flag >> 2 & 7, index[0] if flag & 1 and index else None
                shown_ms = 10 * int.from_bytes(data[start + 4 : start + 6], "little")
            offset = _past_blocks(data, start + 2)
            continue
        fields = data[start + 1 : start + 10].ljust(9, b"\0")
        left, top, width, height = (
            int.from_bytes(fields[at : at + 2], "little") for at in (0, 2, 4, 6)
        )
        pixels, own = _palette(data, start + 10, fields[8:9])
        offset = _past_blocks(data, pixels + 1)
        yield GifFrame(
            (left, top, width, height),
            bool(fields[8] & 0x40),
            own or colours,
            transparent,
            disposal,
            shown_ms,
            pixels,
            offset,
        )
        transparent, disposal, shown_ms = None, 0, 0


def gif_canvas(data: bytes, first: GifFrame) -> tuple[int, int]:
    """Return the size of a GIF's canvas, which only its first frame can enlarge."""
    left, top, width, height = first.box
    return (
        max(int.from_bytes(data[6:8], "little"), left + width),
        max(int.from_bytes(data[8:10], "little"), top + height),
    )


def _palette(data: bytes, offset: int, flags: bytes) -> tuple[int, bytes]:
    """Return the offset after a palette, and the palette; it is empty if the flags say so."""
    end = offset + (6 << (flags[0] & 7) if flags and flags[0] & 0x80 else 0)
    return end, data[offset:end]


def _past_blocks(data: bytes, offset: int) -> int:
    while offset < len(data) and data[offset]:
        offset += 1 + data[offset]
    return offset + 1
