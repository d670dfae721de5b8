"""Reads tables of text: finds what separates the columns, and which columns hold URLs."""

import csv
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence

from hashsvc.scanning.lists.cells import urls_in

# Dutch, French, German and English headings of a column of URLs.
_HEADER = re.compile(
    r"(?:urls?|ur[il]'?s?|links?|liens?|adres(?:se|sen)?|adresses?|address(?:es)?|webadres(?:sen)?|"
    r"webadresse[n]?|hyperlinks?|pagina'?s?|pages?|seiten?|location|site|lien url|url lien)",
    re.IGNORECASE,
)
_DELIMITERS = "\t;,|"
_SEPARATOR = re.compile(r"sep=(.)\s*", re.IGNORECASE)
_LOOKED_AT = 100


def rows_of(lines: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each row, with the number of the row's first line."""
    start, delimiter = _separator(lines)
    yield from _rows(lines, delimiter, start)


def url_cells(rows: Iterable[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    """
    Yield the cells of each row that may hold URLs.

    If a header names a column of URLs, only the cells of that column are given; otherwise all
    cells are. Empty rows and the header are left out.
    """
    filled = ((number, [each.strip() for each in row]) for number, row in rows)
    left = (each for each in filled if any(each[1]))
    first, second = next(left, None), next(left, None)
    if first is None:
        return
    column = _column_named(first[1])
    if column is None and not _is_header(first[1], second[1] if second else []):
        yield first
    for number, cells in itertools.chain([second] if second else [], left):
        yield number, cells if column is None else cells[column : column + 1]


def _separator(lines: Sequence[str]) -> tuple[int, str]:
    """Return where the table begins and what separates its columns."""
    if lines and (told := _SEPARATOR.fullmatch(lines[0].strip("\r\n"))):
        return 1, told[1]
    some = [line for line in lines if line.strip()][:_LOOKED_AT]
    for delimiter in _DELIMITERS:
        if not some or delimiter not in some[0]:
            continue
        if _column_named([each.strip() for each in _row(some[0], delimiter)]) is not None:
            return 0, delimiter
    # A URL can contain any of these characters, but a delimiter occurs equally often on every line.
    for delimiter in _DELIMITERS:
        counts = {len(_row(line, delimiter)) for line in some}
        if len(counts) == 1 and counts != {1}:
            return 0, delimiter
    return 0, "\t" if any("\t" in line for line in some) else ","


def _column_named(cells: Sequence[str]) -> int | None:
    for number, cell in enumerate(cells):
        if _HEADER.fullmatch(cell.strip(" :*\"'")):
            return number
    return None


def _is_header(cells: Sequence[str], below: Sequence[str]) -> bool:
    """Return whether a first row is a header: several cells without a URL, above a row with one."""
    has_urls = [any(urls_in(each) for each in row) for row in (cells, below)]
    return len(cells) > 1 and has_urls == [False, True]


def _rows(lines: Sequence[str], delimiter: str, start: int) -> Iterator[tuple[int, list[str]]]:
    """
    Yield each row with the number of its first line.

    A quotation mark that is never closed would turn the rest of the table into one row. A line with
    such a mark is therefore read by itself.
    """
    at = start
    while at < len(lines):
        begun = at
        left = (lines[number] for number in range(begun, len(lines)))
        rest = csv.reader(left, delimiter=delimiter, strict=True)
        try:
            for row in rest:
                yield at + 1, row
                at = begun + rest.line_num
        except csv.Error:
            yield at + 1, _row(lines[at], delimiter)
            at += 1


def _row(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return [line]
