"""Middleware that puts safe headers on every response and hides unexpected errors."""

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hashsvc.api.errors import unexpected

_HEADERS = {
    # Keep responses out of all caches, in browsers and proxies.
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_NO_FRAME = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_POLICY = f"default-src 'none'; style-src 'unsafe-inline'; {_NO_FRAME}"
# Swagger UI needs an inline script, inline styles, and icons from data: URLs.
_DOCS = "/docs"
_DOCS_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    f"img-src 'self' data:; {_NO_FRAME}"
)


_WAS_HEAD = "hashsvc.head"


def was_head(request: Request) -> bool:
    """Return whether the client sent HEAD. Nobody reads the response's body then."""
    return bool(request.scope.get(_WAS_HEAD, False))


class SafeResponses:
    """
    The outermost ASGI middleware. It adds safe headers and turns unexpected errors into responses.

    An exception must not reach the server. The server would log its text and traceback, which may
    contain parameters of a statement or parts of a body.

    It passes HEAD on as GET; the server drops the response's body.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET", _WAS_HEAD: True}
        policy = _DOCS_POLICY if scope["path"].startswith(_DOCS) else _POLICY
        started = False

        async def send_safe(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers["Content-Security-Policy"] = policy
            await send(message)

        try:
            await self._app(scope, receive, send_safe)
        except Exception as error:  # noqa: BLE001 - no exception may reach the server.
            answer = unexpected(error)
            if not started:
                await answer(scope, receive, send_safe)
