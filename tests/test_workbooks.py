"""A workbook has the cells of the CSV, of their own kind, and nothing in it runs."""

import csv
import gc
import io
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from hashsvc.spreadsheets import safe_cell, workbook_parts, write_csv, write_workbook

SHEET = "xl/worksheets/sheet1.xml"


def sheets(content: bytes) -> dict[str, list[list[Any]]]:
    """Return the cells of each sheet."""
    book = load_workbook(io.BytesIO(content))
    return {
        sheet.title: [[each.value for each in row] for row in sheet.iter_rows()] for sheet in book
    }


def rows(content: bytes) -> list[list[Any]]:
    """Return the cells below the header."""
    (found,) = sheets(content).values()
    return found[1:]


def cells(values: Sequence[object]) -> list[Any]:
    """Return the cells of one column with these values, as openpyxl reads them."""
    content = write_workbook("a", ["column"], [[each] for each in values])
    (sheet,) = load_workbook(io.BytesIO(content))
    return [row[0] for row in sheet.iter_rows(min_row=2)]


# Characters that XML can hold. Excel and XML readers turn each line break into a line feed.
TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff_"), max_size=20
) | st.sampled_from(["=1+1", "+1", "-1", "@SUM(A1)", "#N/A", "=", "1", "2026-01-01", "TRUE", " x "])
# A workbook has one kind of number, with 15 digits. It does not tell 1.0 from 1.
FRACTIONS = st.integers(-(10**9), 10**9).map(lambda number: number + 0.25)
VALUES = TEXT | st.integers(-(10**15), 10**15) | st.booleans() | st.none() | FRACTIONS


@settings(max_examples=150, deadline=None)
@given(table=st.lists(st.lists(VALUES, min_size=3, max_size=3), max_size=5))
def test_the_cells_are_those_of_the_csv(table: list[list[object]]) -> None:
    header = ["a", "b", "c"]
    expected = list(csv.reader(io.StringIO(write_csv(header, table), newline="")))
    (found,) = sheets(write_workbook("t", header, table)).values()
    # In a workbook, text needs no apostrophe.
    shown = [
        [safe_cell("" if each is None else each) for each in row] + [""] * (3 - len(row))
        for row in found
    ]
    # A reader leaves out rows at the end that have no cells.
    shown += [[""] * 3] * (len(expected) - len(shown))
    assert shown == expected


@pytest.mark.parametrize(
    "text",
    ["=1+1", "=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", " =1", '"=1', "＝1", "#REF!"],
)
def test_text_that_looks_like_a_formula_stays_text_even_if_it_is_edited(text: str) -> None:
    (cell,) = cells([text])
    assert (cell.value, cell.data_type, cell.quotePrefix) == (text, "s", True)
    content = write_workbook("a", ["b"], [[text]])
    assert b"<f" not in zipfile.ZipFile(io.BytesIO(content)).read(SHEET)


def test_values_keep_their_kind() -> None:
    here = datetime(2030, 1, 1, 12, 30, 15, tzinfo=timezone(timedelta(hours=2)))
    found = cells([-1, 2.5, True, here, "12", float("inf")])
    assert [each.data_type for each in found] == ["n", "n", "b", "d", "s", "s"]
    time = found.pop(3)
    assert [each.value for each in found] == [-1, 2.5, True, "12", "inf"]
    assert (time.value.isoformat(), time.number_format) == (
        "2030-01-01T10:30:15",
        "yyyy-mm-dd hh:mm:ss",
    )


def test_text_that_a_workbook_cannot_hold_is_replaced_or_cut() -> None:
    found = cells(["a\x00b\x1f\ud800\uffff", "a\r\nb\rc", "x" * 32_767, "x" * 32_768])
    assert [each.value for each in found] == [
        "a\ufffdb\ufffd\ufffd\ufffd",
        "a\nb\nc",
        "x" * 32_767,
        "x" * 32_766 + "…",
    ]


def test_text_that_looks_like_the_number_of_a_character_is_kept() -> None:
    """Excel reads `_x005F_` as an underscore, and `_x0041_` as the letter A."""
    assert [each.value for each in cells(["a_x0041_", "_x41_", "_"])] == [
        "a_x005F_x0041_",
        "_x41_",
        "_",
    ]


def test_the_header_is_bold_and_stays_in_view_and_columns_can_be_read() -> None:
    table = [["x" * 30, "x" * 500, datetime(2030, 1, 1, tzinfo=UTC), 1]]
    content = write_workbook("a", ["text", "long", "time", "number"], table)
    (sheet,) = load_workbook(io.BytesIO(content))
    assert sheet.freeze_panes == "A2"
    assert all(each.font.bold for each in sheet[1])
    assert not any(each.font.bold for each in sheet[2])
    widths = [sheet.column_dimensions[each].width for each in "ABCD"]
    assert widths == [32, 60, len("2030-01-01 00:00:00") + 2, 10]


def test_rows_that_do_not_fit_go_to_further_sheets() -> None:
    numbers = ([each] for each in range(25))
    content = b"".join(workbook_parts("a", ["b"], numbers, most_rows=11))
    assert sheets(content) == {
        "a": [["b"], *([each] for each in range(10))],
        "a 2": [["b"], *([each] for each in range(10, 20))],
        "a 3": [["b"], *([each] for each in range(20, 25))],
    }
    whole = b"".join(workbook_parts("a", ["b"], [[1], [2]], most_rows=3))
    assert sheets(whole) == {"a": [["b"], [1], [2]]}
    assert sheets(write_workbook("a", ["b"], [])) == {"a": [["b"]]}


def many(read: list[int]) -> Iterator[list[str]]:
    """Yield rows that cannot be compressed well, and note how many were read."""
    for number in range(20_000):
        read.append(number)
        yield [f"{number * 7919 % 104_729:x}" * 9]


def test_parts_come_while_rows_are_read() -> None:
    read: list[int] = []
    parts = workbook_parts("a", ["b"], many(read))
    first = next(parts)
    assert first.startswith(b"PK")
    assert len(read) < 20_000
    assert len(rows(first + b"".join(parts))) == 20_000


def test_an_abandoned_workbook_leaves_nothing_open() -> None:
    """Otherwise Python warns, and warnings are errors."""
    parts = workbook_parts("a", ["b"], many([]))
    next(parts)
    parts.close()  # type: ignore[attr-defined]
    del parts

    def broken() -> Iterator[list[int]]:
        yield [1]
        raise KeyError

    with pytest.raises(KeyError):
        write_workbook("a", ["b"], broken())
    gc.collect()


def test_no_row_is_written_to_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    for part in workbook_parts("a", ["b"], many([])):
        assert part
        assert list(folder.iterdir()) == []
    assert list(folder.iterdir()) == []
