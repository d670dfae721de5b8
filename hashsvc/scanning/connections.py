"""
Opens network connections for downloads, to checked addresses only.

Each name is resolved once, and all its addresses must be allowed. The connection then goes to a
checked address, so a DNS answer that changes between check and connection has no effect.
"""

import contextlib
import queue
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

import httpcore2

from hashsvc.scanning.addresses import is_private_name, is_public
from hashsvc.scanning.errors import FetchError
from hashsvc.scanning.proxies import Proxy
from hashsvc.settings import Network

_PART_BYTES = 65_536
Address = IPv4Address | IPv6Address
ADDRESS = "checked_address"
"""Key in a connection's extra information: the checked address it is connected to."""


class ThreadDeadline(threading.local):
    """
    The time at which the current thread's download has to end.

    Attributes:
        until: The deadline, by the clock.
    """

    until: float

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Bring the deadline forward, to at most `seconds` from now, inside the block."""
        before, self.until = self.until, min(self.until, self._clock() + seconds)
        try:
            yield
        finally:
            self.until = before

    def left(self, timeout_s: float | None = None) -> float:
        """
        Return how many seconds the next wait may take: `timeout_s`, or less if time is short.

        Raises:
            httpcore2.ReadTimeout: If the deadline has passed.
        """
        left_s = self.until - self._clock()
        if left_s <= 0:
            raise httpcore2.ReadTimeout
        return left_s if timeout_s is None else min(timeout_s, left_s)


class CheckedBackend(httpcore2.NetworkBackend):
    """
    Resolves a name once, refuses it if any address is forbidden, and connects by address.

    Args:
        extra: Networks that are allowed although they are not public.

        deadline: Deadline of the thread that connects.

        connect_s: Longest time to look up a name and connect to one of its addresses.

        proxy: Proxy for every connection; it receives checked addresses only.
    """

    def __init__(
        self,
        extra: tuple[Network, ...],
        deadline: ThreadDeadline,
        connect_s: float,
        proxy: Proxy | None = None,
    ) -> None:
        self._extra = extra
        self._deadline = deadline
        self._connect_s = connect_s
        self._proxy = proxy
        self._sockets = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        failure: httpcore2.NetworkError | httpcore2.TimeoutException | None = None
        with self._deadline.within(self._connect_s):
            for address in self._resolve(host, port):
                try:
                    return self._connect(str(address), port, timeout)
                except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                    failure = error
        raise failure or httpcore2.ConnectError("no address")

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        raise FetchError("forbidden-address")

    def _connect(self, address: str, port: int, timeout: float | None) -> httpcore2.NetworkStream:
        to, to_port = (
            (self._proxy.host, self._proxy.port) if self._proxy is not None else (address, port)
        )
        left_s = self._deadline.left(timeout)
        stream = _TimedStream(
            self._sockets.connect_tcp(to, to_port, left_s, None, ()), self._deadline, address
        )
        if self._proxy is not None:
            try:
                self._proxy.connect(stream, address, port)
            except BaseException:
                stream.close()
                raise
        return stream

    def _resolve(self, host: str, port: int) -> list[Address]:
        # An operator who allows an extra network may use private names in it.
        if not self._extra and is_private_name(host):
            raise FetchError("forbidden-address")
        addresses = []
        for place in _look_up(host, port, self._deadline):
            # The C resolver accepts many spellings of an address (0x7f.1, 2130706433), so check
            # the address that it returns.
            with contextlib.suppress(ValueError):
                addresses.append(ip_address(place.partition("%")[0]))
        if not addresses or not all(self._allowed(each) for each in addresses):
            raise FetchError("forbidden-address")
        return list(dict.fromkeys(addresses))

    def _allowed(self, address: Address) -> bool:
        return is_public(address) or any(address in network for network in self._extra)


def _look_up(host: str, port: int, deadline: ThreadDeadline) -> list[str]:
    """
    Return the addresses that the C resolver gives for a host.

    The resolver has no time limit, so it runs in its own thread.
    """
    answer: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answer.put([str(place[0]) for *_, place in found])
        except Exception as error:  # noqa: BLE001 - raised again below.
            answer.put(error)

    threading.Thread(target=ask, name="name-lookup", daemon=True).start()
    try:
        found = answer.get(timeout=deadline.left())
    except queue.Empty as error:
        raise httpcore2.ConnectTimeout from error
    if isinstance(found, OSError | UnicodeError):
        raise FetchError("unknown-host", retry=True) from found
    if isinstance(found, Exception):
        raise found
    return found


class _TimedStream(httpcore2.NetworkStream):
    """
    A connection on which no wait goes past the download's deadline.

    A timeout of httpcore2 applies to one read, so a server that sends a byte now and then could
    keep a thread busy for days.
    """

    def __init__(
        self, stream: httpcore2.NetworkStream, deadline: ThreadDeadline, address: str
    ) -> None:
        self._stream = stream
        self._deadline = deadline
        self._address = address

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        left_s = self._deadline.left(timeout)
        secured = self._stream.start_tls(ssl_context, server_hostname, left_s)
        return _TimedStream(secured, self._deadline, self._address)

    def get_extra_info(self, info: str) -> object:
        # Behind a proxy, the socket's peer is the proxy and not the server.
        return self._address if info == ADDRESS else self._stream.get_extra_info(info)


class Tunnel:
    """
    A raw connection that carries another program's traffic, such as a browser's.

    Errors are raised as FetchError. Two threads may use it, one for each direction.
    """

    def __init__(
        self, stream: httpcore2.NetworkStream, deadline: ThreadDeadline, until: float
    ) -> None:
        self._stream = stream
        self._deadline = deadline
        self._until = until

    def write(self, data: bytes) -> None:
        """Send bytes."""
        with self._in_time():
            self._stream.write(data, None)

    def parts(self) -> Iterator[bytes]:
        """Yield the bytes received, until the other side closes."""
        while True:
            with self._in_time():
                part = self._stream.read(_PART_BYTES, None)
            if not part:
                return
            yield part

    def close(self) -> None:
        """End the connection."""
        self._stream.close()

    @contextlib.contextmanager
    def _in_time(self) -> Iterator[None]:
        self._deadline.until = self._until  # The deadline is kept per thread.
        try:
            yield
        except (httpcore2.NetworkError, httpcore2.TimeoutException, OSError) as error:
            raise FetchError("connection-failed") from error
