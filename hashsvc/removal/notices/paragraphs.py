"""
Splits a document's text into parts, so that plain text, HTML and PDF say the same.

A template is plain text, and an empty line separates two parts. The first part is the title. A
single line that begins with a number and a full stop is a heading. Lines that begin with two spaces
stay separate lines (addresses, lists). Everything else is a paragraph, whose lines are rewrapped.
"""

import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

_WIDTH = 76
_HEADING = re.compile(r"\d{1,2}\. \S")


class ParagraphKind(StrEnum):
    """The kind of a part of a document."""

    TITLE = "title"
    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LINES = "lines"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One part of a document: one line of text, or several lines if it is a list."""

    role: ParagraphKind
    lines: tuple[str, ...]


def parts_of(rendered: str) -> tuple[Paragraph, ...]:
    """Return the parts of a rendered template, in order."""
    return tuple(_parts(re.split(r"\n[ \t]*\n", rendered.strip("\n"))))


def plain_text(parts: Iterable[Paragraph]) -> str:
    """Return a document as plain text. Only paragraphs are wrapped."""
    return "\n\n".join(_as_text(each) for each in parts) + "\n"


def _parts(blocks: Iterable[str]) -> Iterator[Paragraph]:
    for position, block in enumerate(blocks):
        lines = [each.rstrip() for each in block.split("\n") if each.strip()]
        if not lines:
            continue
        if all(each.startswith("  ") for each in lines):
            yield Paragraph(ParagraphKind.LINES, tuple(each.strip() for each in lines))
            continue
        text = " ".join(each.strip() for each in lines)
        if position == 0:
            yield Paragraph(ParagraphKind.TITLE, (text,))
        elif len(lines) == 1 and _HEADING.match(text):
            yield Paragraph(ParagraphKind.HEADING, (text,))
        else:
            yield Paragraph(ParagraphKind.PARAGRAPH, (text,))


def _as_text(part: Paragraph) -> str:
    if part.role is ParagraphKind.LINES:
        return "\n".join(f"  {each}" for each in part.lines)
    if part.role in {ParagraphKind.TITLE, ParagraphKind.HEADING}:
        return part.lines[0]
    # Never cut a URL or a long word.
    return textwrap.fill(part.lines[0], _WIDTH, break_long_words=False, break_on_hyphens=False)
