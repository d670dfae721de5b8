"""Reads untrusted pages in worker processes that have limits on time and memory."""

from typing import Protocol

from hashsvc.sandbox import WorkerPool, WorkError, WorkLimits
from hashsvc.scanning.pages import reading_job
from hashsvc.scanning.pages.errors import PageTooComplexError
from hashsvc.scanning.pages.page import Page
from hashsvc.scanning.pages.reading import read_page, read_stylesheet

JOB = "hashsvc.scanning.pages.reading_job"
LIMITS = WorkLimits(
    max_seconds=10,
    max_memory_bytes=512 * 1024**2,
    max_header_bytes=20,
    # An answer contains the page's `data:` URLs, which are as large as their images.
    max_payload_bytes=40_000_000,
)


class PageReader(Protocol):
    """Reads pages and style sheets, here or in a sandbox."""

    def read_page(self, body: bytes, url: str, content_type: str) -> Page:
        """Return what a page shows and leads to."""
        ...

    def read_stylesheet(self, body: bytes, url: str, content_type: str, page: bytes) -> Page:
        """Return the images and style sheets that a style sheet of a page refers to."""
        ...


class UnconfinedPageReader:
    """Reads pages in this process, without limits."""

    def read_page(self, body: bytes, url: str, content_type: str) -> Page:
        """Return what a page shows and leads to."""
        return read_page(body, url, content_type)

    def read_stylesheet(self, body: bytes, url: str, content_type: str, page: bytes) -> Page:
        """Return the images and style sheets that a style sheet of a page refers to."""
        return read_stylesheet(body, url, content_type, page)


class PageSandbox:
    """
    Workers that read pages; threads may share it.

    Args:
        workers: Number of pages read at once; others wait.
    """

    def __init__(self, *, workers: int = 1, limits: WorkLimits = LIMITS) -> None:
        self.pool = WorkerPool(JOB, limits=limits, workers=workers)
        """The worker processes."""

    def open(self) -> None:
        """Begin to start the workers; calls wait until one is ready."""
        self.pool.open()

    def close(self) -> None:
        """End all workers. Calls that wait or are being served raise SandboxError."""
        self.pool.close()

    def read_page(self, body: bytes, url: str, content_type: str) -> Page:
        """
        Return what a page shows and leads to, as `pages.read_page` does.

        Raises:
            PageTooComplexError: If reading it takes more time or memory than the limits.

            SandboxError: If no worker can be started, or the sandbox is not open.
        """
        return self._ask(reading_job.request(body, url, content_type))

    def read_stylesheet(self, body: bytes, url: str, content_type: str, page: bytes) -> Page:
        """Return the images and style sheets of a style sheet; raises as `read_page` does."""
        return self._ask(
            reading_job.request(body, url, content_type, is_stylesheet=True, page=page)
        )

    def _ask(self, data: bytes) -> Page:
        try:
            page = self.pool.ask(data, reading_job.page_of)
        except WorkError as error:
            raise PageTooComplexError("The page cannot be read within the limits.") from error
        if page is None:
            raise PageTooComplexError("The page cannot be read within the limits.")
        return page
