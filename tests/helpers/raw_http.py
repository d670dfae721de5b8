"""Speaks HTTP byte by byte over a socket, as no well-behaved client would."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

_PATIENCE_S = 60
_CHUNK = 65_536


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body, read as JSON."""
        return json.loads(self.body)


def connected(port: int, source: str = "127.0.0.1") -> socket.socket:
    """Return a connection to a port on 127.0.0.1 from any loopback address."""
    return socket.create_connection(("127.0.0.1", port), _PATIENCE_S, source_address=(source, 0))


@contextmanager
def many_connected(port: int, sources: list[str], sent: bytes) -> Iterator[list[socket.socket]]:
    """Yield one connection for each source, after each has sent the same bytes."""
    with ExitStack() as stack:
        opened = []
        for source in sources:
            connection = stack.enter_context(connected(port, source))
            opened.append(connection)
            try:
                connection.sendall(sent)
            except OSError:
                # The service has ended the connection again.
                continue
        yield opened


def head(method: str, path: str, *headers: str) -> bytes:
    """Return the first line and the headers of a request, without the empty line."""
    lines = (f"{method} {path} HTTP/1.1", "Host: hashsvc.example", *headers)
    return "\r\n".join(lines).encode() + b"\r\n"


def send_all(connection: socket.socket, data: bytes, *, chunked: bool) -> None:
    """Send a body to its end, or until the other side ends the connection."""
    try:
        for start in range(0, len(data), _CHUNK):
            part = data[start : start + _CHUNK]
            connection.sendall(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
        if chunked:
            connection.sendall(b"0\r\n\r\n")
    except OSError:
        return


def read_answer(connection: socket.socket) -> Answer:
    """
    Read one answer that has a Content-Length.

    Raises:
        ConnectionError: If the connection ends before the answer does.
    """
    received = b""
    while b"\r\n\r\n" not in received:
        received += _more(connection)
    top, _, body = received.partition(b"\r\n\r\n")
    first, *lines = top.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    while len(body) < int(headers["content-length"]):
        body += _more(connection)
    return Answer(int(first.split()[1]), headers, body)


def is_ended(connection: socket.socket) -> bool:
    """Wait for the other side to end the connection or to send something; say which it did."""
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def _more(connection: socket.socket) -> bytes:
    data = connection.recv(_CHUNK)
    if not data:
        raise ConnectionError("The connection ended before the answer did.")
    return data
