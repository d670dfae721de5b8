"""Lists are read from the files that analysts have."""

import io
import plistlib
import zipfile

import pytest
from openpyxl import Workbook

from hashsvc.scanning import BatchFormat, sort_lines
from hashsvc.scanning.lists import BadListError, read_file

A, B = "https://a.example/x", "http://b.example/y?z=1"


def urls(body: bytes, form: BatchFormat = BatchFormat.LINES) -> list[str]:
    batch = sort_lines(read_file(body, form))
    assert not batch.invalid
    return list(batch.urls)


@pytest.mark.parametrize("header", ["Lien", "Link", "URL's", "Adresse", "url", "Hyperlinks"])
def test_a_workbook_gives_its_column_of_urls(header: str) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Datum", header, "note"])
    sheet.append(["1/3/2024", A, "http://c.example/"])
    sheet.append(["2/3/2024", "photo", None])
    sheet["B3"].hyperlink = B
    file = io.BytesIO()
    book.save(file)
    assert urls(file.getvalue()) == [A, B]


def test_every_sheet_of_a_workbook_is_read() -> None:
    book = Workbook()
    for number, url in enumerate((A, B)):
        book.create_sheet(f"sheet {number}").append(["x", f'=HYPERLINK("{url}";"x")'])
    file = io.BytesIO()
    book.save(file)
    assert urls(file.getvalue()) == [A, B]


def test_a_workbook_that_unpacks_to_too_much_is_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b" " * 100_000_001)
    with pytest.raises(BadListError, match="100000000 bytes"):
        read_file(file.getvalue(), BatchFormat.LINES)


@pytest.mark.parametrize("body", [b"PK\x03\x04xl/", b"PK\x03\x04" + b"xl/" * 100])
def test_a_damaged_workbook_is_refused(body: bytes) -> None:
    with pytest.raises(BadListError, match="workbook"):
        read_file(body, BatchFormat.LINES)


def test_a_workbook_that_declares_an_entity_is_refused() -> None:
    """A few entities, each of them many times the one before it, would fill the memory."""
    file, changed = io.BytesIO(), io.BytesIO()
    Workbook().save(file)
    with zipfile.ZipFile(file) as archive, zipfile.ZipFile(changed, "w") as copy:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "xl/workbook.xml":
                content = b'<!DOCTYPE workbook [<!ENTITY a "a">]>' + content
            copy.writestr(name, content)
    assert read_file(file.getvalue(), BatchFormat.LINES) is not None
    with pytest.raises(BadListError, match="workbook"):
        read_file(changed.getvalue(), BatchFormat.LINES)


def test_shortcuts_of_windows_and_macos_are_read() -> None:
    assert urls(f"[InternetShortcut]\r\nURL={A}\r\nIconIndex=0\r\n".encode()) == [A]
    for form in (plistlib.FMT_XML, plistlib.FMT_BINARY):
        assert urls(plistlib.dumps({"URL": A}, fmt=form)) == [A]


def test_a_text_with_tabs_is_a_table() -> None:
    assert urls(f"url\tdatum\r\n{A}\t1/3\r\n{B}\t2/3\r\n".encode("utf-16")) == [A, B]


def test_a_line_may_name_the_separator() -> None:
    body = f"sep=;\r\ndatum;url\r\n1/3;{A}\r\n".encode()
    assert urls(body, BatchFormat.CSV) == [A]
