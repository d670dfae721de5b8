"""Reads a list into lines, and sorts these into URLs, duplicates and lines that break a rule."""

import io
import json
import plistlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from hashsvc.scanning.errors import BadUrlError
from hashsvc.scanning.lists.cells import rule_broken_by, urls_in
from hashsvc.scanning.lists.decoding import decode_list
from hashsvc.scanning.lists.tables import rows_of, url_cells
from hashsvc.scanning.lists.workbooks import is_workbook, rows_of_workbook
from hashsvc.scanning.urls import normalise_url

_COLUMN = "url"
_NO_OBJECT = "A line is a JSON object with a field `url`, or the URL as a string."
_NO_URL_IN_ROW = "The row has no URL."
_SHORTCUT = re.compile(r"\s*\[InternetShortcut\]", re.IGNORECASE)
_SHORTCUT_URL = re.compile(r"^\s*URL\s*=\s*(.+?)\s*$", re.IGNORECASE | re.MULTILINE)


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
        number: Number of the line, counted from 1 as in an editor.

        text: The text that should be a URL; None if the line has no such text.

        rule: The rule that the line breaks if `text` is None.
    """

    number: int
    text: str | None
    rule: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Batch:
    """
    The lines of a batch, sorted into URLs, duplicates and invalid lines.

    Attributes:
        urls: Each URL once, with its host, in the order of the lines.

        duplicates: Number of lines that repeat a URL.

        invalid: Numbers of the lines that are not URLs, by the rule that they break.
    """

    urls: dict[str, str] = field(default_factory=dict)
    duplicates: int = 0
    invalid: dict[str, list[int]] = field(default_factory=dict)


def read_lines(body: bytes, form: BatchFormat) -> list[BatchLine]:
    """Return the lines of a list, without blank lines; the line numbers count blank lines too."""
    text = decode_list(body)
    lines = list(io.StringIO(text, newline=None))
    match form:
        case BatchFormat.LINES:
            return list(_of_text(lines))
        case BatchFormat.CSV:
            return list(_of_rows(rows_of(lines)))
        case BatchFormat.JSON_LINES:
            return [_of_json(*each) for each in enumerate(lines, start=1) if each[1].strip()]


def read_file(body: bytes, form: BatchFormat) -> list[BatchLine]:
    """
    Return the lines of a list in a file of any kind that analysts have.

    Excel workbooks and the shortcuts of Windows (.url) and macOS (.webloc) are recognised by their
    bytes. All other files are read as `read_lines` reads them.

    Raises:
        BadListError: If a workbook is damaged or too large.
    """
    if is_workbook(body):
        return list(_of_rows(rows_of_workbook(body)))
    if body.startswith((b"bplist00", b"<?xml")) and (url := _webloc(body)):
        return [BatchLine(1, url)]
    text = decode_list(body)
    if _SHORTCUT.match(text) and (found := _SHORTCUT_URL.search(text)):
        return [BatchLine(text.count("\n", 0, found.start()) + 1, found[1])]
    if form is BatchFormat.LINES and "\t" in text:
        # Excel's format "Unicode text" is a table, and so is text that was copied from a table.
        form = BatchFormat.CSV
    return read_lines(body, form)


def sort_lines(lines: Iterable[BatchLine]) -> Batch:
    """Return the URLs of lines, each once, and the lines that are not URLs."""
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
    """Return the number of each line that is not a URL, in order, and the rule it breaks."""
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


def _of_text(lines: Iterable[str]) -> Iterator[BatchLine]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        urls = urls_in(line)
        yield from (BatchLine(number, url) for url in urls)
        if not urls:
            yield BatchLine(number, None, rule_broken_by(line))


def _of_rows(rows: Iterable[tuple[int, list[str]]]) -> Iterator[BatchLine]:
    for number, cells in url_cells(rows):
        urls = [url for cell in cells for url in urls_in(cell)]
        yield from (BatchLine(number, url) for url in urls)
        if not urls:
            told = " ".join(cells)
            yield BatchLine(number, None, rule_broken_by(told) if "//" in told else _NO_URL_IN_ROW)


def _webloc(body: bytes) -> str | None:
    try:
        told = plistlib.loads(body)
    except Exception:  # noqa: BLE001 - plistlib raises what its XML parser raises.
        return None
    url = told.get("URL") if isinstance(told, dict) else None
    return url if isinstance(url, str) else None
