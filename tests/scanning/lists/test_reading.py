"""Every line of a batch is a URL, a duplicate, or listed with its number and the broken rule."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashsvc.scanning import BatchFormat, BatchLine, read_lines, sort_lines
from hashsvc.scanning.lists import by_line

A, B, C = "https://a.example/", "https://b.example/?x=1,2;3", "https://c.example/"


def read(text: str | bytes, form: BatchFormat) -> list[tuple[int, str | None]]:
    body = text if isinstance(text, bytes) else text.encode()
    return [(each.number, each.text) for each in read_lines(body, form)]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("\n \n", []),
        (f"{A}\n{B}", [(1, A), (2, B)]),
        (f"{A}\r\n\r\n{B}\r\n", [(1, A), (3, B)]),
        (f"\ufeff {A}\t\n", [(1, A)]),
        (f"{A} and {C}\n{B}", [(1, A), (1, C), (2, B)]),
        (f"{A}\r{B}", [(1, A), (2, B)]),
        ("a\x0bb\x0cc\u2028d", [(1, None)]),
    ],
)
def test_lines_are_numbered_as_an_editor_does(text: str, lines: list[tuple[int, str]]) -> None:
    assert read(text, BatchFormat.LINES) == lines


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (f"{A}\n{C}\n", [(1, A), (2, C)]),
        # The column named `url` is used, in any place and any case.
        (f"id,Url,x\n1,{A},\n2,{C},\n", [(2, A), (3, C)]),
        (f"id;URL\r\n1;{A}\r\n2;{C}\r\n", [(2, A), (3, C)]),
        (f"url\tnote\n{A}\t=1\n", [(2, A)]),
        (f'"id","url"\n1,"{B}"\n', [(2, B)]),
        (f"\n\nid,url\n1,{A}\n", [(4, A)]),
        # Without such a column, all cells are used.
        (f"{A},x\n{C},y\n", [(1, A), (2, C)]),
        (f"{A};x\n{C};y\n", [(1, A), (2, C)]),
        (f"x,{A}\ny,{C}\n", [(1, A), (2, C)]),
        (f"{A},{C}\nx,\n", [(1, A), (1, C), (2, None)]),
        # A first row without a URL is a header if the next one has a URL.
        (f"Website,x\n{A},y\n", [(2, A)]),
        ("Website,x\ny,z\n", [(1, None), (2, None)]),
        # A row over several lines has the number of its first line.
        (f'url,note\n{A},"one\ntwo"\n{C},\n', [(2, A), (4, C)]),
        # Rows without a URL are listed as invalid; empty rows are not.
        (f"id,url\n1\n2,\n,,\n\n3,{A}\n", [(2, None), (3, None), (6, A)]),
        # A quotation mark that is never closed does not swallow other lines.
        (
            f'url,note\n{A},"open\n{B.replace(",", "")},\n{C},\n',
            [(2, A), (3, B.replace(",", "")), (4, C)],
        ),
        (f'url\n"{A}\n{C}\n', [(2, A), (3, C)]),
    ],
)
def test_the_urls_of_a_csv_file_are_read(text: str, lines: list[tuple[int, str | None]]) -> None:
    assert read(text, BatchFormat.CSV) == lines


@pytest.mark.parametrize(
    ("line", "url"),
    [
        (f'{{"url": "{A}", "note": 1}}', A),
        (f'"{A}"', A),
        ("{}", None),
        ('{"url": 1}', None),
        ("[]", None),
        ("nonsense", None),
        ("[" * 100_000, None),
        ("1" * 5000, None),
    ],
)
def test_the_urls_of_json_lines_are_read(line: str, url: str | None) -> None:
    assert read(f"\n{line}\n", BatchFormat.JSON_LINES) == [(2, url)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_a_list_is_read_in_the_encodings_of_spreadsheets(encoding: str) -> None:
    body = f"Datum;Lien\r\n1/3;{A}é.jpg\r\n2/3;{C}\r\n".encode(encoding)
    batch = sort_lines(read_lines(body, BatchFormat.CSV))
    assert list(batch.urls) == [f"{A}%C3%A9.jpg", C]
    assert not batch.invalid


def test_each_url_is_returned_once_with_its_host() -> None:
    texts = [A, "x", "HTTPS://A.example:443/?utm_source=1#top", None, C]
    batch = sort_lines([BatchLine(number, text, "A rule.") for number, text in enumerate(texts, 1)])
    assert batch.urls == {A: "a.example", C: "c.example"}
    assert batch.duplicates == 1
    assert by_line(batch.invalid) == [(2, "A URL begins with http:// or https://."), (4, "A rule.")]


@given(st.lists(st.text(max_size=30)), st.sampled_from(list(BatchFormat)))
def test_no_line_is_lost(texts: list[str], form: BatchFormat) -> None:
    """Whatever else is in the file, each URL is returned or counted as a duplicate."""
    lines = [line.replace("\n", " ").replace("\r", " ") for line in texts]
    if form is BatchFormat.CSV:
        table = io.StringIO()
        writer = csv.writer(table)
        writer.writerow(["note", "url"])
        for number, line in enumerate(lines):
            writer.writerow([line, f"{A}{number}"])
        body = table.getvalue()
    else:
        body = "".join(f"{line}\n{A}{number}\n" for number, line in enumerate(lines))
        if form is BatchFormat.JSON_LINES:
            body = body.replace(A, f'"{A}').replace("\n", '"\n')
    raw = body.encode("utf-8", "surrogatepass")
    batch = sort_lines(read_lines(raw, form))
    assert {f"{A}{number}" for number in range(len(lines))} <= set(batch.urls)


@given(st.binary(max_size=300), st.sampled_from(list(BatchFormat)))
def test_any_bytes_are_read(body: bytes, form: BatchFormat) -> None:
    read = read_lines(body, form)
    batch = sort_lines(read)
    accounted = len(batch.urls) + batch.duplicates + sum(map(len, batch.invalid.values()))
    assert accounted == len(read)
    numbers = [each.number for each in read]
    assert numbers == sorted(numbers)
