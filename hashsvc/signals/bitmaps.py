"""
Decodes Windows bitmaps (BMP) as Chromium shows them: all their headers, depths and bit fields.

Pillow refuses many layouts, and reads the transparency of others differently from Chromium. Pixels
that the file lacks or does not draw are transparent.

Sources: Microsoft, "Bitmap Header Types" and "Bitmap Compression"; Chromium, bmp_image_reader.cc.
"""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hashsvc.signals.errors import BrokenImageError
from hashsvc.signals.kinds import unsupported
from hashsvc.signals.salvage import check_rows, damaged

_Bytes = NDArray[np.uint8]

_OS2, _SHORT, _WITH_MASKS, _WITH_ALPHA_MASK = 12, 16, 52, 56
_OS2_SIZES = frozenset({_OS2, _SHORT, 64})

_PLAIN, _RLE8, _RLE4, _BIT_FIELDS, _ALPHA_BIT_FIELDS = 0, 1, 2, 3, 6
_DEPTHS = {
    _PLAIN: (1, 2, 4, 8, 16, 24, 32),
    _RLE8: (8,),
    _RLE4: (4,),
    _BIT_FIELDS: (16, 32),
    _ALPHA_BIT_FIELDS: (16, 32),
}
_MASKS = {16: (0x7C00, 0x3E0, 0x1F), 32: (0xFF0000, 0xFF00, 0xFF)}

_STRIP_PIXELS = 2**18


@dataclass(frozen=True, slots=True)
class _Header:
    """
    What a bitmap says about itself.

    Attributes:
        width: Width in pixels.

        height: Height in pixels.

        top_down: Whether the first row in the file is the topmost row.

        bits: Bits per pixel.

        compression: The file's number for its compression.

        masks: Which bits of a pixel are red, green, blue and alpha; empty unless a pixel has 16 or
            32 bits.

        palette: Blue, green and red of each colour, shape (n, 3).

        start: Offset of the pixels in the file.
    """

    width: int
    height: int
    top_down: bool
    bits: int
    compression: int
    masks: tuple[int, ...]
    palette: _Bytes
    start: int


def read_bitmap(data: bytes) -> Image.Image:
    """
    Return a bitmap in mode RGB or P, or in mode RGBA if a part of it is transparent or missing.

    Raises:
        UnsupportedImageError: If its compression or depth is not supported.

        BrokenImageError: If its fields are wrong, or if the file has too few of its rows.
    """
    header = _read_header(data)
    if header.compression in (_RLE4, _RLE8):
        image, opaque = _run_length_coded(header, data)
    else:
        image, opaque = _uncompressed(header, data)
    if len(header.palette):
        image.putpalette(header.palette.tobytes(), "BGR")
    if opaque is not None:
        image = image.convert("RGB")
        image.putalpha(opaque)
    return image


