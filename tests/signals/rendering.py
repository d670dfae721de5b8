"""
Shows images in one headless Chromium, which is the oracle for what people see.

A page asks the server here for images, draws each on white, and sends the pixels back.
"""

import io
import queue
import threading
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self, cast

from PIL import Image

from tests.helpers.chromium import chromium_at

_PAGE = b"""<!doctype html><meta charset=utf-8><script>
async function frame(id, kind, number) {
  const data = await (await fetch("/image/" + id)).arrayBuffer();
  const decoder = new ImageDecoder({data, type: kind});
  try { return (await decoder.decode({frameIndex: number})).image; } catch { return null; }
}
async function loaded(id) {
  const image = new Image();
  const done = new Promise((done, failed) => { image.onload = done; image.onerror = failed; });
  image.src = "/image/" + id;
  try { await done; } catch { return null; }
  return image;
}
async function shown(image) {
  if (!image) return new Blob([]);
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth || image.displayWidth;
  canvas.height = image.naturalHeight || image.displayHeight;
  const context = canvas.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0);
  return await new Promise(done => canvas.toBlob(done, "image/png"));
}
(async () => {
  for (;;) {
    const [id, kind, number] = (await (await fetch("/next")).text()).split(" ");
    if (!id) continue;
    const image = kind ? await frame(id, kind, Number(number)) : await loaded(id);
    await fetch("/shown/" + id, {method: "POST", body: await shown(image)});
  }
})();
</script>"""
_WAIT_S = 60


class Browser:
    """
    A headless Chromium that shows images; use it as a context manager.

        with Browser() as browser:
            image = browser.show(data)
    """

    def __init__(self) -> None:
        self.images: dict[str, bytes] = {}
        self.answers: dict[str, Future[bytes]] = {}
        self.waiting: queue.Queue[str] = queue.Queue()
        self._server = _Server(self)
        self._running = ExitStack()

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self._running.callback(self._server.server_close)
        self._running.callback(self._server.shutdown)
        url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        self._running.enter_context(chromium_at(url))
        return self

    def __exit__(self, *_error: object) -> None:
        self._running.close()

    def show(self, data: bytes) -> Image.Image | None:
        """Return what Chromium shows on a white page; None if it shows no image."""
        return self._ask(data, "")

    def show_frame(self, data: bytes, kind: str, number: int) -> Image.Image | None:
        """Return a frame of an animation on white, given its media type; None if there is none."""
        return self._ask(data, f" {kind} {number}")

    def _ask(self, data: bytes, how: str) -> Image.Image | None:
        number = str(len(self.images))
        self.images[number] = data
        self.answers[number] = Future()
        self.waiting.put(number + how)
        answer = self.answers[number].result(_WAIT_S)
        self.images[number] = b""
        return Image.open(io.BytesIO(answer)).convert("RGB") if answer else None


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        browser = cast("_Server", self.server).browser
        if self.path == "/next":
            try:
                body = browser.waiting.get(timeout=1).encode()
            except queue.Empty:
                body = b""
        elif self.path.startswith("/image/"):
            body = browser.images[self.path.removeprefix("/image/")]
        else:
            body = _PAGE if self.path == "/" else b""
        self._answer(body)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        browser = cast("_Server", self.server).browser
        browser.answers[self.path.removeprefix("/shown/")].set_result(body)
        self._answer(b"")

    def _answer(self, body: bytes) -> None:
        is_page = body is _PAGE
        is_svg = b"<svg" in body[:500]
        kind = "text/html" if is_page else "image/svg+xml" if is_svg else "image/png"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        with suppress(ConnectionError):  # The browser may want only the start.
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""
