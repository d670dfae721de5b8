"""
A document as PDF, in the font that is shipped.

The bytes are the same for the same document: what a bundle holds can be checked by making it anew.
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
# DejaVu Sans, cut down to Latin, Greek and Cyrillic letters; dejavu-licence.txt stands beside it.
_FONT = "dejavu-sans.ttf"
_MARGIN_MM = 22
# Points of the letters, millimetres of a line, millimetres before and after.
_STYLES: dict[ParagraphKind, tuple[float, float, float, float]] = {
    ParagraphKind.TITLE: (15, 7, 0, 4),
    ParagraphKind.HEADING: (11.5, 6, 2, 1.5),
    ParagraphKind.PARAGRAPH: (10, 5, 0, 2.5),
    ParagraphKind.LINES: (9, 4.6, 0, 2.5),
}


class _Paper(FPDF):
    """A4 with the number of each page, and what the document is filed under, at its foot."""

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
        foot: What stands at the foot of each page, beside its number.

        on: The document's day, which the file's own date is.

    Raises:
        BadNoticeError: If a letter is none of the font's: it would be a gap in a legal document.
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
    """Yield a PDF with one empty page, its font set; taken out of it is what it is written for."""
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
        _face(paper).ttfont.close()  # It reads the file as letters are wanted.


def write_part(paper: FPDF, part: Paragraph) -> None:
    """Write one part of a document where the last one ended."""
    points, line_mm, before_mm, after_mm = _STYLES[part.role]
    paper.set_font(_FAMILY, size=points)
    paper.ln(before_mm)
    # A heading does not stand alone at the foot of a page.
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
            # A URL longer than a line goes on in the next, without a hyphen that is not its own.
            wrapmode=WrapMode.WORD,
        )
    paper.ln(after_mm)


def check_letters(paper: FPDF, *lines: str) -> None:
    """
    Go on only if the font has every letter.

    Raises:
        BadNoticeError: If it lacks one: it would be a gap in a legal document.
    """
    known = _face(paper).cmap
    if any(ord(letter) not in known for line in lines for letter in line):
        raise BadNoticeError("A PDF has Latin, Greek and Cyrillic letters only.")


def _face(paper: FPDF) -> TTFFont:
    face = paper.fonts[_FAMILY]
    assert isinstance(face, TTFFont)
    return face
