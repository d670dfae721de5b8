"""Writes CSV whose cells no spreadsheet program runs as formulas."""

import csv
import io
from collections.abc import Iterable, Sequence

# From OWASP, "CSV Injection", and the full-width forms that some programs also accept.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def safe_cell(value: object) -> str:
    """
    Return a value as a cell that no spreadsheet program runs as a formula.

    Numbers stay numbers, even negative ones. Text that begins like a formula gets an apostrophe in
    front. The check skips spaces and quotes at the beginning, because programs skip them too.
    """
    if value is None:
        return ""
    if isinstance(value, (int, float)):
        return str(value)
    text = str(value)
    unquoted = text.lstrip(" \u00a0\"'")
    if unquoted.startswith(_FORMULA) or text.startswith(_FORMULA):
        return f"'{text}"
    return text


def write_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table as CSV (RFC 4180). Every cell is safe and quoted."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow([safe_cell(each) for each in header])
    writer.writerows([safe_cell(each) for each in row] for row in rows)
    return out.getvalue()
