"""
Limits on connections: how many there are, and how long each may keep the service waiting.

uvicorn closes a connection that sends nothing, but one byte is enough to prevent that. Its
`limit_concurrency` counts idle connections too, so slow callers could use up the limit. Here, if
there are too many connections, a new one takes the place of one that waits for its caller.
"""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from typing import Any, cast

from starlette.types import Scope
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from hashsvc.access.addresses import subscriber_of
from hashsvc.settings import Network

_STATE = "hashsvc.connection"
# End a connection whose caller reads nothing for this long. The system's buffers take most answers
# at once, so few answers wait for their caller.
_LONGEST_STALL_S = 30.0


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """
    The limits that `Connections` keeps.

    Attributes:
        most: Most connections.

        most_per_address: Most connections from one address; proxies may have more.

        proxies: The networks of the operator's proxies. Each of their connections carries the calls
            of many callers.

        head_s: Longest time until the headers of a request have arrived.

        idle_s: Longest time between two requests of a connection.
    """

    most: int
    most_per_address: int
    proxies: tuple[Network, ...]
    head_s: float
    idle_s: float


class Connections:
    """The open connections of a server."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self._by_subscriber: dict[str, set[Connection]] = {}
        self._count = 0

    @property
    def protocol(self) -> type[asyncio.Protocol]:
        """What uvicorn calls for each new connection."""
        return cast("type[asyncio.Protocol]", partial(Connection, self))

    def enter(self, new: "Connection", address: str) -> bool:
        """
        Count a new connection, and say whether it may stay.

        If there are too many, end the connection whose caller has kept the service waiting longest,
        among those of the address that has the most connections.
        """
        new.subscriber = subscriber_of(address)
        own = self._by_subscriber.get(new.subscriber, set())
        if len(own) >= self.limits.most_per_address and not self._is_proxy(address):
            if not self._end_one_of(own):
                return False
        elif self._count >= self.limits.most and not self._end_one_of(
            each for group in self._by_subscriber.values() for each in group
        ):
            return False
        self._by_subscriber.setdefault(new.subscriber, set()).add(new)
        self._count += 1
        return True

    def leave(self, old: "Connection") -> None:
        """Stop counting a connection, if it was counted."""
        own = self._by_subscriber.get(old.subscriber, set())
        if old in own:
            own.remove(old)
            self._count -= 1
            if not own:
                del self._by_subscriber[old.subscriber]

    def _end_one_of(self, connections: Iterable["Connection"]) -> bool:
        waiting = [each for each in connections if each.waits_since is not None]
        if not waiting:
            return False
        worst = max(waiting, key=lambda each: (self._size(each), -(each.waits_since or 0)))
        self.leave(worst)
        worst.end()
        return True

    def _size(self, connection: "Connection") -> int:
        return len(self._by_subscriber[connection.subscriber])

    def _is_proxy(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self.limits.proxies)


class Connection(asyncio.Protocol):
    """
    A connection. It passes everything on to uvicorn's h11 protocol, and watches the time.

    That protocol limits the size of headers and trailers. uvicorn's httptools protocol does not.

    Attributes:
        subscriber: Whose connection it is: see `subscriber_of`.

        waits_since: When the service began to wait for this caller to send or read, in seconds of
            `time.monotonic` (uvloop's clock counts whole milliseconds). None while the service
            works, and during any call with a key.
    """

    def __init__(
        self,
        connections: Connections,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.subscriber = ""
        self.waits_since: float | None = None
        self._connections = connections
        self._loop = _loop or asyncio.get_running_loop()
        self._uvicorn = H11Protocol(config, server_state, {**app_state, _STATE: self}, self._loop)
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._requests = 0
        self._has_key = False
        self._unread = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request, or end a connection that is one too many."""
        # uvloop's transports are not instances of asyncio's classes.
        self._transport = transport = cast("asyncio.Transport", transport)
        self.waits_since = time.monotonic()
        peer = transport.get_extra_info("peername")
        if not self._connections.enter(self, peer[0] if isinstance(peer, tuple) else "local"):
            self.end()
            return
        self._uvicorn.connection_made(transport)
        self._end_after(self._connections.limits.head_s)

    def data_received(self, data: bytes) -> None:
        """Pass bytes on to uvicorn."""
        self._uvicorn.data_received(data)

    def eof_received(self) -> None:
        """Tell uvicorn that the caller sends no more bytes."""
        self._uvicorn.eof_received()

    def pause_writing(self) -> None:
        """Begin to wait for the caller to read."""
        self._uvicorn.pause_writing()
        self._wait()
        self._unread = self._written()
        self._end_after(_LONGEST_STALL_S)

    def resume_writing(self) -> None:
        """Stop waiting for the caller to read."""
        self._uvicorn.resume_writing()
        self._unread = 0
        if self._requests:
            self.waits_since = None
            self._cancel_timer()
        else:
            self._rest()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop counting the connection."""
        self._connections.leave(self)
        self._cancel_timer()
        # A connection that was one too many has never reached uvicorn.
        if self._uvicorn.transport is not None:
            self._uvicorn.connection_lost(exc)

    def begin_request(self) -> None:
        """Note that the headers of a request have come. Its body may still be on the way."""
        self._requests += 1
        self._has_key = False
        self._cancel_timer()

    def begin_work(self, *, with_key: bool = False) -> None:
        """Note that a request needs nothing more from the caller, or that the caller has a key."""
        self._has_key = self._has_key or with_key
        self.waits_since = None

    def end_request(self) -> None:
        """Note that a request is answered. The next one may have come already."""
        self._requests -= 1
        # If the rest of the answer is still in this process, the caller has to read it first.
        if not self._requests and not self._unread:
            self._rest()

    def end(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def _rest(self) -> None:
        self._has_key = False
        self._wait()
        limits = self._connections.limits
        self._end_after(limits.idle_s + limits.head_s)

    def _written(self) -> int:
        """Return how many bytes wait in this process for the caller to read."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def _expire(self) -> None:
        written = self._written()
        if 0 < written < self._unread:
            self._unread = written
            self._end_after(_LONGEST_STALL_S)
        else:
            self.end()

    def _wait(self) -> None:
        if not self._has_key:
            self.waits_since = time.monotonic()

    def _end_after(self, seconds: float) -> None:
        self._cancel_timer()
        self._timer = self._loop.call_later(seconds, self._expire)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def connection_of(scope: Scope) -> Connection | None:
    """Return the connection that a request came through; None outside of a server."""
    connection = scope.get("state", {}).get(_STATE)
    return connection if isinstance(connection, Connection) else None
