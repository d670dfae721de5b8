"""Makes HEIF and AVIF files whose image is a grid of tiles, which no library here can write."""

import math
import struct
from collections.abc import Iterator

from PIL import Image

from tests.signals.forged import saved

Box = tuple[bytes, bytes]


def heif_grid(photo: Image.Image, tile: int, *, turns: bytes = b"", form: str = "HEIF") -> bytes:
    """
    Return a photo as a grid of square tiles.

    Args:
        tile: Side of the tiles in pixels, a multiple of 64.

        turns: `irot` and `imir` boxes of the whole image, as `irot(1) + imir(0)`.

        form: HEIF or AVIF.
    """
    kind, config = {"HEIF": (b"hvc1", b"hvcC"), "AVIF": (b"av01", b"av1C")}[form]
    columns, rows = math.ceil(photo.width / tile), math.ceil(photo.height / tile)
    padded = Image.new("RGB", (columns * tile, rows * tile))
    padded.paste(photo, (0, 0))
    contents, decoder = [], b""
    for number in range(rows * columns):
        down, across = divmod(number, columns)
        place = across * tile, down * tile
        data = saved(padded.crop((*place, place[0] + tile, place[1] + tile)), form, quality=80)
        meta = dict(boxes(dict(boxes(data))[b"meta"][4:]))
        properties = dict(boxes(dict(boxes(meta[b"iprp"]))[b"ipco"]))
        assert decoder in (b"", properties[config])
        decoder = properties[config]
        contents.append(dict(boxes(data))[b"mdat"])
    listed = [
        box(config, decoder),
        box(b"ispe", bytes(4) + struct.pack(">II", tile, tile)),
        box(b"ispe", bytes(4) + struct.pack(">II", *photo.size)),
    ]
    turned = [box(*each) for each in boxes(turns)]
    tiles = list(range(2, 2 + len(contents)))
    of_grid = [3, *(0x80 | number for number in range(4, 4 + len(turned)))]
    owned = [(1, of_grid), *((item, [0x81, 2]) for item in tiles)]
    grid = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, *photo.size)
    parts = [grid, *contents]

    def meta_box(start: int) -> bytes:
        places, at = b"", start
        for item, part in enumerate(parts, start=1):
            places += struct.pack(">HHHII", item, 0, 1, at, len(part))
            at += len(part)
        infos = [
            # Tiles are marked as hidden, because they are not images of their own.
            box(b"infe", bytes([2, 0, 0, item > 1]) + struct.pack(">HH", item, 0) + name + b"\0")
            for item, name in [(1, b"grid"), *((item, kind) for item in tiles)]
        ]
        associations = b"".join(
            struct.pack(">HB", item, len(numbers)) + bytes(numbers) for item, numbers in owned
        )
        inputs = struct.pack(f">HH{len(tiles)}H", 1, len(tiles), *tiles)
        return box(
            b"meta",
            bytes(4)
            + box(b"hdlr", bytes(4) + bytes(4) + b"pict" + bytes(13))
            + box(b"pitm", bytes(4) + b"\0\1")
            + box(b"iloc", bytes(4) + b"\x44\0" + struct.pack(">H", len(parts)) + places)
            + box(b"iinf", bytes(4) + struct.pack(">H", len(infos)) + b"".join(infos))
            + box(b"iref", bytes(4) + box(b"dimg", inputs))
            + box(
                b"iprp",
                box(b"ipco", b"".join([*listed, *turned]))
                + box(b"ipma", bytes(4) + struct.pack(">I", len(owned)) + associations),
            ),
        )

    brand = {"HEIF": b"heic", "AVIF": b"avif"}[form]
    first = box(b"ftyp", brand + bytes(4) + b"mif1" + brand)
    start = len(first) + len(meta_box(0)) + 8
    return first + meta_box(start) + box(b"mdat", b"".join(parts))


def irot(quarters: int) -> bytes:
    """Return the box that turns an image counterclockwise."""
    return box(b"irot", bytes([quarters]))


def imir(axis: int) -> bytes:
    """Return the box that swaps top and bottom (0), or left and right (1)."""
    return box(b"imir", bytes([axis]))


def boxes(data: bytes) -> Iterator[Box]:
    """Yield type and content of each box."""
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4])
        yield data[at + 4 : at + 8], data[at + 8 : at + size]
        at += size


def box(kind: bytes, content: bytes) -> bytes:
    """Return a box."""
    return (8 + len(content)).to_bytes(4) + kind + content
