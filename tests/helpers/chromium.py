"""Starts headless Chromium, and asks it which pixels it shows of images."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image

CHROMIUM = shutil.which("chromium")
_LONGEST_S = 60.0
_SWITCHES = (
    "--headless",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-sync",
    "--mute-audio",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
# Tests may run as root, and then Chromium cannot use its own sandbox.
_FOR_PIXELS = ("--no-sandbox", "--force-color-profile=srgb", "--force-device-scale-factor=1")

# Draws each image on white, and reports its size and pixels. What it cannot show has no pixels.
_PAGE = """<!doctype html><script>
(async () => {
  for (const name of %s) {
    const image = new Image(), canvas = document.createElement('canvas');
    image.src = '/image/' + name;
    let size = '0/0', pixels = '';
    try {
      await image.decode();
      canvas.width = image.naturalWidth;
      canvas.height = image.naturalHeight;
      const drawing = canvas.getContext('2d');
      drawing.fillStyle = 'white';
      drawing.fillRect(0, 0, canvas.width, canvas.height);
      drawing.drawImage(image, 0, 0);
      size = canvas.width + '/' + canvas.height;
      pixels = drawing.getImageData(0, 0, canvas.width, canvas.height).data;
    } catch (error) {}
    await fetch('/shown/' + name + '/' + size, {method: 'POST', body: pixels});
  }
})();
</script>"""


def needs_chromium(what: str) -> pytest.MarkDecorator:
    """Return a mark that skips tests loudly where Chromium is not installed."""
    return pytest.mark.skipif(
        CHROMIUM is None, reason=f"Debian's chromium is not installed: {what} is NOT tested."
    )


def shown_by_chromium(files: Mapping[str, bytes]) -> dict[str, Image.Image | None]:
    """Return what Chromium shows of each image, on white; None of those that it does not show."""
    names = list(files)
    shown: dict[str, Image.Image | None] = {}
    came = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _, kind, *rest = self.path.split("/")
            page = (_PAGE % json.dumps(list(range(len(names))))).encode()
            is_image = kind == "image"
            self._answer(
                "application/octet-stream" if is_image else "text/html",
                files[names[int(rest[0])]] if is_image else page,
            )

        def do_POST(self) -> None:
            pixels = self.rfile.read(int(self.headers["Content-Length"] or 0))
            number, width, height = (int(each) for each in self.path.split("/")[2:])
            image = Image.frombytes("RGBA", (width, height), pixels) if width else None
            shown[names[number]] = image.convert("RGB") if image else None
            self._answer("text/plain", b"")
            came.set()

        def _answer(self, kind: str, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        with chromium_at(f"http://127.0.0.1:{server.server_port}/"):
            while len(shown) < len(files):
                came.clear()
                if len(shown) < len(files) and not came.wait(_LONGEST_S):
                    pytest.fail(f"Chromium stopped after {len(shown)} of {len(files)} images.")
        server.shutdown()
    return shown


@contextlib.contextmanager
def chromium_at(url: str, command: Sequence[str] = ()) -> Iterator[None]:
    """
    Show a page in a headless Chromium with a profile of its own, which ends afterwards.

    Args:
        command: The command with its own switches; by default Chromium that shows sRGB pixels.
    """
    if not command:
        assert CHROMIUM is not None
        command = (CHROMIUM, *_FOR_PIXELS)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [*command, *_SWITCHES, f"--user-data-dir={profile}", url],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": profile, "LANG": "C.UTF-8"},
            start_new_session=True,
        )
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
