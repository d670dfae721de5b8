"""Tables for spreadsheet programs, which run a cell that looks like a formula."""

import csv
import io
from collections.abc import Iterable, Sequence

# OWASP, "CSV Injection", and the full-width forms that some programs read alike.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def safe_cell(value: object) -> str:
    """
    Return a value as a cell that no spreadsheet program takes for a formula.

    Numbers stay numbers, negative ones too; text that begins like a formula gets an apostrophe
    before it, also behind spaces and quotes, which programs skip.
    """
    if value is None:
        return ""
    if isinstance(value, (int, float)):
        return str(value)
    text = str(value)
    begins = text.lstrip(" \u00a0\"'")
    if begins.startswith(_FORMULA) or text.startswith(_FORMULA):
        return f"'{text}"
    return text


def write_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table as CSV (RFC 4180), every cell safe and quoted."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow([safe_cell(each) for each in header])
    writer.writerows([safe_cell(each) for each in row] for row in rows)
    return out.getvalue()
