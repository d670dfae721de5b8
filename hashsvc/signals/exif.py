"""
Reads the orientation in a block of EXIF, which is laid out like a TIFF.

Sources: TIFF 6.0; CIPA DC-008 (EXIF).
"""

from typing import Literal

Order = Literal["little", "big"]


def exif_orientation(exif: bytes) -> int:
    """Return the orientation in a block of EXIF, unchecked; 1 if there is none."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = byte_order(tiff)
    if order is None:
        return 1
    page = int.from_bytes(tiff[4:8], order)
    end = page + 2 + 12 * int.from_bytes(tiff[page : page + 2], order)
    for offset in range(page + 2, min(end, len(tiff) - 11), 12):
        tag, kind = (int.from_bytes(tiff[offset + at : offset + at + 2], order) for at in (0, 2))
        count = int.from_bytes(tiff[offset + 4 : offset + 8], order)
        if (tag, kind, count) == (0x0112, 3, 1):
            return int.from_bytes(tiff[offset + 8 : offset + 10], order)
    return 1


def byte_order(tiff: bytes) -> Order | None:
    """Return the byte order of a TIFF; None if the bytes are not a TIFF."""
    orders: dict[bytes, Order] = {b"II*\0": "little", b"MM\0*": "big"}
    return orders.get(tiff[:4])
