"""
A content's codes as one run of bytes, which is sealed as a whole.

For each algorithm and view: both names, each after its length (one byte), the number of codes (two
bytes), the width of a code (one byte), and the codes one after another; numbers big-endian.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

_COUNT = struct.Struct(">HB")


@dataclass(frozen=True, slots=True, repr=False)
class CodeGroup:
    """
    Codes of one algorithm and one view, in the order in which they came.

    Attributes:
        width: Bytes of a code.

        packed: The codes, one after another.
    """

    algorithm: str
    view: str
    width: int
    packed: bytes

    def __len__(self) -> int:
        """How many codes."""
        return len(self.packed) // self.width

    def __iter__(self) -> Iterator[bytes]:
        """Go through the codes."""
        for start in range(0, len(self.packed), self.width):
            yield self.packed[start : start + self.width]


def pack(signals: Sequence[tuple[str, str, bytes]]) -> bytes:
    """Return (algorithm, view, code) of each signal as bytes, grouped."""
    groups: dict[tuple[str, str], list[bytes]] = {}
    for algorithm, view, code in signals:
        groups.setdefault((algorithm, view), []).append(code)
    parts = []
    for (algorithm, view), codes in groups.items():
        (width,) = {len(code) for code in codes}
        parts.append(CodeGroup(algorithm, view, width, b"".join(codes)))
    return pack_groups(parts)


def pack_groups(groups: Iterable[CodeGroup]) -> bytes:
    """Return codes that are grouped already as bytes."""
    parts: list[bytes] = []
    for each in groups:
        counted = _COUNT.pack(len(each), each.width)
        parts += [_named(each.algorithm), _named(each.view), counted, each.packed]
    return b"".join(parts)


def unpack(packed: bytes) -> Iterator[CodeGroup]:
    """Yield the groups of packed bytes, which were authenticated when they were opened."""
    at = 0
    while at < len(packed):
        algorithm, at = _name(packed, at)
        view, at = _name(packed, at)
        count, width = _COUNT.unpack_from(packed, at)
        at += _COUNT.size
        yield CodeGroup(algorithm, view, width, packed[at : at + count * width])
        at += count * width


def _named(name: str) -> bytes:
    return bytes([len(name)]) + name.encode("ascii")


def _name(packed: bytes, at: int) -> tuple[str, int]:
    end = at + 1 + packed[at]
    return packed[at + 1 : end].decode("ascii"), end
