"""
Reads the colour codes in an AV1 stream, for AVIF files that have none in their boxes.

Source: AV1 Bitstream & Decoding Process Specification, 5.3 to 5.5.
"""

_SEQUENCE_HEADER = 1
_MOST_UNITS = 10
_MOST_HEADER_BYTES = 256


def colour_codes(stream: bytes) -> tuple[int, int] | None:
    """
    Return the codes of ITU-T H.273 for colour primaries and transfer characteristics.

    Return None if the stream has none.

    Args:
        stream: The first bytes of the stream. Each unit must state its size, as AVIF demands.
    """
    offset = 0
    for _ in range(_MOST_UNITS):
        if offset + 2 > len(stream):
            return None
        kind, has_extension = stream[offset] >> 3 & 15, stream[offset] & 4
        if not stream[offset] & 2:
            return None
        size, offset = _size(stream, offset + (2 if has_extension else 1))
        if kind == _SEQUENCE_HEADER:
            header = stream[offset : offset + min(size, _MOST_HEADER_BYTES)]
            try:
                return _codes(_Bits(header))
            except EOFError:
                return None
        offset += size
    return None


def _size(stream: bytes, offset: int) -> tuple[int, int]:
    """Return a number in the format leb128, and the offset after it."""
    value = 0
    for place in range(8):
        byte = stream[offset + place] if offset + place < len(stream) else 0
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, offset + place + 1
    return value, offset + 8


class _Bits:
    """Reads bits one after another, starting with the highest bit of each byte."""

    def __init__(self, data: bytes) -> None:
        self._bits = int.from_bytes(data)
        self._left = 8 * len(data)

    def read(self, count: int = 1) -> int:
        self._left -= count
        if self._left < 0:
            raise EOFError
        return self._bits >> self._left & (1 << count) - 1

    def skip(self, *counts: int) -> None:
        for count in counts:
            self.read(count)


def _codes(bits: _Bits) -> tuple[int, int] | None:
    profile, _still, is_reduced = bits.read(3), bits.read(), bits.read()
    if is_reduced:
        bits.skip(5)
    else:
        _skip_operating_points(bits)
    width_bits, height_bits = bits.read(4) + 1, bits.read(4) + 1
    bits.skip(width_bits, height_bits)
    if not is_reduced and bits.read():  # The frames have numbers.
        bits.skip(4, 3)
    bits.skip(3)
    if not is_reduced:
        _skip_tools(bits)
    bits.skip(3)
    is_deep = bits.read()
    if profile == 2 and is_deep:
        bits.skip(1)
    if profile != 1:
        bits.skip(1)
    return (bits.read(8), bits.read(8)) if bits.read() else None


def _skip_operating_points(bits: _Bits) -> None:
    delay_bits, has_model = 0, 0
    if bits.read():  # There is timing information.
        bits.skip(32, 32)
        if bits.read():
            _skip_long_number(bits)
        has_model = bits.read()
        if has_model:
            delay_bits = bits.read(5) + 1
            bits.skip(32, 5, 5)
    has_delays = bits.read()
    for _ in range(bits.read(5) + 1):
        bits.skip(12)
        if bits.read(5) > 7:
            bits.skip(1)
        if has_model and bits.read():
            bits.skip(delay_bits, delay_bits, 1)
        if has_delays and bits.read():
            bits.skip(4)


def _skip_long_number(bits: _Bits) -> None:
    zeros = 0
    while not bits.read():
        zeros += 1
    if zeros < 32:
        bits.skip(zeros)


def _skip_tools(bits: _Bits) -> None:
    bits.skip(4)
    has_order = bits.read()
    if has_order:
        bits.skip(2)
    screen_content = 2 if bits.read() else bits.read()
    if screen_content and not bits.read():
        bits.skip(1)
    if has_order:
        bits.skip(3)
