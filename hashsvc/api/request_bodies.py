"""What is refused before a route sees it: images, bodies that are no JSON or over the limit."""

from collections.abc import Collection, Mapping

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hashsvc.api.errors import BodyTooLargeError, ImageSentError, NotJsonError, answer

_IMAGE_TYPES = ("image/", "video/", "multipart/", "application/octet-stream")
# The first bytes of JPEG, PNG, GIF, RIFF (WebP), BMP and TIFF; HEIC and AVIF have "ftyp" at 4.
_IMAGE_STARTS = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"BM", b"II*\0", b"MM\0*")
_SAYS_WHY = (
    "This service takes no images, so that none can leak from it. Make signals on your own "
    "machine with `hashsvc hash`, and send those."
)


class SignalsOnly:
    """
    ASGI middleware: reads the body within its limit, and lets a JSON object through or nothing.

    Nothing of a refused body is kept.

    Args:
        texts: Paths that take text of some media types too.
    """

    def __init__(
        self, app: ASGIApp, max_bytes: int, texts: Mapping[str, Collection[str]] | None = None
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._texts = texts or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            body = await self._body(Headers(scope=scope), receive, scope["path"])
        except (ImageSentError, NotJsonError, BodyTooLargeError) as error:
            await answer(error)(scope, receive, send)
            return
        if body is None:
            return

        sent = False

        async def replay() -> Message:
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, send)

    async def _body(self, headers: Headers, receive: Receive, path: str) -> bytes | None:
        """Return the body; None when the caller went away."""
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type.startswith(_IMAGE_TYPES):
            raise ImageSentError(_SAYS_WHY)
        # A body that is announced as too large is refused unread.
        self._check(_announced(headers))
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            if body.startswith(_IMAGE_STARTS) or body[4:8] == b"ftyp":
                raise ImageSentError(_SAYS_WHY)
            self._check(len(body))
            if not message.get("more_body", False):
                break
        if media_type in self._texts.get(path, ()):
            return bytes(body)
        if body and (media_type != "application/json" or body.lstrip()[:1] != b"{"):
            raise NotJsonError("A body is a JSON object, with `Content-Type: application/json`.")
        return bytes(body)

    def _check(self, length: int) -> None:
        if length > self._max_bytes:
            raise BodyTooLargeError(
                f"A body has at most {self._max_bytes} bytes; it holds signals, never an image."
            )


def _announced(headers: Headers) -> int:
    """Return the body's length as its header says; 0 when it does not."""
    digits = headers.get("content-length", "")
    # Eighteen digits are over every limit; int() raises an error for some thousands.
    return int(digits[:18]) if digits.isdecimal() else 0
