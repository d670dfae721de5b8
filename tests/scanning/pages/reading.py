"""Reads pages and names their images shortly, for tests."""

from collections.abc import Iterable

from hashsvc.scanning.pages import read_page
from hashsvc.scanning.pages.page import Page

PAGE = "https://a.example/p/page.html"


def read(markup: str | bytes) -> Page:
    return read_page(markup if isinstance(markup, bytes) else markup.encode(), PAGE)


def found(markup: str | bytes) -> list[str]:
    """Return the URL that a browser takes for each image of a page, without the page's folder."""
    return short(each.urls[0] for each in read(markup).images)


def short(urls: Iterable[str]) -> list[str]:
    """Return URLs in a short form that still identifies them."""
    return [url.removeprefix("https://a.example/p/") for url in urls]
