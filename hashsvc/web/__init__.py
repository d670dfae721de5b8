"""Pages for people: the status page at `/`; the consoles come later."""

from hashsvc.web.status import status_page

__all__ = ["status_page"]
