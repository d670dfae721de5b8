"""Asks headless Chromium which images it shows on each page."""

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs

from benchmarks.pages.making import MadePage
from benchmarks.pages.serving import PageServer
from tests.helpers.chromium import chromium_at

_PAGES_A_BROWSER = 40
_LONGEST_S = 25.0
_WINDOW = "--window-size=1280,900"

# Scrolls through the page, waits until its images are there, and reports those that can be seen.
_REPORTER = """
<script>(function () {
  var name = %(name)s, next = %(next)s, smallest = 100;
  function wait(ms) { return new Promise(function (done) { setTimeout(done, ms); }); }
  function addresses(text) {
    var found = [], each, pattern = /url\\("((?:[^"\\\\]|\\\\.)*)"\\)/g;
    while ((each = pattern.exec(text))) found.push(each[1].replace(/\\\\(.)/g, '$1'));
    return found;
  }
  function walk(root, found, waiting) {
    root.querySelectorAll('*').forEach(function (each) {
      if (each.shadowRoot) walk(each.shadowRoot, found, waiting);
      var tag = each.localName, box = each.getBoundingClientRect();
      if (tag === 'iframe' || tag === 'frame') {
        try { if (each.contentDocument) walk(each.contentDocument, found, waiting); }
        catch (error) { return; }
      }
      if (tag === 'img' && !each.complete && box.width) waiting.push(each);
      if (box.width < smallest || box.height < smallest) return;
      if (getComputedStyle(each).visibility !== 'visible') return;
      if (tag === 'img' && each.naturalWidth > 15) found.push(each.currentSrc);
      if (tag === 'input' && each.type === 'image') found.push(each.src);
      if (tag === 'video' && each.poster) found.push(each.poster);
      if (tag === 'image') found.push(new URL(each.href.baseVal, each.baseURI).href);
      if (tag === 'object') found.push(each.data);
      if (tag === 'embed') found.push(each.src);
      [null, '::before', '::after'].forEach(function (part) {
        var style = getComputedStyle(each, part);
        found.push.apply(found, addresses(style.backgroundImage));
        if (part) found.push.apply(found, addresses(style.content));
      });
    });
  }
  async function scroll(view) {
    var most = view.document.documentElement ? view.document.documentElement.scrollHeight : 0;
    for (var y = 0; y <= most && y < 20000; y += 600) { view.scrollTo(0, y); await wait(25); }
  }
  addEventListener('load', async function () {
    await wait(50);
    await scroll(window);
    for (var i = 0; i < window.length; i++) { try { await scroll(window[i]); } catch (error) {} }
    await wait(250);
    var found = [], waiting = [];
    for (var tries = 0; tries < 20; tries++) {
      found = []; waiting = [];
      walk(document, found, waiting);
      if (!waiting.length) break;
      await wait(100);
    }
    await fetch('/shown?name=' + name, {method: 'POST', body: JSON.stringify(found)});
    if (next) location.href = next; else document.title = 'done';
  });
})();</script>
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """
    What Chromium did on the pages; images are named by `PageServer.key_of`.

    Attributes:
        shown: The images that it fetched and shows, by the page's name. Pages on which it did not
            report are missing.

        asked: All images that it asked for.
    """

    shown: dict[str, frozenset[str]]
    asked: frozenset[str]


def look_with_chromium(
    command: Sequence[str],
    pages: Sequence[MadePage],
    on_page: Callable[[], object] = lambda: None,
) -> Seen:
    """
    Return what Chromium shows on pages.

    Args:
        command: The Chromium command with switches that the machine needs.

        on_page: Called after each page.
    """
    reported: dict[str, list[str]] = {}
    came = threading.Event()

    def report(query: str, body: bytes) -> None:
        (name,) = parse_qs(query)["name"]
        reported[name] = json.loads(body)
        on_page()
        came.set()

    with PageServer(pages, scripts=_reporters(pages), on_report=report) as server:
        for start in range(0, len(pages), _PAGES_A_BROWSER):
            left = list(pages[start : start + _PAGES_A_BROWSER])
            while left:
                with chromium_at(server.url + left[0].path, (*command, _WINDOW)):
                    _wait_for(left, reported, came)
                done = sum(each.name in reported for each in left)
                # If the browser stopped at a page, go on with the next page.
                left = left[done + 1 :]
        asked = frozenset(server.asked)
        shown = {
            name: frozenset(
                key
                for key in map(server.key_of, filter(None, urls))
                if key in asked or key.startswith("inline ")
            )
            for name, urls in reported.items()
        }
    return Seen(shown, asked)


def _wait_for(
    pages: Sequence[MadePage], reported: dict[str, list[str]], came: threading.Event
) -> None:
    """Wait until a browser has reported on all pages, or has said nothing for too long."""
    while not all(each.name in reported for each in pages):
        came.clear()
        if not came.wait(_LONGEST_S):
            return


def _reporters(pages: Sequence[MadePage]) -> dict[str, str]:
    """Return the script for each document that a browser ends up at."""
    scripts = {}
    for place, page in enumerate(pages):
        is_last = place + 1 == len(pages) or (place + 1) % _PAGES_A_BROWSER == 0
        following = "" if is_last else pages[place + 1].path
        names = {"name": json.dumps(page.name), "next": json.dumps(following)}
        scripts[page.shown_at] = _REPORTER % names
    return scripts
