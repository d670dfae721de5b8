"""
Scanning: fetch reported URLs, sign the images there, and match the signatures.

No image is kept. The work list lives in the database; the threads of `Scanner` take items from it,
in any number of processes. Only `connections` opens network connections to the scanned sites.
"""

from typing import TYPE_CHECKING

from hashsvc.lazy import lazy_names
from hashsvc.scanning.addresses import is_public
from hashsvc.scanning.errors import (
    BadUrlError,
    CancelledScanError,
    FetchError,
    IsolationError,
    OtherBatchError,
    ProxyError,
    ScanError,
    UnknownScanError,
    UnknownWatchError,
)
from hashsvc.scanning.lists import BatchFormat, BatchLine, read_lines, sort_lines
from hashsvc.scanning.urls import MAX_URL_LENGTH, normalise_url

if TYPE_CHECKING:
    from hashsvc.scanning.downloads import BatchLimits
    from hashsvc.scanning.facts import INCOMPLETE
    from hashsvc.scanning.fetch import Fetched, Fetcher
    from hashsvc.scanning.known import KnownImages
    from hashsvc.scanning.leases import Leases
    from hashsvc.scanning.look import Looker
    from hashsvc.scanning.rendering import Renderer, RendererState
    from hashsvc.scanning.results import Look, SeenImage
    from hashsvc.scanning.scanner import Scanner
    from hashsvc.scanning.service import ScanningService
    from hashsvc.scanning.watches import MOST_DAYS, MOST_HOURS, Watches
    from hashsvc.scanning.work_list import Progress, Submitted, WorkList
else:
    # These modules import Numba and the HTTP client, so a process imports each at its first use.
    __getattr__ = lazy_names(
        __name__,
        {
            "fetch": "Fetched Fetcher",
            "known": "KnownImages",
            "leases": "Leases",
            "downloads": "BatchLimits",
            "facts": "INCOMPLETE",
            "look": "Looker",
            "rendering": "Renderer RendererState",
            "results": "Look SeenImage",
            "scanner": "Scanner",
            "service": "ScanningService",
            "watches": "MOST_DAYS MOST_HOURS Watches",
            "work_list": "Progress Submitted WorkList",
        },
    )

__all__ = [
    "INCOMPLETE",
    "MAX_URL_LENGTH",
    "MOST_DAYS",
    "MOST_HOURS",
    "BadUrlError",
    "BatchFormat",
    "BatchLimits",
    "BatchLine",
    "CancelledScanError",
    "FetchError",
    "Fetched",
    "Fetcher",
    "IsolationError",
    "KnownImages",
    "Leases",
    "Look",
    "Looker",
    "OtherBatchError",
    "Progress",
    "ProxyError",
    "Renderer",
    "RendererState",
    "ScanError",
    "Scanner",
    "ScanningService",
    "SeenImage",
    "Submitted",
    "UnknownScanError",
    "UnknownWatchError",
    "Watches",
    "WorkList",
    "is_public",
    "normalise_url",
    "read_lines",
    "sort_lines",
]
