"""URLs are found in text as people and mail programs write it."""

import pytest

from hashsvc.scanning.lists.cells import NO_COLON, NO_SLASHES, NO_URL, rule_broken_by, urls_in

A, B = "https://a.example/x", "http://b.example/y?z=1"
CELLS = {
    A: [A],
    f"<{A}>": [A],
    f"> {A}": [A],
    f"- {A}": [A],
    f"1. {A}": [A],
    f"{A}.": [A],
    f"{A};": [A],
    f"{A},": [A],
    f"({A})": [A],
    f'"{A}"': [A],
    f"«{A}»": [A],
    f"see {A} and {B}!": [A, B],
    f"{A}\n{B}": [A, B],
    f"[words]({A})": [A],
    f"[{A}]({A})": [A, A],
    f"[a]({A})[b]({B})": [A, B],
    "https://a.example/x_(y)": ["https://a.example/x_(y)"],
    "(https://a.example/x_(y))": ["https://a.example/x_(y)"],
    "hxxps://a[.]example/x": [A],
    "hXXps[:]//a[.]example/x": [A],
    "hxxps[://]a(dot)example/x": [A],
    "www.a.example/x": ["https://www.a.example/x"],
    f"www.c.example and {A}": ["https://www.c.example", A],
    "https://www.a.example/x": ["https://www.a.example/x"],
    f'=HYPERLINK("{A}";"photo")': [A],
    f'=hyperlink("{A}", "photo")': [A],
    "\u200bhttps://a.\u00adexample/x\u202c": [A],
    "https://a.example/my photo 1.jpg": ["https://a.example/my photo 1.jpg"],
    f"{A} photo of a.b": [A],
    "mail a@www.a.example": [],
    "": [],
    "no URL": [],
}


@pytest.mark.parametrize("text", CELLS)
def test_urls_are_found_without_what_is_around_them(text: str) -> None:
    assert urls_in(text) == CELLS[text]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("https//a.example", NO_COLON),
        ("https:a.example", NO_SLASHES),
        ("ftp://a.example/x", f"{NO_URL} ftp:// is not scanned."),
        ("words", NO_URL),
    ],
)
def test_the_rule_fits_the_line(text: str, rule: str) -> None:
    assert urls_in(text) == []
    assert rule_broken_by(text) == rule
