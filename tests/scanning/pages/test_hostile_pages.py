"""A page that is made to keep the scanner busy is read within its limits, or refused."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from hashsvc.scanning.pages import PageTooComplexError
from hashsvc.scanning.pages.sandbox import LIMITS, PageSandbox
from tests.scanning.pages.reading import PAGE, short

HEAVY = {
    "open elements": b"<div>" * 400_000,
    # An HTML5 tree of this page has sixteen million elements.
    "open formats": b"<p>" + b"".join(b"<b x%d>" % n for n in range(4000)) + b"<p>x" * 4000,
    "open scripts": b"<script>" * 400_000,
    "a comment that does not end": b"<!--" + b"- -! --" * 400_000 + b"-->",
    "open tags": b"<img " * 400_000 + b">",
    "attributes": b"<img" + b" a=b" * 400_000 + b">",
    "quotations": b"<img src='" * 400_001 + b"'>",
    "spaces": b"<img src" + b" " * 2_000_000 + b">",
    "sizes": b"<img srcset='" + b"data:, " * 400_000 + b"'>",
    "commas": b"<img srcset='data:" + b"," * 2_000_000 + b"'>",
    "references": b"<img src='" + b"&" * 2_000_000 + b"'>",
    "a long base": b"<base href='/" + b"x" * 2_000_000 + b"/'>" + b"<img src=data:>" * 100_000,
    "stray bytes": b"\xff" * 2_000_000,
    "style sheets": b"<style>" + b"url(" * 500_000 + b"</style>",
    "style quotations": b"<style>" + b"url('a url(\"" * 200_000 + b"</style>",
    "strings": b"<script>" + b"\"/a'//b " * 200_000 + b"</script>",
    "strings that do not end": b"<script>" + b'"\\/' * 500_000 + b"</script>",
    "deep data": b"<script type=ld+json>" + b"[" * 900_000 + b"</script>",
    "long numbers": b"<script type=ld+json>{'image':" + b"9" * 900_000 + b"}</script>",
    "wide data": b'<script type=ld+json>{"image":["' + b'a","' * 200_000 + b'"]}</script>',
    "styles": b"<b style='width:" + b" " * 900_000 + b";" * 900_000 + b"'>" * 2,
    "links": b"<a href=x><img src=y>" * 100_000,
    "ends": b"</a " * 500_000 + b">",
    "joins": b"<script>" + b"x+" * 40_000 + b"'1.jpg'</script>",
    "names": b"<script>"
    + b"".join(b"a%d='2.jpg'+a%d;" % (each, each - 1) for each in range(20_000))
    + b"</script>",
    "templates in templates": b"<script>" + b"`${" * 10_000 + b"</script>",
    "hidden parents": b"<div>" * 400 + b"<img loading=lazy src=2.jpg>" * 30_000,
    "data in attributes": b'<p a=\'{"a":"2.jpg"}\'>' * 8_000,
    "groups": b"<style>" + b"@media screen{" * 100_000 + b"a{b:url(x)}" * 10_000 + b"</style>",
    "comments in styles": b"<style>" + b"/*" * 900_000 + b"</style>",
    "moves": b"<meta http-equiv=refresh content='url=" + b"=" * 900_000 + b"'>",
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[PageSandbox]:
    opened = PageSandbox()
    opened.open()
    yield opened
    opened.close()


def found_in(sandbox: PageSandbox, page: bytes) -> list[str]:
    """Return the URL of each image of a page that a sandbox reads."""
    return short(each.urls[0] for each in sandbox.read_page(page, PAGE, "text/html").images)


@pytest.mark.parametrize("page", HEAVY.values(), ids=HEAVY.keys())
def test_a_page_made_to_keep_the_scanner_busy_is_read(sandbox: PageSandbox, page: bytes) -> None:
    """If time or memory grew with the square of the page's length, the sandbox would give up."""
    assert found_in(sandbox, b'<img src="1.jpg" width="2000">' + page)[:1] == ["1.jpg"]


@pytest.mark.parametrize(
    "name", ["open elements", "open formats", "attributes", "spaces", "references",
             "stray bytes", "style sheets", "strings", "deep data", "long numbers", "ends"]
)  # fmt: skip
def test_images_after_such_markup_are_found(sandbox: PageSandbox, name: str) -> None:
    assert found_in(sandbox, HEAVY[name] + b'<img src="1.jpg">') == ["1.jpg"]


def test_a_page_over_the_limits_is_too_complex() -> None:
    limits = replace(LIMITS, max_seconds=0.5)
    # Each element carries an attribute that may show an image, so none is left out.
    deep = b"<div data-a=b>" * 100_000
    opened = PageSandbox(limits=limits)
    opened.open()
    try:
        with pytest.raises(PageTooComplexError, match="within the limits"):
            opened.read_page(deep, PAGE, "text/html")
        assert found_in(opened, b'<img src="1.jpg">') == ["1.jpg"]
    finally:
        opened.close()
