"""Refuses a request before its body has arrived, in such a way that the caller learns why."""

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

# This is enough for a photo or short film that somebody sends by mistake. Dropping 1 MB takes less
# than 1 ms.
_MOST_DRAINED = 64_000_000
_LONGEST_DRAIN_S = 10.0


async def refuse(answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """
    Send an answer before the whole body was read, and end the connection.

    Many callers read no answer before they have sent everything. If the service closed the
    connection at once, they would see a broken connection and never learn why. So it sends the
    answer first, then drops what still comes, up to a limit of bytes and time.
    """
    if not announces_body(Headers(scope=scope)):
        await answer(scope, receive, send)
        return

    async def send_first(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)
            return
        is_last = not message.get("more_body", False)
        # The server closes the connection once the answer is complete.
        await send({**message, "more_body": True})
        if is_last:
            await _drain(receive)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    await answer(scope, receive, send_first)


def announces_body(headers: Headers) -> bool:
    """Return whether the headers of a request announce a body."""
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


async def _drain(receive: Receive) -> None:
    drained = 0
    with anyio.move_on_after(_LONGEST_DRAIN_S):
        while drained < _MOST_DRAINED:
            message = await receive()
            if not message.get("more_body", False):
                return
            drained += len(message.get("body", b""))
