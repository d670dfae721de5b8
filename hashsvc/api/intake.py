"""What is refused before a route sees it: images, and bodies over the limit."""

from collections.abc import MutableMapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hashsvc.api.errors import BodyTooLargeError, ImageSentError, answer

_IMAGE_TYPES = ("image/", "video/", "multipart/", "application/octet-stream")
# The first bytes of JPEG, PNG, GIF, RIFF (WebP), BMP and TIFF; HEIC and AVIF have "ftyp" at 4.
_IMAGE_STARTS = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"BM", b"II*\0", b"MM\0*")
_SAYS_WHY = (
    "This service takes no images, so that none can leak from it. Make signals on your own "
    "machine with `hashsvc hash`, and send those."
)


class SignalsOnly:
    """
    ASGI middleware: reads the body within its limit and refuses what looks like an image.

    Nothing of a refused body is kept.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        try:
            body = await self._body(scope, receive)
        except (ImageSentError, BodyTooLargeError) as error:
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

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """Return the body; None when the caller went away."""
        headers: MutableMapping[bytes, bytes] = dict(scope["headers"])
        media_type = headers.get(b"content-type", b"").decode("latin-1").lower()
        if media_type.startswith(_IMAGE_TYPES):
            raise ImageSentError(_SAYS_WHY)
        body = bytearray()
        while True:
            message: MutableMapping[str, Any] = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            if body.startswith(_IMAGE_STARTS) or body[4:8] == b"ftyp":
                raise ImageSentError(_SAYS_WHY)
            if len(body) > self._max_bytes:
                raise BodyTooLargeError(f"A body has at most {self._max_bytes} bytes.")
            if not message.get("more_body", False):
                return bytes(body)
