"""What a PDF shows: its text and where it stands, as PDFium (of Chromium) finds it; its glyphs."""

import io
from collections.abc import Iterator

import pypdfium2
from pypdf import PdfReader
from pypdf.generic import ByteStringObject, ContentStream, DictionaryObject, TextStringObject


def text_of(content: bytes) -> str:
    """Return the text of a PDF, without white space."""
    with pypdfium2.PdfDocument(content) as document:
        pages = [page.get_textpage().get_text_range() for page in document]
    return "".join("".join(pages).split())


def left_of(content: bytes, word: str) -> float:
    """Return the left edge of the only place of a word on the first page, in points."""
    with pypdfium2.PdfDocument(content) as document:
        page = document[0].get_textpage()
        searcher = page.search(word)
        place = searcher.get_next()
        assert place is not None
        assert searcher.get_next() is None
        return float(page.get_charbox(place[0])[0])


def right_edge(content: bytes) -> float:
    """Return the right edge of the letter that is furthest to the right, in points."""
    with pypdfium2.PdfDocument(content) as document:
        pages = [page.get_textpage() for page in document]
        places = ((page, at) for page in pages for at in range(page.count_chars()))
        return max(float(page.get_charbox(at)[2]) for page, at in places)


def glyphs_of(content: bytes) -> list[tuple[str, int]]:
    """Return the font and the number of each glyph drawn. 0 is the box for a missing glyph."""
    reader = PdfReader(io.BytesIO(content), strict=True)
    return [each for page in reader.pages for each in _drawn(reader, page["/Contents"])]


def fonts_of(content: bytes) -> set[str]:
    """Return the names of the embedded fonts."""
    fonts = set()
    reader = PdfReader(io.BytesIO(content), strict=True)
    for number in range(1, int(str(reader.trailer["/Size"]))):
        found = reader.get_object(number)
        if isinstance(found, DictionaryObject) and found.get("/Subtype") == "/Type0":
            name = str(found["/BaseFont"]).partition("+")[2]
            fonts.add(name.removesuffix("-Identity-H"))
    return fonts


def _drawn(reader: PdfReader, stream: object) -> Iterator[tuple[str, int]]:
    font = ""
    for operands, operator in ContentStream(stream, reader).operations:
        if operator == b"Tf":
            font = str(operands[0])
        elif operator in (b"Tj", b"TJ"):
            for each in operands[0] if operator == b"TJ" else operands:
                if isinstance(each, ByteStringObject | TextStringObject):
                    raw = each.original_bytes
                    for at in range(0, len(raw), 2):
                        yield font, int.from_bytes(raw[at : at + 2])