def _read_header(data: bytes) -> _Header:
    size = int.from_bytes(data[14:18], "little")
    if size == _OS2:
        fields = struct.unpack("<HHHH", data[18:26].ljust(8, b"\0"))
    else:
        fields = struct.unpack("<iiHHIIIII", data[18 : 14 + size].ljust(32, b"\0")[:32])
    width, height, _, bits, compression, _, _, _, colours = (*fields, 0, 0, 0, 0, 0)[:9]
    if bits not in _DEPTHS.get(compression, ()):
        raise unsupported("BMP of a rare compression")
    if width <= 0 or height == 0:
        raise damaged()
    after = 14 + size
    masks: tuple[int, ...] = (*_MASKS.get(bits, ()), 0) if bits in _MASKS else ()
    if compression in (_BIT_FIELDS, _ALPHA_BIT_FIELDS) and size < _WITH_MASKS:
        count = 4 if compression == _ALPHA_BIT_FIELDS else 3
        masks = (*_numbers(data, after, count), 0)[:4]
        after += 4 * count
    elif masks and size not in _OS2_SIZES:
        alpha = _numbers(data, 66, 1) if size >= _WITH_ALPHA_MASK else (0,)
        masks = ((*_numbers(data, 54, 3),) if compression == _BIT_FIELDS else masks[:3]) + alpha
    masks = tuple(mask & ((1 << bits) - 1) for mask in masks)
    _check_masks(masks)
    start, colour_bytes = int.from_bytes(data[10:14], "little"), 3 if size == _OS2 else 4
    palette = np.zeros((256 if bits <= 8 else 0, 3), np.uint8)
    if bits <= 8:
        count = min(1 << bits, colours or 1 << bits)
        if start > after:
            count = min(count, (start - after) // colour_bytes)
        found = data[after : after + count * colour_bytes]
        read = np.frombuffer(found[: len(found) // colour_bytes * colour_bytes], np.uint8)
        read = read.reshape(-1, colour_bytes)[:, :3]
        palette[: len(read)] = read
        after += count * colour_bytes
    return _Header(
        width, abs(height), height < 0, bits, compression, masks, palette, start or after
    )


def _numbers(data: bytes, offset: int, count: int) -> tuple[int, ...]:
    return struct.unpack(f"<{count}I", data[offset : offset + 4 * count].ljust(4 * count, b"\0"))


def _check_masks(masks: tuple[int, ...]) -> None:
    """Check that the bits of each colour are adjacent, and that no two colours share a bit."""
    union = 0
    for mask in masks:
        lowest = mask & -mask
        if mask & union or (mask // (lowest or 1) + 1) & (mask // (lowest or 1)):
            raise BrokenImageError("The bitmap is damaged: its bit fields contradict each other.")
        union |= mask


def _uncompressed(header: _Header, data: bytes) -> tuple[Image.Image, Image.Image | None]:
    """Return an image of mode P or RGB, and its opacity if a part of it is not opaque."""
    width, height = size = header.width, header.height
    stride = (width * header.bits + 31) // 32 * 4
    there = min(height, max(0, len(data) - header.start) // stride)
    check_rows(there, height)
    image = Image.new("P" if header.bits <= 8 else "RGB", size)
    alpha = Image.new("L", size) if header.masks and header.masks[3] else None
    most = max(1, _STRIP_PIXELS // width)
    for first in range(0, there, most):
        rows = min(most, there - first)
        offset = header.start + first * stride
        packed = np.frombuffer(data, np.uint8, rows * stride, offset).reshape(rows, stride)
        top, step = (first, 1) if header.top_down else (height - first - rows, -1)
        image.paste(Image.fromarray(_colours(packed, header)[::step]), (0, top))
        if alpha is not None:
            strip = _channel(_words(packed, header), header.masks[3])
            alpha.paste(Image.fromarray(strip[::step]), (0, top))
    if alpha is not None and alpha.getextrema() == (0, 0):
        # Many programs leave all alpha values at zero, but mean that nothing is transparent.
        alpha = None
    if there < height:
        alpha = alpha or Image.new("L", size, 255)
        alpha.paste(0, (0, there, *size) if header.top_down else (0, 0, width, height - there))
    return image, alpha


def _colours(packed: _Bytes, header: _Header) -> _Bytes:
    """Return n rows: palette numbers, shape (n, width), or RGB pixels, shape (n, width, 3)."""
    width = header.width
    if header.bits <= 8:
        per_byte = 8 // header.bits
        shifts = np.arange(8 - header.bits, -1, -header.bits, dtype=np.uint8)
        numbers = packed[:, : -(-width // per_byte), None] >> shifts & ((1 << header.bits) - 1)
        return numbers.reshape(len(packed), -1)[:, :width].astype(np.uint8)
    if header.bits == 24:
        return packed[:, : 3 * width].reshape(len(packed), width, 3)[:, :, ::-1]
    words = _words(packed, header)
    return np.dstack([_channel(words, mask) for mask in header.masks[:3]])


def _words(packed: _Bytes, header: _Header) -> NDArray[np.uint32]:
    words = packed.view("<u2" if header.bits == 16 else "<u4")[:, : header.width]
    return words.astype(np.uint32)


def _channel(words: NDArray[np.uint32], mask: int) -> _Bytes:
    """Return the values of a bit field, scaled to the range of a byte."""
    if not mask:
        return np.zeros(words.shape, np.uint8)
    lowest = (mask & -mask).bit_length() - 1
    highest = mask >> lowest
    values = (words & mask) >> lowest
    if highest > 255:
        return (values >> (highest.bit_length() - 8)).astype(np.uint8)
    return ((values * 255 + highest // 2) // highest).astype(np.uint8)


def _run_length_coded(header: _Header, data: bytes) -> tuple[Image.Image, Image.Image | None]:
    """Return an image of mode P, and its opacity if a part of it is not drawn."""
    size = header.width, header.height
    numbers, drawn = _drawn(header, data)
    shape = header.height, header.width
    is_drawn = np.frombuffer(drawn, np.uint8).reshape(shape)
    check_rows(int(np.count_nonzero(is_drawn.any(axis=1))), header.height)
    step = 1 if header.top_down else -1
    image = Image.new("P", size)
    image.paste(Image.fromarray(np.frombuffer(numbers, np.uint8).reshape(shape)[::step]))
    return image, None if is_drawn.all() else Image.fromarray(is_drawn[::step])


def _drawn(header: _Header, data: bytes) -> tuple[bytearray, bytearray]:
    """
    Return each pixel's palette number, and whether the file draws the pixel: 255 or 0.

    Both are in the file's order of rows.
    """
    width, height, four_bits = header.width, header.height, header.compression == _RLE4
    numbers, drawn = bytearray(width * height), bytearray(width * height)
    x, y, offset = 0, 0, header.start
    while y < height and offset + 2 <= len(data):
        count, value = data[offset], data[offset + 1]
        offset += 2
        if count:
            run = (
                bytes((value >> 4, value & 15)) * (count + 1 >> 1)
                if four_bits
                else bytes((value,)) * count
            )
            run = run[: min(count, width - x)]
        elif value == 0:
            x, y = 0, y + 1
            continue
        elif value == 1:
            break
        elif value == 2:
            if offset + 2 > len(data) or x + data[offset] > width:
                break
            x, y = x + data[offset], y + data[offset + 1]
            offset += 2
            continue
        else:
            stored = data[offset : offset + (value + 1 >> 1 if four_bits else value)]
            offset += len(stored) + len(stored) % 2
            run = stored
            if four_bits:
                run = bytes(each for byte in stored for each in (byte >> 4, byte & 15))
            run = run[:value]
            if x + len(run) > width:
                break
        start = y * width + x
        numbers[start : start + len(run)] = run
        drawn[start : start + len(run)] = b"\xff" * len(run)
        x += len(run)
    return numbers, drawn
