"""
Splits a HEIF or AVIF image that is a grid of tiles into one small file for each tile.

Phones store large photographs as grids of tiles. The libraries decode a grid as a whole, which
takes half a gigabyte for 50 megapixels. Decoded one by one, the tiles need hardly any memory.

Source: ISO/IEC 14496-12 (boxes, `meta`, `iloc`, `iinf`, `iref`) and ISO/IEC 23008-12 (`grid`,
`ipma`, `ispe`, `irot`, `imir`). What is not understood is left to the libraries.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

Box: TypeAlias = tuple[bytes, bytes]
"""The type and the content of a box."""

_MOST_BOXES = 10_000
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

        turns: What is done to the whole image, in this order: a number of counterclockwise quarter
            turns, −1 to swap top and bottom, −2 to swap left and right.
    """

    size: tuple[int, int]
    columns: int
    tiles: tuple[bytes, ...]
    turns: tuple[int, ...]


def read_grid(data: bytes) -> Grid | None:
    """Return the grid that is the main image of a file; None if the main image is no such grid."""
    try:
        return _Items(data).grid()
    except (IndexError, KeyError, ValueError, struct.error):
        return None


class _Reader:
    """Reads big-endian numbers one after another."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def number(self, size: int) -> int:
        if self.at + size > len(self.data):
            raise ValueError
        self.at += size
        return int.from_bytes(self.data[self.at - size : self.at])

    def version(self) -> int:
        """Return the version of a full box; its flags are read with `number`."""
        return self.number(1)


class _Items:
    """The items of a file, from its `meta` box."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        meta = dict(_boxes(dict(_boxes(data))[b"meta"][4:]))
        self._embedded = meta.get(b"idat", b"")
        properties = dict(_boxes(meta[b"iprp"]))
        self._properties = list(_boxes(properties[b"ipco"]))
        self._owned = _associations(properties[b"ipma"])
        self._places = _places(meta[b"iloc"])
        self._kinds = _kinds(meta[b"iinf"])
        self._inputs = _inputs(meta[b"iref"])
        main = _Reader(meta[b"pitm"])
        wide = main.version()
        main.number(3)
        self._main = main.number(4 if wide else 2)

    def grid(self) -> Grid | None:
        """Return the main image as a grid."""
        if self._kinds[self._main] != b"grid":
            return None
        described = _Reader(self._content(self._main))
        described.version()
        size = 4 if described.number(1) & 1 else 2
        rows, columns = described.number(1) + 1, described.number(1) + 1
        width, height = described.number(size), described.number(size)
        inputs = self._inputs[self._main]
        mine = [self._properties[each - 1] for each in self._owned[self._main]]
        kinds = {self._kinds[each] for each in inputs}
        is_plain = len(inputs) == rows * columns <= _MOST_TILES and len(kinds) == 1
        if not is_plain or not kinds <= _BRANDS.keys() or any(kind == b"clap" for kind, _ in mine):
            return None
        shared = [each for each in mine if each[0] not in _OF_WHOLE]
        tiles = tuple(self._tile(each, shared) for each in inputs)
        turns = tuple(
            content[0] & 3 if kind == b"irot" else -1 - (content[0] & 1)
            for kind, content in mine
            if kind in (b"irot", b"imir")
        )
        return Grid((width, height), columns, tiles, turns)

    def _content(self, item: int) -> bytes:
        embedded, extents = self._places[item]
        source = self._embedded if embedded else self._data
        parts = [source[start : start + length] for start, length in extents]
        if any(len(part) != length for part, (_, length) in zip(parts, extents, strict=True)):
            raise ValueError
        return b"".join(parts)

    def _tile(self, item: int, shared: list[Box]) -> bytes:
        own = [self._properties[each - 1] for each in self._owned[item]]
        replaced = {kind for kind, _ in shared}
        return _single(
            self._kinds[item],
            [*(each for each in own if each[0] not in replaced), *shared],
            self._content(item),
        )


def _boxes(data: bytes) -> Iterator[Box]:
    at = 0
    for _ in range(_MOST_BOXES):
        if at + 8 > len(data):
            return
        size, kind, head = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8], 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16]), 16
        elif size == 0:
            size = len(data) - at
        if size < head or at + size > len(data):
            return
        yield kind, data[at + head : at + size]
        at += size
    raise ValueError


def _associations(data: bytes) -> dict[int, list[int]]:
    """Return the numbers of each item's properties, from 1, in order."""
    reader = _Reader(data)
    version, wide = reader.version(), reader.number(3) & 1
    owned: dict[int, list[int]] = {}
    for _ in range(reader.number(4)):
        item = reader.number(2 if version < 1 else 4)
        count = reader.number(1)
        # The highest bit says whether a reader must understand the property.
        numbers = [reader.number(1 + wide) & (0x7FFF if wide else 0x7F) for _ in range(count)]
        owned[item] = [each for each in numbers if each]
    return owned


def _places(data: bytes) -> dict[int, tuple[bool, list[tuple[int, int]]]]:
    """Return for each item whether it is in `idat`, and where its parts begin and how long."""
    reader = _Reader(data)
    version = reader.version()
    reader.number(3)
    sizes = reader.number(2)
    offset_size, length_size, base_size, index_size = (sizes >> by & 15 for by in (12, 8, 4, 0))
    places = {}
    for _ in range(reader.number(2 if version < 2 else 4)):
        item = reader.number(2 if version < 2 else 4)
        method = reader.number(2) & 15 if version else 0
        is_elsewhere = reader.number(2)
        base = reader.number(base_size)
        extents = []
        for _ in range(reader.number(2)):
            reader.number(index_size if version else 0)
            start = base + reader.number(offset_size)
            extents.append((start, reader.number(length_size)))
        if not is_elsewhere and method <= 1:
            places[item] = (method == 1, extents)
    return places


def _kinds(data: bytes) -> dict[int, bytes]:
    """Return the type of each item."""
    version = data[0]
    kinds = {}
    for kind, entry in _boxes(data[6 if version == 0 else 8 :]):
        if kind == b"infe" and entry[0] in (2, 3):
            reader = _Reader(entry)
            reader.number(4)
            item = reader.number(2 if entry[0] == 2 else 4)
            reader.number(2)
            kinds[item] = reader.number(4).to_bytes(4)
    return kinds


def _inputs(data: bytes) -> dict[int, list[int]]:
    """Return the items from which each item is made."""
    size = 2 if data[0] == 0 else 4
    inputs = {}
    for kind, entry in _boxes(data[4:]):
        if kind == b"dimg":
            reader = _Reader(entry)
            item = reader.number(size)
            inputs[item] = [reader.number(size) for _ in range(reader.number(2))]
    return inputs


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
