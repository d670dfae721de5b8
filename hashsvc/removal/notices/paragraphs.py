"""
A document's text in its parts, so that plain text, HTML and PDF say the same.

A template is written as plain text: parts stand apart by an empty line. The first part is the
title; a single line that begins with a number and a full stop is a heading; lines that begin with
two spaces stay lines (addresses, lists); everything else is a paragraph, however its lines were
broken.
"""

import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

_WIDTH = 76
_HEADING = re.compile(r"\d{1,2}\. \S")


class ParagraphKind(StrEnum):
    """What a part of a document is."""

    TITLE = "title"
    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LINES = "lines"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One part of a document: one line of text, or several where it is a list."""

    role: ParagraphKind
    lines: tuple[str, ...]


def parts_of(rendered: str) -> tuple[Paragraph, ...]:
    """Return the parts of a rendered template, in order."""
    return tuple(_parts(re.split(r"\n[ \t]*\n", rendered.strip("\n"))))


def plain_text(parts: Iterable[Paragraph]) -> str:
    """Return a document as plain text; paragraphs are wrapped, all else is never broken."""
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
    # A URL or a long word is never cut.
    return textwrap.fill(part.lines[0], _WIDTH, break_long_words=False, break_on_hyphens=False)
