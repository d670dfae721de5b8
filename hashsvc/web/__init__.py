"""Web pages: the status page at `/`."""

from hashsvc.web.status import status_page

__all__ = ["status_page"]
