"""
Writes a document as PDF, in any script.

typst joins Arabic letters, orders text that reads from right to left, breaks lines as each language
does, and embeds only the glyphs used. The same document gives the same bytes, as long as typst and
the fonts stay the same. So a PDF in a bundle can be checked by writing it again.
"""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from importlib.resources import files

from hashsvc.removal.errors import TypesettingError
from hashsvc.removal.law.legal import Language
from hashsvc.removal.notices.paragraphs import Paragraph
from hashsvc.removal.notices.typesetting import (
    begins_letter,
    drawable,
    in_codes,
    in_fonts,
    typeset,
)

WIDTH_MM, HEIGHT_MM = 166, 253
"""The size of the text on a page: A4 without its margins of 22 mm."""

# So many of the widest letters fit on a line.
_MOST = 40
_TABLE_EM_MM = 7.5 / 72 * 25.4
# Chinese characters and Korean syllables. A line may end after each of them.
_IDEOGRAPHS = r"\u2e80-\u2fff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff"
# Thai, Lao, Burmese and Khmer have no spaces. typst finds the words in them, but not in nonsense.
_WORDS_UNMARKED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"


@dataclass(frozen=True, slots=True)
class Table:
    """
    A table of a document. The first row is its header, which each page repeats.

    Attributes:
        widths: The width of each column; their sum is the width of the page.
    """

    rows: Sequence[Sequence[str]]
    widths: Sequence[int]


@dataclass(frozen=True, slots=True)
class Picture:
    """
    A picture in a document.

    Attributes:
        text: The text that a screen reader reads instead.
    """

    svg: str
    width_mm: float
    text: str


def write_pdf(
    parts: Sequence[Paragraph | Table | Picture],
    *,
    title: str,
    language: Language,
    foot: str,
    author: str,
    on: date,
) -> bytes:
    """
    Return a document as PDF. A character that no font has is written as its code; see `drawable`.

    If the typesetter fails at a text, everything but plain European text is written as codes.

    Args:
        title: The title in the file's properties. The document's own is the first part.

        foot: The text at the foot of each page, before the page number.

        on: The document's day. It is the creation date in the file.
    """

    def written(show: Callable[[str], str]) -> bytes:
        paper = {
            "title": title,
            "author": author,
            "language": language.value,
            "foot": _line(foot, show),
            "parts": [_part(each, show) for each in parts],
        }
        at = datetime(on.year, on.month, on.day, tzinfo=UTC)
        return typeset(_form(), {"paper": json.dumps(paper)}, "pdf", at=at)

    try:
        return written(drawable)
    except TypesettingError:
        return written(in_codes)


@lru_cache(maxsize=1)
def _form() -> bytes:
    return (files("hashsvc.removal") / "data" / "paper.typ").read_bytes()


def _part(part: Paragraph | Table | Picture, show: Callable[[str], str]) -> dict[str, object]:
    """Return a part as `data/paper.typ` reads it."""
    if isinstance(part, Picture):
        return {"role": "picture", "svg": part.svg, "width": part.width_mm, "alt": part.text}
    if isinstance(part, Paragraph):
        return {"role": part.role.value, "lines": [_line(each, show) for each in part.lines]}
    most = [int(WIDTH_MM * each / sum(part.widths) / _TABLE_EM_MM) - 1 for each in part.widths]
    rows = [
        [_line(cell, show, fit) for cell, fit in zip(row, most, strict=True)] for row in part.rows
    ]
    return {"role": "table", "widths": list(part.widths), "rows": rows}


def _line(text: str, show: Callable[[str], str], most: int = _MOST) -> dict[str, object]:
    shown = show(re.sub(" +", " ", text.strip()))
    return {
        "pieces": [in_fonts(each) for each in _pieces(shown, most)],
        "rtl": _reads_from_right(shown),
    }


def _pieces(text: str, most: int) -> Iterable[str]:
    """Yield a text in pieces. Between them, a word of more than `most` letters may be broken."""
    long = re.compile(
        rf"[^\s{_IDEOGRAPHS}{_WORDS_UNMARKED}]{{{most + 1},}}|[{_WORDS_UNMARKED}]{{{2 * most},}}"
    )
    done, least = 0, most // 3
    for found in long.finditer(text):
        for at in range(found.start(), found.end()):
            length = at - max(found.start(), done)
            # The shaper fails at 256 marks on one letter, which are nonsense.
            if length >= 2 * least or (length >= least and begins_letter(text, at)):
                yield text[done:at]
                done = at
    yield text[done:]


def _reads_from_right(text: str) -> bool:
    """Return whether most letters are of scripts that are read from right to left."""
    count = Counter(map(unicodedata.bidirectional, text))
    return count["R"] + count["AL"] > count["L"]
