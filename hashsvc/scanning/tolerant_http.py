"""
Cleans the answers of servers that break HTTP's rules in ways that browsers tolerate.

h11 refuses an answer if one header line has an illegal name. So this module cleans each head before
h11 reads it. It removes lines with illegal names, and repetitions of a transfer coding.
"""

import re
import ssl
from collections.abc import Iterable

import httpcore2

_MAX_HEAD_BYTES = 100_000
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_END = re.compile(rb"\r?\n\r?\n")
_CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_INFORMATIONAL = re.compile(rb"HTTP/1\.[01] 1\d\d")


class TolerantBackend(httpcore2.NetworkBackend):
    """Connects through another backend, and cleans the heads of the answers."""

    def __init__(self, backend: httpcore2.NetworkBackend) -> None:
        self._backend = backend

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        return _TolerantStream(
            self._backend.connect_tcp(host, port, timeout, local_address, socket_options)
        )

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        return self._backend.connect_unix_socket(path, timeout, socket_options)


class _TolerantStream(httpcore2.NetworkStream):
    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream
        self._expects_head = False
        self._head = b""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        while True:
            part = self._stream.read(max_bytes, timeout)
            if not self._expects_head:
                return part
            self._head += part
            end = _END.search(self._head)
            if end is None and part and len(self._head) <= _MAX_HEAD_BYTES:
                continue
            raw, self._head = self._head, b""
            if end is None or not raw.startswith(b"HTTP/"):
                self._expects_head = False
                return raw
            self._expects_head = bool(_INFORMATIONAL.match(raw))
            return clean_head(raw[: end.start()]) + raw[end.end() :]

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._expects_head, self._head = True, b""
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        return _TolerantStream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


def clean_head(head: bytes) -> bytes:
    """Return a status line and headers, without the empty line, in a form that h11 accepts."""
    status, *lines = re.split(rb"\r?\n", head)
    kept = [status]
    is_kept, is_chunked = True, False
    for line in lines:
        if line[:1] in (b" ", b"\t"):
            if is_kept and len(kept) > 1:
                kept[-1] += b" " + _CONTROL.sub(b"", line.strip())
            continue
        name, colon, value = line.partition(b":")
        is_kept = bool(colon) and _TOKEN.fullmatch(name) is not None
        if not is_kept:
            continue
        value = _CONTROL.sub(b"", value.strip())
        if name.lower() == b"transfer-encoding":
            codings = [each.strip().lower() for each in value.split(b",")]
            if is_chunked:
                continue
            is_chunked = b"chunked" in codings
            value = b"chunked" if is_chunked else value
        kept.append(name + b": " + value)
    return b"\r\n".join(kept) + b"\r\n\r\n"
