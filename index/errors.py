"""
Errors of the index.

    SearchIndexError
    ├── CodeWidthError       codes of another width
    ├── DuplicateIdError     an id that is there already
    └── SegmentError         a file that is cut, altered, or of an unknown version
"""


class SearchIndexError(Exception):
    """Base of every error raised by the index."""


class CodeWidthError(SearchIndexError):
    """The codes are not of the index's width; the message gives it."""


class DuplicateIdError(SearchIndexError):
    """An id is in the index already, or comes twice; nothing was added."""


class SegmentError(SearchIndexError):
    """The file cannot be trusted; the caller rebuilds the index from its source."""
