"""Reads batches of reported URLs: a URL a line, CSV, JSON lines; no line is lost unseen."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from hashsvc.scanning.errors import BadUrlError
from hashsvc.scanning.urls import normalise_url

_COLUMN = "url"
_DELIMITERS = "\t,;"
_LOOKED_AT = 100
_NO_OBJECT = "A line is a JSON object with a field `url`, or the URL as a string."


class BatchFormat(StrEnum):
    """How a batch is written; the values are media types."""

    LINES = "text/plain"
    CSV = "text/csv"
    JSON_LINES = "application/x-ndjson"


@dataclass(frozen=True, slots=True, repr=False)
class BatchLine:
    """
    One line of a batch.

    Attributes:
        number: Counted from 1, as an editor does.

        text: What should be a URL; None where the line has none.

        rule: What it breaks then.
    """

    number: int
    text: str | None
    rule: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Batch:
    """
    A batch sorted out.

    Attributes:
        urls: In the order of their lines, each once, with its host.

        duplicates: Lines that name a URL again.

        invalid: Numbers of the lines that are no URL, by the rule they break.
    """

    urls: dict[str, str] = field(default_factory=dict)
    duplicates: int = 0
    invalid: dict[str, list[int]] = field(default_factory=dict)


def read_lines(body: bytes, form: BatchFormat) -> list[BatchLine]:
    """
    Return the lines of a batch; blank ones are left out, and counted.

    Bytes that are no UTF-8 make a line that is no URL.
    """
    text = body.decode("utf-8-sig", "surrogateescape")
    lines = list(io.StringIO(text, newline=None))
    match form:
        case BatchFormat.LINES:
            found = (BatchLine(number, line.strip()) for number, line in enumerate(lines, start=1))
            return [each for each in found if each.text]
        case BatchFormat.CSV:
            return list(_of_csv(lines))
        case BatchFormat.JSON_LINES:
            return [_of_json(*each) for each in enumerate(lines, start=1) if each[1].strip()]


def sort_lines(lines: Iterable[BatchLine]) -> Batch:
    """Return the URLs of lines, each once, and which lines are none."""
    urls: dict[str, str] = {}
    invalid: dict[str, list[int]] = {}
    duplicates = 0
    for line in lines:
        try:
            url = normalise_url(_text(line))
        except BadUrlError as error:
            invalid.setdefault(str(error), []).append(line.number)
            continue
        duplicates += url in urls
        urls[url] = urlsplit(url).hostname or ""
    return Batch(urls, duplicates, invalid)


def by_line(invalid: Mapping[str, Sequence[int]]) -> list[tuple[int, str]]:
    """Return the number of each line that is no URL, in order, and the rule it breaks."""
    return sorted((number, rule) for rule, numbers in invalid.items() for number in numbers)


def _text(line: BatchLine) -> str:
    if line.text is None:
        raise BadUrlError(line.rule)
    return line.text


def _of_json(number: int, line: str) -> BatchLine:
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return BatchLine(number, None, _NO_OBJECT)
    if isinstance(told, dict):
        told = told.get(_COLUMN)
    return BatchLine(number, told) if isinstance(told, str) else BatchLine(number, None, _NO_OBJECT)


def _of_csv(lines: Sequence[str]) -> Iterator[BatchLine]:
    """Yield the column named `url`, or else the first of every row."""
    column, delimiter, skipped = _header(lines)
    for number, row in _rows(lines, delimiter, skipped):
        if any(each.strip() for each in row):
            cell = row[column].strip() if column < len(row) else ""
            yield (
                BatchLine(number, cell)
                if cell
                else BatchLine(number, None, "The row names no URL.")
            )


def _header(lines: Sequence[str]) -> tuple[int, str, int]:
    """Return the URLs' column, what is between columns, and how many lines come before."""
    for skipped, line in enumerate(lines, start=1):
        if line.strip():
            for delimiter in _DELIMITERS:
                names = [each.strip().casefold() for each in _row(line, delimiter)]
                if _COLUMN in names:
                    return names.index(_COLUMN), delimiter, skipped
            break
    # A URL may hold a comma or a semicolon; what is between columns is as often on every line.
    some = [line for line in lines if line.strip()][:_LOOKED_AT]
    for delimiter in _DELIMITERS:
        if len(counts := {line.count(delimiter) for line in some}) == 1 and counts != {0}:
            return 0, delimiter, 0
    return 0, ",", 0


def _rows(lines: Sequence[str], delimiter: str, place: int) -> Iterator[tuple[int, list[str]]]:
    """
    Yield each row with the number of its first line.

    Where a quotation mark is never closed, the row would be all the rest: such lines are read one
    by one, as if there were no other.
    """
    while place < len(lines):
        begun = place
        left = (lines[at] for at in range(begun, len(lines)))
        rest = csv.reader(left, delimiter=delimiter, strict=True)
        try:
            for row in rest:
                yield place + 1, row
                place = begun + rest.line_num
        except csv.Error:
            yield place + 1, _row(lines[place], delimiter)
            place += 1


def _row(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return [line]
