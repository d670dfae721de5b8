"""Refuses images, bodies that are not JSON, and large or slow bodies, before a route runs."""

from collections.abc import Callable, Collection, Mapping

import anyio
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hashsvc.api.connections import connection_of
from hashsvc.api.errors import (
    BodyTooLargeError,
    ImageSentError,
    NotJsonError,
    SlowBodyError,
    TooManyObjectsError,
    answer,
)
from hashsvc.api.refusals import refuse

_IMAGE_TYPES = ("image/", "video/", "multipart/", "application/octet-stream")
# The first bytes of JPEG, PNG, GIF, RIFF (WebP), BMP and TIFF. HEIC and AVIF have "ftyp" at byte 4.
_IMAGE_STARTS = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"BM", b"II*\0", b"MM\0*")
_FEW_OBJECTS = 500
_BYTES_PER_OBJECT = 40
_NO_IMAGES = (
    "This service takes no images, so that none can leak from it. Make signals on your own "
    "machine with `hashsvc hash`, and send those."
)


class SignalsOnly:
    """
    ASGI middleware that reads the body, up to a limit, and admits only JSON objects or no body.

    It keeps nothing of a refused body.

    Args:
        most_bytes: Returns the largest body that a request may have.

        longest_s: Longest time for a whole body to arrive.

        texts: For each path that also takes text instead of JSON, the media types of that text.
    """

    def __init__(
        self,
        app: ASGIApp,
        most_bytes: Callable[[Scope], int],
        longest_s: float = 60,
        texts: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        self._app = app
        self._most_bytes = most_bytes
        self._longest_s = longest_s
        self._texts = texts or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        reader = _Reader(receive)
        try:
            with anyio.fail_after(self._longest_s):
                body = await self._body(scope, reader)
        except (ImageSentError, NotJsonError, TooManyObjectsError, BodyTooLargeError) as error:
            if reader.is_done:
                await answer(error)(scope, receive, send)
            else:
                await refuse(answer(error), scope, receive, send)
            return
        except TimeoutError:
            slow = SlowBodyError(f"A body has {self._longest_s:g} seconds to arrive.")
            await answer(slow)(scope, receive, send)
            return
        if body is None:
            return
        if connection := connection_of(scope):
            connection.begin_work()

        sent = False

        async def replay() -> Message:
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, send)

    async def _body(self, scope: Scope, reader: "_Reader") -> bytes | None:
        """Return the body; None if the client disconnected."""
        headers, most = Headers(scope=scope), self._most_bytes(scope)
        check_media_type(headers)
        # If the announced length is too large, refuse the body without reading it.
        _check_length(_announced(headers), most)
        body = bytearray()
        while not reader.is_done:
            part = await reader.read()
            if part is None:
                return None
            body += part
            if body.startswith(_IMAGE_STARTS) or body[4:8] == b"ftyp":
                raise ImageSentError(_NO_IMAGES)
            _check_length(len(body), most)
        media_type = _media_type(headers)
        if media_type in self._texts.get(scope["path"], ()):
            return bytes(body)
        if body and (media_type != "application/json" or body.lstrip()[:1] != b"{"):
            raise NotJsonError(
                "The body must be a JSON object with `Content-Type: application/json`."
            )
        _check_objects(body)
        return bytes(body)


class _Reader:
    """Reads a body part by part, and knows whether all of it has come."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.is_done = False

    async def read(self) -> bytes | None:
        """Return the next part; None if the client disconnected."""
        message = await self._receive()
        self.is_done = not message.get("more_body", False)
        return None if message["type"] == "http.disconnect" else message.get("body", b"")


def check_media_type(headers: Headers) -> None:
    """
    Check that the headers announce no image.

    Raises:
        ImageSentError: If they do.
    """
    if _media_type(headers).startswith(_IMAGE_TYPES):
        raise ImageSentError(_NO_IMAGES)


def _media_type(headers: Headers) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _check_length(length: int, most: int) -> None:
    if length > most:
        raise BodyTooLargeError(
            f"A body of this call has at most {most} bytes. Send signals, never images; "
            "send a large batch in parts."
        )


def _check_objects(body: bytearray) -> None:
    # A list takes two bytes of JSON, but 56 bytes of memory, and each garbage collection visits it.
    # 300 kB of lists took 240 ms. Reading them in a thread would not help: json and pydantic keep
    # all other threads waiting. The longest useful bodies, signals, have an object per 99 bytes.
    most = _FEW_OBJECTS + len(body) // _BYTES_PER_OBJECT
    if body.count(b"{") + body.count(b"[") > most:
        raise TooManyObjectsError(f"JSON of this size has at most {most} objects and lists.")


def _announced(headers: Headers) -> int:
    """Return the length that the Content-Length header announces; 0 if there is none."""
    digits = headers.get("content-length", "")
    # A number of 18 digits exceeds every limit. int() raises an error for thousands of digits.
    return int(digits[:18]) if digits.isdecimal() else 0
