"""
Finds what a page shows, from its markup, styles and scripts, without running any script.

`encoding` decodes the page to text, and `tree` builds a tree of elements from the text. `reading`
goes through the elements, and asks `attributes`, `srcsets`, `styles`, `scripts`, `json_ld` and
`inline` what they refer to. `media` evaluates media queries, and `joined` joins the parts of
addresses in scripts. `finds` resolves these references and puts them in order.
"""

from hashsvc.scanning.pages.errors import PageError, PageTooComplexError
from hashsvc.scanning.pages.inline import InlineData, is_inline, read_inline
from hashsvc.scanning.pages.page import LeftOut, Page, PageImage
from hashsvc.scanning.pages.reading import read_page, read_stylesheet, refresh_target

__all__ = [
    "InlineData",
    "LeftOut",
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
