"""Limits how many calls without a key run at once, so that room is left for those with a key."""

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hashsvc.api.admission import is_admitted
from hashsvc.api.errors import BusyError, answer

# Load balancers poll these, and neither takes more than a moment.
_CHECKS = ("/health", "/ready")


class OpenCalls:
    """
    ASGI middleware that limits how many calls without a key run at the same time.

    A further call waits for a place. If none becomes free in time, the caller is asked to try again
    later. FastAPI runs 40 calls at once; calls without a key get `most` of these places, and the
    rest are kept for callers with a key.

    Args:
        most: Most calls without a key that run at once.

        longest_wait_s: Longest time that a call waits until it may run.
    """

    def __init__(self, app: ASGIApp, most: int, longest_wait_s: float = 5) -> None:
        self._app = app
        self._longest_wait_s = longest_wait_s
        self._room = anyio.Semaphore(most)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or is_admitted(scope) or scope["path"] in _CHECKS:
            await self._app(scope, receive, send)
            return
        try:
            with anyio.fail_after(self._longest_wait_s):
                await self._room.acquire()
        except TimeoutError:
            busy = BusyError("The service is busy. Try again in a few seconds.", retry_after_s=5)
            await answer(busy)(scope, receive, send)
            return
        holds = True

        def leave() -> None:
            nonlocal holds
            if holds:
                holds = False
                self._room.release()

        async def send_after_work(message: Message) -> None:
            # The work is done when the answer begins. A slow reader must not keep its place.
            leave()
            await send(message)

        try:
            await self._app(scope, receive, send_after_work)
        finally:
            leave()
