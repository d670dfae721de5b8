"""Serves a web site on loopback from a separate process, at little cost."""

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from benchmarks.scanning.made import Web, parts

_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


@contextmanager
def serving(web: Web) -> Iterator[tuple[str, int]]:
    """Yield the site's URL and the process that serves it."""
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(web, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        port = mine.recv()
        assert process.pid is not None
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.join(30)


def _serve(web: Web, port_sender: Connection) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Answers(web), "127.0.0.1", 0)
        port_sender.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


class _Answers(asyncio.Protocol):
    """Answers requests on one connection: `/PAGE` is a page, `/PAGE/PLACE.jpg` an image on it."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._asked = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._asked += data
        while b"\r\n\r\n" in self._asked:
            request, _, self._asked = self._asked.partition(b"\r\n\r\n")
            self._answer(request.split(b" ", 2)[1].decode())

    def _answer(self, path: str) -> None:
        page, _, image = path.strip("/").partition("/")
        if not page.isdecimal() or int(page) >= len(self._web.pages):
            self._transport.write(_NOT_FOUND)
        elif image:
            place = int(image.removesuffix(".jpg"))
            file = self._web.files[self._web.pages[int(page)][place]]
            body = parts(file, f"{page}-{place}")
            size = sum(map(len, body))
            self._transport.writelines((_head("image/jpeg", size), *body))
        else:
            places = range(len(self._web.pages[int(page)]))
            tags = "".join(f'<p><img src="/{page}/{place}.jpg">' for place in places)
            html = f"<!doctype html><title>{page}</title>{tags}".encode()
            self._transport.writelines((_head("text/html", len(html)), html))


def _head(media_type: str, size: int) -> bytes:
    return (
        f"HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {size}\r\n\r\n".encode()
    )
