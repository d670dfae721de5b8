"""
Opens connections to the outside: the only module that does.

A name is resolved once; every address it has must be allowed; the connection goes to the address
that was checked, so an answer that changes between check and connection gains nothing.
"""

import contextlib
import queue
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

import httpcore2

from hashsvc.scanning.addresses import is_own_name, is_public
from hashsvc.scanning.errors import FetchError
from hashsvc.scanning.proxies import Proxy
from hashsvc.settings import Network

_PART_BYTES = 65_536
Address = IPv4Address | IPv6Address
ADDRESS = "checked_address"
"""Of a connection's extra information: the address that was checked and connected to."""


class Patience(threading.local):
    """
    How long the download of this thread may still wait for anything.

    Attributes:
        until: When it is over, by the clock.
    """

    until: float

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Have less of it for a while."""
        before, self.until = self.until, min(self.until, self._clock() + seconds)
        try:
            yield
        finally:
            self.until = before

    def left(self, timeout_s: float | None = None) -> float:
        """Return how long the next wait may be: `timeout_s`, or less if there is less time."""
        left_s = self.until - self._clock()
        if left_s <= 0:
            raise httpcore2.ReadTimeout
        return left_s if timeout_s is None else min(timeout_s, left_s)


class CheckedBackend(httpcore2.NetworkBackend):
    """
    Resolves a name once, refuses it when any address is forbidden, connects by address.

    Args:
        extra: Networks that are not public and may be connected to all the same.

        patience: Of the thread that connects.

        connect_s: Longest time to look up a name and connect to one of its addresses.

        proxy: What every connection goes through; it is given addresses that were checked.
    """

    def __init__(
        self,
        extra: tuple[Network, ...],
        patience: Patience,
        connect_s: float,
        proxy: Proxy | None = None,
    ) -> None:
        self._extra = extra
        self._patience = patience
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
        with self._patience.within(self._connect_s):
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
        left_s = self._patience.left(timeout)
        stream = _PatientStream(
            self._sockets.connect_tcp(to, to_port, left_s, None, ()), self._patience, address
        )
        if self._proxy is not None:
            try:
                self._proxy.lead(stream, address, port)
            except BaseException:
                stream.close()
                raise
        return stream

    def _resolve(self, host: str, port: int) -> list[Address]:
        # Who opens a network of his own may have names of his own there.
        if not self._extra and is_own_name(host):
            raise FetchError("forbidden-address")
        addresses = []
        for place in _looked_up(host, port, self._patience):
            # The C resolver reads many spellings (0x7f.1, 2130706433); what it made of them is
            # what counts, so the check comes after it.
            with contextlib.suppress(ValueError):
                addresses.append(ip_address(place.partition("%")[0]))
        if not addresses or not all(self._allowed(each) for each in addresses):
            raise FetchError("forbidden-address")
        return list(dict.fromkeys(addresses))

    def _allowed(self, address: Address) -> bool:
        return is_public(address) or any(address in network for network in self._extra)


def _looked_up(host: str, port: int, patience: Patience) -> list[str]:
    """Return what the C resolver says; it knows no time limit, so a thread of its own waits."""
    answer: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answer.put([str(place[0]) for *_, place in found])
        except Exception as error:  # noqa: BLE001 - for whoever waits.
            answer.put(error)

    threading.Thread(target=ask, name="name-lookup", daemon=True).start()
    try:
        found = answer.get(timeout=patience.left())
    except queue.Empty as error:
        raise httpcore2.ConnectTimeout from error
    if isinstance(found, OSError | UnicodeError):
        raise FetchError("unknown-host", retry=True) from found
    if isinstance(found, Exception):
        raise found
    return found


class _PatientStream(httpcore2.NetworkStream):
    """
    A connection on which nothing waits longer than the download may take.

    The timeouts of httpcore2 are for one read each: by them a server that sends a byte now and
    then keeps a thread for days.
    """

    def __init__(self, stream: httpcore2.NetworkStream, patience: Patience, address: str) -> None:
        self._stream = stream
        self._patience = patience
        self._address = address

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._patience.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._patience.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        left_s = self._patience.left(timeout)
        secured = self._stream.start_tls(ssl_context, server_hostname, left_s)
        return _PatientStream(secured, self._patience, self._address)

    def get_extra_info(self, info: str) -> object:
        # With a proxy the socket's own other end is the proxy.
        return self._address if info == ADDRESS else self._stream.get_extra_info(info)


class Tunnel:
    """
    A connection for what somebody else has to say, such as a browser.

    Its errors are FetchErrors; two threads may use it, one for each direction.
    """

    def __init__(self, stream: httpcore2.NetworkStream, patience: Patience, until: float) -> None:
        self._stream = stream
        self._patience = patience
        self._until = until

    def write(self, data: bytes) -> None:
        """Send bytes."""
        with self._in_time():
            self._stream.write(data, None)

    def parts(self) -> Iterator[bytes]:
        """Yield what comes, until there is no more."""
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
        self._patience.until = self._until  # Of the thread that it is now.
        try:
            yield
        except (httpcore2.NetworkError, httpcore2.TimeoutException, OSError) as error:
            raise FetchError("connection-failed") from error
