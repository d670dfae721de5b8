"""The formats that a notice can be written in."""

FORMATS = {
    "text": "text/plain; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "eml": "message/rfc822",
    "json": "application/json",
    "xarf": "application/json",
    "csv": "text/csv; charset=utf-8",
}
"""Each format of a notice, with its media type."""
