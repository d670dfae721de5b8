"""Tables for spreadsheet programs, as CSV and as Excel workbooks; no cell runs as a formula."""

from typing import TYPE_CHECKING

from hashsvc.lazy import lazy_names
from hashsvc.spreadsheets.csv_tables import Dialect, csv_lines, safe_cell, write_csv

if TYPE_CHECKING:
    from hashsvc.spreadsheets.workbooks import workbook_parts, write_workbook
else:
    # Importing openpyxl takes 0.3 s, and few calls make a workbook.
    __getattr__ = lazy_names(__name__, {"workbooks": "workbook_parts write_workbook"})

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
"""The media type of a workbook."""

__all__ = [
    "XLSX",
    "Dialect",
    "csv_lines",
    "safe_cell",
    "workbook_parts",
    "write_csv",
    "write_workbook",
]
