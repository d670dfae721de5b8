"""
Reads lists of reported URLs as analysts have them: text, CSV, JSON lines, Excel, mail, shortcuts.

`decoding` turns a file's bytes into text. `tables` and `workbooks` find the cells that hold URLs,
and `cells` finds the URLs in a cell or a line. `reading` combines these and sorts the results.
"""

from hashsvc.scanning.errors import BadListError
from hashsvc.scanning.lists.reading import (
    Batch,
    BatchFormat,
    BatchLine,
    by_line,
    read_file,
    read_lines,
    sort_lines,
)

__all__ = [
    "BadListError",
    "Batch",
    "BatchFormat",
    "BatchLine",
    "by_line",
    "read_file",
    "read_lines",
    "sort_lines",
]
