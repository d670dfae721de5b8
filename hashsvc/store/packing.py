"""
Pack all codes of a content into one byte string, which is then sealed as a whole.

For each algorithm and view the bytes are: both names, each after its length (one byte); the number
of codes (two bytes); the width of a code (one byte); and the codes. Numbers are big-endian.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

_COUNT = struct.Struct(">HB")


@dataclass(frozen=True, slots=True, repr=False)
class CodeGroup:
    """
    Codes of one algorithm and one view, in the order in which they were given.

    Attributes:
        width: Bytes of a code.

        packed: The codes, concatenated.
    """

    algorithm: str
    view: str
    width: int
    packed: bytes

    def __len__(self) -> int:
        """Return the number of codes."""
        return len(self.packed) // self.width

    def __iter__(self) -> Iterator[bytes]:
        """Yield each code."""
        for start in range(0, len(self.packed), self.width):
            yield self.packed[start : start + self.width]


def pack(signals: Sequence[tuple[str, str, bytes]]) -> bytes:
    """Return the packed bytes of signals, given as (algorithm, view, code)."""
    groups: dict[tuple[str, str], list[bytes]] = {}
    for algorithm, view, code in signals:
        groups.setdefault((algorithm, view), []).append(code)
    parts = []
    for (algorithm, view), codes in groups.items():
        (width,) = {len(code) for code in codes}
        parts.append(CodeGroup(algorithm, view, width, b"".join(codes)))
    return pack_groups(parts)


def pack_groups(groups: Iterable[CodeGroup]) -> bytes:
    """Return the packed bytes of groups of codes."""
    parts: list[bytes] = []
    for each in groups:
        header = _COUNT.pack(len(each), each.width)
        parts += [_pack_name(each.algorithm), _pack_name(each.view), header, each.packed]
    return b"".join(parts)


def unpack(packed: bytes) -> Iterator[CodeGroup]:
    """Yield the groups in packed bytes, which are trusted: unsealing has authenticated them."""
    at = 0
    while at < len(packed):
        algorithm, at = _unpack_name(packed, at)
        view, at = _unpack_name(packed, at)
        count, width = _COUNT.unpack_from(packed, at)
        at += _COUNT.size
        yield CodeGroup(algorithm, view, width, packed[at : at + count * width])
        at += count * width


def _pack_name(name: str) -> bytes:
    return bytes([len(name)]) + name.encode("ascii")


def _unpack_name(packed: bytes, at: int) -> tuple[str, int]:
    end = at + 1 + packed[at]
    return packed[at + 1 : end].decode("ascii"), end
