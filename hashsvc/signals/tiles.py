"""
Splits a HEIF or AVIF image that is a grid of tiles into one small file for each tile.

Phones store large photographs as grids of tiles. The libraries decode a grid as a whole, which
takes half a gigabyte for 50 megapixels. Decoded one by one, the tiles need hardly any memory.

A grid that this module does not understand is left to the libraries.

Source: ISO/IEC 14496-12 and ISO/IEC 23008-12 (`grid`, `ispe`, `irot`, `imir`).
"""

import struct
from dataclasses import dataclass

from hashsvc.signals.boxes import Box, BoxError, Items, Reader

_MOST_TILES = 4096
_BRANDS = {b"hvc1": b"heic", b"av01": b"avif"}
# Properties that belong to the grid as a whole: its size, how it is turned, cut and shown.
_OF_WHOLE = frozenset({b"ispe", b"irot", b"imir", b"clap", b"pixi", b"pasp"})
_HANDLER = bytes(8) + b"pict" + bytes(13)


@dataclass(frozen=True, slots=True, repr=False)
class Grid:
    """
    An image that is a grid of tiles.

    Attributes:
        size: Width and height of the whole image, before it is turned.

        columns: Number of tiles in each row.

        tiles: One file for each tile, row after row.

        turns: What is done to the whole image, step by step. Each step is a number of
            counterclockwise quarter turns, −1 to swap top and bottom, or −2 to swap left and right.
    """

    size: tuple[int, int]
    columns: int
    tiles: tuple[bytes, ...]
    turns: tuple[int, ...]


def read_grid(data: bytes) -> Grid | None:
    """Return the grid that is a file's main image; None if it is not a grid that can be split."""
    try:
        return _grid(Items(data))
    except BoxError:
        return None


def _grid(items: Items) -> Grid | None:
    if items.kind(items.main) != b"grid":
        return None
    described = Reader(items.content(items.main))
    described.version()
    size = 4 if described.number(1) & 1 else 2
    rows, columns = described.number(1) + 1, described.number(1) + 1
    width, height = described.number(size), described.number(size)
    inputs = items.inputs(items.main)
    mine = items.properties(items.main)
    kinds = {items.kind(each) for each in inputs}
    is_plain = len(inputs) == rows * columns <= _MOST_TILES and len(kinds) == 1
    if not is_plain or not kinds <= _BRANDS.keys() or any(kind == b"clap" for kind, _ in mine):
        return None
    shared = [each for each in mine if each[0] not in _OF_WHOLE]
    tiles = tuple(_tile(items, each, shared) for each in inputs)
    turns = tuple(
        content[0] & 3 if kind == b"irot" else -1 - (content[0] & 1)
        for kind, content in mine
        if kind in (b"irot", b"imir") and content
    )
    return Grid((width, height), columns, tiles, turns)


def _tile(items: Items, item: int, shared: list[Box]) -> bytes:
    own, replaced = items.properties(item), {kind for kind, _ in shared}
    return _single(
        items.kind(item),
        [*(each for each in own if each[0] not in replaced), *shared],
        items.content(item),
    )


def _single(kind: bytes, properties: list[Box], content: bytes) -> bytes:
    """Return a file with one item."""
    brand = _BRANDS[kind]
    places = b"".join((0x80 | number).to_bytes() for number in range(1, len(properties) + 1))
    owned = bytes(4) + struct.pack(">IHB", 1, 1, len(properties)) + places
    entry = b"\2\0\0\0" + struct.pack(">HH", 1, 0) + kind + b"\0"

    def meta(start: int) -> bytes:
        return bytes(4) + b"".join(
            (
                _box(b"hdlr", _HANDLER),
                _box(b"pitm", bytes(4) + b"\0\1"),
                _box(b"iloc", bytes(4) + struct.pack(">HHHHHII", 0x4400, 1, 1, 0, 1, start, size)),
                _box(b"iinf", bytes(4) + b"\0\1" + _box(b"infe", entry)),
                _box(
                    b"iprp",
                    _box(b"ipco", b"".join(_box(*each) for each in properties))
                    + _box(b"ipma", owned),
                ),
            )
        )

    size = len(content)
    first = _box(b"ftyp", brand + bytes(4) + b"mif1" + brand)
    start = len(first) + 8 + len(meta(0)) + 8
    return first + _box(b"meta", meta(start)) + _box(b"mdat", content)


def _box(kind: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4) + kind + content
