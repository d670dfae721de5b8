"""Writes Excel workbooks (.xlsx) row by row, and only in memory."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet._writer import WorksheetWriter
from openpyxl.writer.excel import ExcelWriter

from hashsvc.spreadsheets.csv_tables import looks_like_formula

# Excel specifications and limits.
_MOST_ROWS = 1_048_576
_MOST_TEXT = 32_767
_TIME = "yyyy-mm-dd hh:mm:ss"
# XML 1.0 allows all characters but these.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Excel reads `_x0041_` as the character with that code, which is `A`.
_LIKE_CHARACTER = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
_WIDTHS = range(10, 61)
_ROWS_FOR_WIDTHS = 200
_PART_BYTES = 65_536

Row = Sequence[object]
# A WriteOnlyWorksheet, whose type stubs lack most of its attributes.
_Sheet = Any


class _Parts:
    """A file in memory; `take` returns and drops what was written so far."""

    def __init__(self) -> None:
        self._written = bytearray()

    def __len__(self) -> int:
        return len(self._written)

    def write(self, data: bytes) -> int:
        self._written += data
        return len(data)

    def flush(self) -> None:
        """Do nothing: all is in memory."""

    def close(self) -> None:
        """Do nothing: all is in memory."""

    def take(self) -> bytes:
        taken = bytes(self._written)
        self._written.clear()
        return taken


class _BookWriter(ExcelWriter):
    """Writes all of a workbook except its sheets, which are in the archive already."""

    def write_worksheet(self, ws: _Sheet) -> None:
        self.manifest.append(ws)


def workbook_parts(
    title: str, header: Sequence[str], rows: Iterable[Row], *, most_rows: int = _MOST_ROWS
) -> Iterator[bytes]:
    """
    Yield a workbook with one table, part by part, while the rows are read.

    Numbers, times and true or false keep their types. Times are in UTC, because Excel knows no time
    zones. Everything else is text, and never a formula. Text is cut at 32,767 characters.

    Args:
        title: Name of the sheet, of at most 28 characters.

        header: Names of the columns. They are bold, and stay in view when a person scrolls.

        rows: The table. Further sheets take the rows that do not fit on one.

        most_rows: Most rows of a sheet, counting the header.
    """
    parts, book = _Parts(), Workbook(write_only=True)
    book.properties.creator = "hashsvc"
    waiting = iter(rows)
    with ZipFile(parts, "w", ZIP_DEFLATED) as archive:
        # Make the first sheet even if there are no rows.
        first: list[Row] = []
        while first or not book.worksheets:
            number = len(book.worksheets) + 1
            sheet = book.create_sheet(title if number == 1 else f"{title} {number}")
            table = islice(chain(first, waiting), most_rows - 1)
            yield from _sheet_parts(sheet, archive, parts, header, table)
            first = list(islice(waiting, 1))
        _BookWriter(book, archive).save()
    yield parts.take()


def write_workbook(title: str, header: Sequence[str], rows: Iterable[Row]) -> bytes:
    """Return a workbook with one table, as `workbook_parts` writes it."""
    return b"".join(workbook_parts(title, header, rows))


def _sheet_parts(
    sheet: _Sheet,
    archive: ZipFile,
    parts: _Parts,
    header: Sequence[str],
    rows: Iterator[Row],
) -> Iterator[bytes]:
    first = list(islice(rows, _ROWS_FOR_WIDTHS))
    for number, width in enumerate(_widths(header, first), start=1):
        sheet.column_dimensions[get_column_letter(number)].width = width
    sheet.freeze_panes = "A2"
    path = f"xl/worksheets/sheet{len(sheet.parent.worksheets)}.xml"
    # openpyxl would write the sheet to a temporary file, and private data would be on the disk in
    # plain text. So make it write into the archive instead.
    with archive.open(path, "w") as file:
        sheet._writer = WorksheetWriter(sheet, file)
        sheet._writer.write_top()
        with closing(sheet):
            sheet.append([_header_cell(sheet, each) for each in header])
            for row in chain(first, rows):
                sheet.append([_cell(sheet, each) for each in row])
                if len(parts) >= _PART_BYTES:
                    yield parts.take()
    sheet._rels = []


def _header_cell(sheet: _Sheet, name: str) -> Cell:
    cell = WriteOnlyCell(sheet, name)
    cell.font = Font(bold=True)
    return cell


def _cell(sheet: _Sheet, value: object) -> Cell | str | int | float | None:
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, datetime):
        cell = WriteOnlyCell(sheet, value.astimezone(UTC).replace(tzinfo=None))
        cell.number_format = _TIME
        return cell
    text = _text(str(value))
    if not looks_like_formula(text) and not text.startswith("#"):
        return text
    # openpyxl takes some texts for formulas (`=1`) or errors (`#N/A`).
    cell = WriteOnlyCell(sheet, text)
    cell.data_type = "s"
    # Without this, Excel would make a formula of the text when somebody edits the cell.
    cell.quotePrefix = True
    return cell


def _text(value: str) -> str:
    # Excel writes a line break inside a cell as a line feed.
    text = _NOT_XML.sub("\ufffd", value.replace("\r\n", "\n").replace("\r", "\n"))
    text = _LIKE_CHARACTER.sub("_x005F_", text)
    return text if len(text) <= _MOST_TEXT else f"{text[: _MOST_TEXT - 1]}…"


def _widths(header: Sequence[str], rows: Iterable[Row]) -> Iterator[int]:
    """Yield the width of each column, in characters, so that most of its cells can be read."""
    for column in zip(header, *rows, strict=True):
        longest = max(len(_TIME if isinstance(each, datetime) else str(each)) for each in column)
        yield min(max(longest + 2, _WIDTHS.start), _WIDTHS.stop - 1)
