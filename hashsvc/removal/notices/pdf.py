"""
Writes a document as PDF, in the shipped font.

The same document gives the same bytes, so a PDF in a bundle can be checked by writing it again.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from importlib.resources import as_file, files

from fpdf import FPDF
from fpdf.enums import WrapMode, XPos, YPos
from fpdf.fonts import TTFFont

from hashsvc.removal.errors import BadNoticeError
from hashsvc.removal.law.legal import Language
from hashsvc.removal.notices.paragraphs import Paragraph, ParagraphKind

_FAMILY = "notice"
# DejaVu Sans with Latin, Greek and Cyrillic letters only. Its licence is in dejavu-licence.txt.
_FONT = "dejavu-sans.ttf"
_MARGIN_MM = 22
# Letter size in points, then in millimetres: line height, space before, space after.
_STYLES: dict[ParagraphKind, tuple[float, float, float, float]] = {
    ParagraphKind.TITLE: (15, 7, 0, 4),
    ParagraphKind.HEADING: (11.5, 6, 2, 1.5),
    ParagraphKind.PARAGRAPH: (10, 5, 0, 2.5),
    ParagraphKind.LINES: (9, 4.6, 0, 2.5),
}


class _Paper(FPDF):
    """A4 pages whose foot shows a line of text and the page number."""

    foot = ""

    def footer(self) -> None:
        self.set_y(-_MARGIN_MM / 1.6)
        self.set_font(_FAMILY, size=7.5)
        self.cell(0, 4, f"{self.foot}  {self.page_no()}/{{nb}}", align="C")


def write_pdf(
    parts: Sequence[Paragraph], *, language: Language, foot: str, author: str, on: date
) -> bytes:
    """
    Return a document as PDF.

    Args:
        foot: The text at the foot of each page, before the page number.

        on: The document's day. It is the creation date in the file.

    Raises:
        BadNoticeError: If the font lacks a letter, which would leave a gap in a legal document.
    """
    with open_paper(parts[0].lines[0], language=language, foot=foot, author=author, on=on) as paper:
        check_letters(paper, foot, *(line for part in parts for line in part.lines))
        for part in parts:
            write_part(paper, part)
        return bytes(paper.output())


@contextmanager
def open_paper(
    title: str, *, language: Language, foot: str, author: str, on: date
) -> Iterator[FPDF]:
    """Yield a PDF with one empty page and its font set. Call `output()` inside the block."""
    paper = _Paper(format="A4")
    paper.foot = foot
    paper.set_margin(_MARGIN_MM)
    paper.set_auto_page_break(auto=True, margin=_MARGIN_MM)
    with as_file(files("hashsvc.removal") / "data" / _FONT) as font:
        paper.add_font(_FAMILY, fname=font)
    try:
        paper.set_title(title)
        paper.set_author(author)
        paper.set_lang(language.value)
        paper.set_creation_date(datetime(on.year, on.month, on.day, tzinfo=UTC))
        paper.add_page()
        paper.set_font(_FAMILY, size=_STYLES[ParagraphKind.PARAGRAPH][0])
        yield paper
    finally:
        _face(paper).ttfont.close()  # fpdf reads the font file until it has written the PDF.


def write_part(paper: FPDF, part: Paragraph) -> None:
    """Write one part of a document below the previous one."""
    points, line_mm, before_mm, after_mm = _STYLES[part.role]
    paper.set_font(_FAMILY, size=points)
    paper.ln(before_mm)
    # Do not leave a heading at the foot of a page, because its text would be on the next page.
    if part.role is ParagraphKind.HEADING and paper.will_page_break(line_mm * 4):
        paper.add_page()
    for line in part.lines:
        paper.multi_cell(
            0,
            line_mm,
            " ".join(line.split()),
            align="L",
            new_x=XPos.LMARGIN,
            new_y=YPos.NEXT,
            # Break a long URL without adding a hyphen to it.
            wrapmode=WrapMode.WORD,
        )
    paper.ln(after_mm)


def check_letters(paper: FPDF, *lines: str) -> None:
    """
    Check that the font has every letter of some lines.

    Raises:
        BadNoticeError: If the font lacks a letter, which would leave a gap in a legal document.
    """
    known = _face(paper).cmap
    if any(ord(letter) not in known for line in lines for letter in line):
        raise BadNoticeError("A PDF can contain Latin, Greek and Cyrillic letters only.")


def _face(paper: FPDF) -> TTFFont:
    face = paper.fonts[_FAMILY]
    assert isinstance(face, TTFFont)
    return face
