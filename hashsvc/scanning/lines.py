"""Reads batches of reported URLs as plain lines, CSV or JSON lines, and lists invalid lines."""

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
_SAMPLED_LINES = 100
_NOT_AN_OBJECT = "Each line must be a JSON object with a field `url`, or the URL as a string."


class BatchFormat(StrEnum):
    """The format of a batch; the values are media types."""

    LINES = "text/plain"
    CSV = "text/csv"
    JSON_LINES = "application/x-ndjson"


@dataclass(frozen=True, slots=True, repr=False)
class BatchLine:
    """
    One line of a batch.

    Attributes:
        number: Line number, counted from 1.

        text: The text that should be a URL; None if the line has none.

        rule: If `text` is None, the rule that the line breaks.
    """

    number: int
    text: str | None
    rule: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Batch:
    """
    A batch sorted into URLs, duplicates and invalid lines.

    Attributes:
        urls: Each URL once, in the order of the lines, with its host.

        duplicates: Number of lines that repeat a URL.

        invalid: Line numbers of the invalid lines, by the rule they break.
    """

    urls: dict[str, str] = field(default_factory=dict)
    duplicates: int = 0
    invalid: dict[str, list[int]] = field(default_factory=dict)


def read_lines(body: bytes, form: BatchFormat) -> list[BatchLine]:
    """
    Return the lines of a batch, without blank lines, which still count in the line numbers.

    A line whose bytes are not UTF-8 is returned, and is not a valid URL.
    """
    text = body.decode("utf-8-sig", "surrogateescape")
    lines = list(io.StringIO(text, newline=None))
    match form:
        case BatchFormat.LINES:
            found = (BatchLine(number, line.strip()) for number, line in enumerate(lines, start=1))
            return [each for each in found if each.text]
        case BatchFormat.CSV:
            return list(_csv_lines(lines))
        case BatchFormat.JSON_LINES:
            return [_json_line(*each) for each in enumerate(lines, start=1) if each[1].strip()]


def sort_lines(lines: Iterable[BatchLine]) -> Batch:
    """Return each URL of the lines once, and the lines that are not valid URLs."""
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
    """Return the number of each invalid line, in order, with the rule it breaks."""
    return sorted((number, rule) for rule, numbers in invalid.items() for number in numbers)


def _text(line: BatchLine) -> str:
    if line.text is None:
        raise BadUrlError(line.rule)
    return line.text


def _json_line(number: int, line: str) -> BatchLine:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return BatchLine(number, None, _NOT_AN_OBJECT)
    if isinstance(value, dict):
        value = value.get(_COLUMN)
    return (
        BatchLine(number, value)
        if isinstance(value, str)
        else BatchLine(number, None, _NOT_AN_OBJECT)
    )


def _csv_lines(lines: Sequence[str]) -> Iterator[BatchLine]:
    """Yield each row's cell in the column `url`, or in the first column if none has that name."""
    column, delimiter, skipped = _header(lines)
    for number, row in _rows(lines, delimiter, skipped):
        if any(each.strip() for each in row):
            cell = row[column].strip() if column < len(row) else ""
            yield (
                BatchLine(number, cell) if cell else BatchLine(number, None, "The row has no URL.")
            )


def _header(lines: Sequence[str]) -> tuple[int, str, int]:
    """Return the index of the URL column, the delimiter, and the number of lines to skip."""
    for skipped, line in enumerate(lines, start=1):
        if line.strip():
            for delimiter in _DELIMITERS:
                names = [each.strip().casefold() for each in _row(line, delimiter)]
                if _COLUMN in names:
                    return names.index(_COLUMN), delimiter, skipped
            break
    # URLs can contain commas and semicolons. A delimiter occurs equally often on every line.
    sample = [line for line in lines if line.strip()][:_SAMPLED_LINES]
    for delimiter in _DELIMITERS:
        if len(counts := {line.count(delimiter) for line in sample}) == 1 and counts != {0}:
            return 0, delimiter, 0
    return 0, ",", 0


def _rows(lines: Sequence[str], delimiter: str, place: int) -> Iterator[tuple[int, list[str]]]:
    """
    Yield each row with the number of its first line.

    A quotation mark that is never closed would turn the rest of the file into one row. Such a line
    is read on its own instead.
    """
    while place < len(lines):
        begun = place
        remaining = (lines[at] for at in range(begun, len(lines)))
        reader = csv.reader(remaining, delimiter=delimiter, strict=True)
        try:
            for row in reader:
                yield place + 1, row
                place = begun + reader.line_num
        except csv.Error:
            yield place + 1, _row(lines[place], delimiter)
            place += 1


def _row(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return [line]
