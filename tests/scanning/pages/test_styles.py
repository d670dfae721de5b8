"""A style sheet shows the images that a browser loads for the elements of a page, and no others."""

import pytest

from hashsvc.scanning.pages import read_page
from hashsvc.scanning.pages.reading import read_stylesheet
from hashsvc.scanning.pages.styles import in_stylesheet

PAGE = "https://a.example/p/page.html"
ELEMENTS = b'<p class="a b"></p>'
FILLING = ".z{color:red}\n" * 10_000


def shown(sheet: str) -> list[str]:
    """Return the images that a style sheet shows on a page with one element."""
    page = read_stylesheet(sheet.encode(), PAGE, "text/css", ELEMENTS)
    return [image.urls[0].removeprefix("https://a.example/p/") for image in page.images]


SHEETS = {
    "@media print{.a{background:url(2)}} .b{background:url(1)}": ["1"],
    "@media (max-width: 767px){.a{background:url(2)}} .b{background:url(1)}": ["1"],
    "@media(min-width:768px){.a{background:url(1)}}": ["1"],
    "@media screen{@media print{.a{background:url(2)}} .a{background:url(1)}}": ["1"],
    "@supports (display:grid){@media print{.a{background:url(2)}}} .a{background:url(1)}": ["1"],
    ".a{@media print{background:url(2)} background:url(1)}": ["1"],
    ".a{background:url(1);@media (max-width:9px){background:url(2)}}": ["1"],
    # The later rule with the same selector counts.
    ".a{background:url(2)}.a{background:url(1)}": ["1"],
    ".a{background-image:url(2)}.a{background:url(1) no-repeat}": ["1"],
    ".a{background:url(2)}@media (min-width:9px){.a{background:url(1)}}": ["1"],
    ".a{background:url(2)}.a{background:none}": [],
    ".a{background:url(2);background:image-set('1' 1x)}": ["1"],
    ".a{background:url(1)}.a{color:red}": ["1"],
    ".a{background:url(1)}.a{mask-image:url(3)}": ["1", "3"],
    ".a{background:url(1)}.b{background:url(3)}": ["1", "3"],
    ".a{background:url(1)}.a::before{content:url(3)}": ["1", "3"],
    ".a{background:url(1)!important}.a{background:url(2)}": ["1"],
    ".a{background:url(1)}.a{background:url(2)\\9}": ["1"],
    # Rules in a layer count less than rules outside, wherever they stand.
    ".a{background:url(1)}@layer x{.a{background:url(3)}}": ["1", "3"],
    # Marks that are no marks.
    "/* @media print{ */.a{background:url(1)}": ["1"],
    '.a::before{content:"}@media print{"}.a{background:url(1)}': ["1"],
    ".z{background:url(}@media)}.a{background:url(1)}": ["1"],
    ".z\\{x{}.a{background:url(1)}": ["1"],
    "}.a{background:url(1)}": ["1"],
    "@charset 'utf-8';.a{background:url(1)": ["1"],
}


@pytest.mark.parametrize("filling", ["", FILLING], ids=["short", "long"])
@pytest.mark.parametrize("sheet", SHEETS)
def test_a_sheet_shows_what_a_browser_loads(sheet: str, filling: str) -> None:
    assert shown(filling + sheet) == SHEETS[sheet]


@pytest.mark.parametrize("sheet", SHEETS)
def test_a_style_element_is_read_like_a_sheet(sheet: str) -> None:
    page = read_page(b"<style>" + sheet.encode() + b"</style>" + ELEMENTS, PAGE)
    assert [image.urls[0][-1] for image in page.images] == SHEETS[sheet]


IMPORTS = {
    "@import url(1.css) screen;@import '2.css' print;": ["1.css"],
    "@import '1.css' layer(x) supports(display:grid) (min-width:9px);": ["1.css"],
    "@import '2.css' layer(x) (max-width:9px);@import '1.css' layer;": ["1.css"],
    "@import src('1.css');": ["1.css"],
}


@pytest.mark.parametrize("sheet", IMPORTS)
def test_a_sheet_imports_others_for_its_screen(sheet: str) -> None:
    page = read_stylesheet(sheet.encode(), PAGE, "text/css", ELEMENTS)
    assert [each.rpartition("/")[2] for each in page.stylesheets] == IMPORTS[sheet]


def test_a_style_attribute_shows_its_last_background() -> None:
    page = read_page(b'<p style="background:url(2.jpg);background-image:url(1.jpg)">', PAGE)
    assert [image.urls[0][-5:] for image in page.images] == ["1.jpg"]


@pytest.mark.parametrize(
    "sheet",
    [
        "/* * ** /x */ a{background:url(1.jpg)}",
        "/***/a{background:url(1.jpg)}/*",
        "a::after{content:'*/\\'}'} b{background:url(1.jpg)}",
        "<!-- /* } */ @media all{a{background:url(1.jpg)}} -->",
        "a{background:url(1.jpg)} b{content:'\\",
    ],
)
def test_comments_and_strings_hide_no_rule(sheet: str) -> None:
    assert [each.url for each in in_stylesheet(sheet)] == ["1.jpg"]
