"""
Errors of hashsvc.scanning.pages.

    PageError
    └── PageTooComplexError    the page cannot be read within the limits of memory or time
"""


class PageError(Exception):
    """Base of every error raised by hashsvc.scanning.pages."""


class PageTooComplexError(PageError):
    """The page cannot be read within the limits of memory or time."""
