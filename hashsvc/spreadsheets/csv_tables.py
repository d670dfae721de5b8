"""Writes CSV whose cells no spreadsheet program runs as formulas."""

import codecs
import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

# Characters with which a formula may begin: those that OWASP lists under "CSV Injection", and the
# full-width forms that some programs also accept.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class Dialect(StrEnum):
    """
    How CSV is written.

    `STANDARD` is RFC 4180. `EXCEL` has semicolons, decimal commas and a byte order mark, so that
    Excel shows the file in columns if it is set to a country with decimal commas, such as Belgium.
    """

    STANDARD = "standard"
    EXCEL = "excel"


def safe_cell(value: object, dialect: Dialect = Dialect.STANDARD) -> str:
    """
    Return a value as a cell that no spreadsheet program runs as a formula.

    Numbers stay numbers, even negative ones. Text that begins like a formula gets an apostrophe in
    front.
    """
    if value is None:
        return ""
    if isinstance(value, (int, float)):
        # If Excel is set to decimal commas, it reads 1.5 as the first of May.
        return str(value).replace(".", ",") if dialect is Dialect.EXCEL else str(value)
    text = str(value)
    return f"'{text}" if looks_like_formula(text) else text


def looks_like_formula(text: str) -> bool:
    """Return whether a spreadsheet program may take a text for a formula."""
    # Programs skip spaces and quotes at the beginning.
    return text.lstrip(" \u00a0\"'").startswith(_FORMULA) or text.startswith(_FORMULA)


def csv_lines(
    header: Sequence[str],
    rows: Iterable[Sequence[object]],
    dialect: Dialect = Dialect.STANDARD,
) -> Iterator[str]:
    """Yield a table as CSV, line by line. Every cell is safe and quoted."""
    if dialect is Dialect.EXCEL:
        yield codecs.BOM_UTF8.decode()
    yield _line(header, dialect)
    for row in rows:
        yield _line(row, dialect)


def write_csv(
    header: Sequence[str],
    rows: Iterable[Sequence[object]],
    dialect: Dialect = Dialect.STANDARD,
) -> str:
    """Return a table as CSV, as `csv_lines` writes it."""
    return "".join(csv_lines(header, rows, dialect))


def _line(cells: Sequence[object], dialect: Dialect) -> str:
    out = io.StringIO(newline="")
    delimiter = ";" if dialect is Dialect.EXCEL else ","
    writer = csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow([safe_cell(each, dialect) for each in cells])
    return out.getvalue()
