"""Refuses request bodies that hold images, are not JSON or are too large, before any route."""

from collections.abc import Collection, Mapping

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hashsvc.api.errors import BodyTooLargeError, ImageSentError, NotJsonError, answer

_IMAGE_TYPES = ("image/", "video/", "multipart/", "application/octet-stream")
# The first bytes of JPEG, PNG, GIF, RIFF (WebP), BMP and TIFF. HEIC and AVIF have "ftyp" at byte 4.
_IMAGE_STARTS = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"BM", b"II*\0", b"MM\0*")
_NO_IMAGES = (
    "This service takes no images, so that none can leak from it. Make signals on your own "
    "machine with `hashsvc hash`, and send those."
)


class SignalsOnly:
    """
    ASGI middleware that reads the body, up to a limit, and admits only JSON objects or no body.

    It keeps nothing of a refused body.

    Args:
        max_bytes: Largest body that is admitted.

        texts: For each path that also takes text instead of JSON, the media types of that text.
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
        """Return the body; None if the client disconnected."""
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type.startswith(_IMAGE_TYPES):
            raise ImageSentError(_NO_IMAGES)
        # If the announced length is too large, refuse the body without reading it.
        self._check(_announced(headers))
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            if body.startswith(_IMAGE_STARTS) or body[4:8] == b"ftyp":
                raise ImageSentError(_NO_IMAGES)
            self._check(len(body))
            if not message.get("more_body", False):
                break
        if media_type in self._texts.get(path, ()):
            return bytes(body)
        if body and (media_type != "application/json" or body.lstrip()[:1] != b"{"):
            raise NotJsonError(
                "The body must be a JSON object with `Content-Type: application/json`."
            )
        return bytes(body)

    def _check(self, length: int) -> None:
        if length > self._max_bytes:
            raise BodyTooLargeError(
                f"A body has at most {self._max_bytes} bytes. Send signals, never images; "
                "send a large batch in parts."
            )


def _announced(headers: Headers) -> int:
    """Return the length that the Content-Length header announces; 0 if there is none."""
    digits = headers.get("content-length", "")
    # A number of 18 digits exceeds every limit. int() raises an error for thousands of digits.
    return int(digits[:18]) if digits.isdecimal() else 0
