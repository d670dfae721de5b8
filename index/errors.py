"""
Errors of the index.

    SearchIndexError
    ├── CodeWidthError       codes whose width is not the index's
    ├── DuplicateIdError     an id that is already in the index
    └── SegmentError         a file that is truncated, altered, or of an unknown version
"""


class SearchIndexError(Exception):
    """Base class of every error raised by the index."""


class CodeWidthError(SearchIndexError):
    """The codes do not have the index's width; the message gives the width."""


class DuplicateIdError(SearchIndexError):
    """An id is already in the index, or occurs twice; nothing was added."""


class SegmentError(SearchIndexError):
    """An index file cannot be used; the caller rebuilds the index from its source."""
