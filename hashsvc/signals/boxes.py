"""
Reads the boxes of HEIF and AVIF files: which items there are, and what belongs to each.

Sources: ISO/IEC 14496-12 (boxes, `meta`, `iloc`, `iinf`, `iref`); ISO/IEC 23008-12 (`pitm`, `iprp`,
`ipma`).
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TypeAlias, TypeVar

Box: TypeAlias = tuple[bytes, bytes]
"""The type and the content of a box."""

_MOST_BOXES = 10_000


class BoxError(ValueError):
    """A box that is needed is missing or malformed, or there are too many boxes."""


class Reader:
    """Reads big-endian numbers one after another."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def number(self, size: int) -> int:
        if self.at + size > len(self.data):
            raise BoxError
        self.at += size
        return int.from_bytes(self.data[self.at - size : self.at])

    def version(self) -> int:
        """Return the version of a full box; read the flags that follow it with `number`."""
        return self.number(1)


class Items:
    """
    The items of a file; each part of the file is read when it is first needed.

    Args:
        data: The bytes of the file.

    Raises:
        BoxError: If a part that is needed is missing or malformed.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data

    @cached_property
    def main(self) -> int:
        """The number of the main image."""
        reader = Reader(self._part(b"pitm"))
        is_wide = reader.version()
        reader.number(3)
        return reader.number(4 if is_wide else 2)

    def kind(self, item: int) -> bytes:
        """Return the type of an item."""
        return _found(self._kinds, item)

    def inputs(self, item: int) -> list[int]:
        """Return the items from which an item is made, such as tiles."""
        return self._inputs.get(item, [])

    def properties(self, item: int) -> list[Box]:
        """Return the properties of an item, in order."""
        known = self._properties
        numbers = self._owned.get(item, [])
        if any(each > len(known) for each in numbers):
            raise BoxError
        return [known[each - 1] for each in numbers]

    def content(self, item: int) -> bytes:
        """Return the content of an item."""
        is_embedded, extents = _found(self._places, item)
        source = self._part(b"idat") if is_embedded else self._data
        parts = [source[start : start + length] for start, length in extents]
        if any(len(part) != length for part, (_, length) in zip(parts, extents, strict=True)):
            raise BoxError
        return b"".join(parts)

    @cached_property
    def _meta(self) -> dict[bytes, bytes]:
        return dict(boxes(_found(dict(boxes(self._data)), b"meta")[4:]))

    def _part(self, kind: bytes) -> bytes:
        return _found(self._meta, kind)

    @cached_property
    def _described(self) -> dict[bytes, bytes]:
        return dict(boxes(self._part(b"iprp")))

    @cached_property
    def _properties(self) -> list[Box]:
        return list(boxes(_found(self._described, b"ipco")))

    @cached_property
    def _owned(self) -> dict[int, list[int]]:
        return _associations(_found(self._described, b"ipma"))

    @cached_property
    def _places(self) -> dict[int, tuple[bool, list[tuple[int, int]]]]:
        return _places(self._part(b"iloc"))

    @cached_property
    def _kinds(self) -> dict[int, bytes]:
        return _kinds(self._part(b"iinf"))

    @cached_property
    def _inputs(self) -> dict[int, list[int]]:
        return _inputs(self._meta[b"iref"]) if b"iref" in self._meta else {}


_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


def _found(known: Mapping[_Key, _Value], key: _Key) -> _Value:
    if key not in known:
        raise BoxError
    return known[key]


def boxes(data: bytes) -> Iterator[Box]:
    """
    Yield the boxes one after another, up to the first malformed one.

    Raises:
        BoxError: If there are 10,000 boxes or more.
    """
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
    raise BoxError


def _associations(data: bytes) -> dict[int, list[int]]:
    """Return the numbers of each item's properties, counted from 1, in order."""
    reader = Reader(data)
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
    """Return, for each item, whether it is in `idat`, and the start and length of its parts."""
    reader = Reader(data)
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
    version = Reader(data).version()
    kinds = {}
    for kind, entry in boxes(data[6 if version == 0 else 8 :]):
        if kind == b"infe" and entry[:1] in (b"\2", b"\3"):
            reader = Reader(entry)
            reader.number(4)
            item = reader.number(2 if entry[0] == 2 else 4)
            reader.number(2)
            kinds[item] = reader.number(4).to_bytes(4)
    return kinds


def _inputs(data: bytes) -> dict[int, list[int]]:
    """Return the items from which each item is made."""
    size = 4 if Reader(data).version() else 2
    inputs = {}
    for kind, entry in boxes(data[4:]):
        if kind == b"dimg":
            reader = Reader(entry)
            item = reader.number(size)
            inputs[item] = [reader.number(size) for _ in range(reader.number(2))]
    return inputs
