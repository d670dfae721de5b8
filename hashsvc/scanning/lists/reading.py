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
    """Return what the lines of a list name; blank lines are left out, and counted."""
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
    Return what a list names, in a file of any kind that analysts have.

    These are known by their bytes: Excel workbooks, and shortcuts of Windows (.url) and of macOS
    (.webloc). All others are read as `read_lines` reads them.

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
        # What Excel calls "Unicode text" is a table, and so is what is copied from one.
        form = BatchFormat.CSV
    return read_lines(body, form)


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
