"""CSV is safe to open in a spreadsheet program, and opens in columns."""

import codecs

import pytest

from hashsvc.spreadsheets import Dialect, safe_cell, write_csv


@pytest.mark.parametrize(
    "value",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", '"=1', "\u00a0@a", "＝1", "'-1"],
)
def test_a_cell_that_begins_like_a_formula_gets_an_apostrophe(value: str) -> None:
    assert safe_cell(value) == f"'{value}"


def test_a_number_stays_a_number() -> None:
    assert [safe_cell(each) for each in (-1, 2.5, None, "a=b")] == ["-1", "2.5", "", "a=b"]


def test_every_cell_of_a_csv_is_quoted() -> None:
    table = write_csv(["a", "b"], [['x"y', "=cmd|' /C calc'!A0"], ["p\r\nq", 3]])
    assert table == '"a","b"\r\n"x""y","\'=cmd|\' /C calc\'!A0"\r\n"p\r\nq","3"\r\n'


def test_excel_gets_semicolons_decimal_commas_and_a_byte_order_mark() -> None:
    table = write_csv(["a", "b"], [[2.5, "2.5"], [-3, "x;y"]], Dialect.EXCEL)
    assert table.encode().startswith(codecs.BOM_UTF8)
    assert table[1:] == '"a";"b"\r\n"2,5";"2.5"\r\n"-3";"x;y"\r\n'
