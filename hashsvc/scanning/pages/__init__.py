"""
What a page shows, read from its markup, its styles and its scripts without running any.

`encoding` makes text of it, `tree` a tree of elements; `reading` goes through these and asks
`attributes`, `srcsets`, `styles`, `scripts`, `json_ld` and `inline` what they refer to; `finds`
resolves that and puts it in order.
"""

from hashsvc.scanning.pages.errors import PageError, PageTooComplexError
from hashsvc.scanning.pages.inline import InlineData, is_inline, read_inline
from hashsvc.scanning.pages.page import Page, PageImage
from hashsvc.scanning.pages.reading import read_page, read_stylesheet, refresh_target

__all__ = [
    "InlineData",
    "Page",
    "PageError",
    "PageImage",
    "PageTooComplexError",
    "is_inline",
    "read_inline",
    "read_page",
    "read_stylesheet",
    "refresh_target",
]
