"""
Reported URLs: fetched with care, their images signed and matched, nothing of them kept.

The work list lives in the database; `Scanner` takes items from it in threads. `fetch` is the only
module of the project that opens connections to the outside.
"""

from hashsvc.scanning.addresses import is_public
from hashsvc.scanning.errors import BadUrlError, FetchError, ScanError, UnknownScanError
from hashsvc.scanning.fetch import Fetched, Fetcher
from hashsvc.scanning.look import Look, Looker, SeenImage
from hashsvc.scanning.scanner import Progress, Scanner, Submitted
from hashsvc.scanning.urls import MAX_URL_LENGTH, normalise_url

__all__ = [
    "MAX_URL_LENGTH",
    "BadUrlError",
    "FetchError",
    "Fetched",
    "Fetcher",
    "Look",
    "Looker",
    "Progress",
    "ScanError",
    "Scanner",
    "SeenImage",
    "Submitted",
    "UnknownScanError",
    "is_public",
    "normalise_url",
]
