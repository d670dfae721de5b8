"""Reads the cells of an Excel workbook (.xlsx) with openpyxl, within limits."""

import io
import zipfile
from collections.abc import Iterator

from hashsvc.scanning.errors import BadListError

_MAX_UNPACKED = 100_000_000
_MAX_ROWS = 100_000
_MAX_COLUMNS = 200


def is_workbook(body: bytes) -> bool:
    """Return whether a file begins as a workbook does."""
    return body.startswith(b"PK\x03\x04") and b"xl/" in body[:10_000] + body[-10_000:]


def rows_of_workbook(body: bytes) -> Iterator[tuple[int, list[str]]]:
    """
    Yield the cells of each row of each sheet, with the row's number.

    If a cell has a hyperlink to the web, the link's URL is given in place of the cell's text.

    Raises:
        BadListError: If the workbook is damaged, or larger than the limits.
    """
    from openpyxl import load_workbook  # noqa: PLC0415 - it takes 0.3 s, and few lists are workbooks.

    _check_size(body)
    try:
        # openpyxl does not give hyperlinks in its read-only mode, so this reads the whole workbook.
        # `_check_size` has limited its size.
        book = load_workbook(io.BytesIO(body), data_only=False, keep_links=False)
    except Exception as error:
        raise BadListError(
            "The workbook cannot be read; save it again as .xlsx or as CSV."
        ) from error
    for sheet in book.worksheets:
        if sheet.max_row > _MAX_ROWS or sheet.max_column > _MAX_COLUMNS:
            raise BadListError(
                f"A sheet has at most {_MAX_ROWS} rows and {_MAX_COLUMNS} columns; split the list."
            )
        for number, row in enumerate(sheet.iter_rows(), start=1):
            cells: list[str] = []
            for cell in row:
                text = "" if cell.value is None else str(cell.value)
                target = cell.hyperlink.target if cell.hyperlink is not None else None
                cells.append(target if target and target.startswith("http") else text)
            yield number, cells


def _check_size(body: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            unpacked = sum(each.file_size for each in archive.infolist())
    except zipfile.BadZipFile as error:
        raise BadListError("The workbook is damaged: it cannot be unpacked.") from error
    if unpacked > _MAX_UNPACKED:
        raise BadListError(f"The workbook unpacks to more than {_MAX_UNPACKED} bytes.")
