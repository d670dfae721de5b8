"""
Gives a page's markup as its scripts have changed it.

The browser reaches the network only through the filtering proxy. It loads no images. Its profile is
kept in memory and deleted after the page.
"""

import shlex
import threading
import time
from enum import StrEnum

import structlog

from hashsvc.scanning.errors import IsolationError
from hashsvc.scanning.fetch import Fetcher
from hashsvc.scanning.rendering.browser import Browser, Isolation
from hashsvc.scanning.rendering.check import CHECK_URL, is_kept_behind_proxy
from hashsvc.scanning.rendering.filtering_proxy import FilteringProxy

_LONGEST_S = 20.0
# If a page has less time left than this, don't check the browser for it.
_LONGEST_CHECK_S = 10.0
_log = structlog.get_logger()


class RendererState(StrEnum):
    """Whether pages' scripts are run."""

    OFF = "off"
    """The settings name no browser."""

    UNCHECKED = "unchecked"
    """No browser has been checked yet."""

    READY = "ready"
    """The browser runs, and reaches nothing but the proxy."""

    REFUSED = "refused"
    """No page is opened, because the browser cannot be kept behind the proxy."""

    FAILED = "failed"
    """No page is opened, because the browser does not run."""


class Renderer:
    """
    Returns pages as their scripts have changed them; safe to share between threads.

    It opens no page before `check` has found that the browser is kept behind the proxy. Until then,
    each page causes another check.

    Args:
        command: The Chromium command, with any further switches that the operator wants.

        fetcher: Opens the browser's connections.

        user_agent: The user agent that the browser sends.

        at_once: Browsers that run at the same time; each takes a few hundred megabytes.

        isolation: What keeps the browser behind the proxy, as for `Browser`.

    Attributes:
        state: What the newest check found.

        reason: Why the browser was refused, as a sentence; empty in other states.
    """

    def __init__(
        self,
        command: str,
        fetcher: Fetcher,
        *,
        user_agent: str,
        at_once: int = 1,
        isolation: Isolation = "namespace",
    ) -> None:
        self._command = shlex.split(command)
        self._fetcher = fetcher
        self._user_agent = user_agent
        self._isolation = isolation
        self._turns = threading.Semaphore(at_once)
        self._checking = threading.Lock()
        self.state = RendererState.UNCHECKED
        self.reason = ""

    def check(self) -> RendererState:
        """Return the state, after a check of the browser unless an earlier check found it ready."""
        with self._checking:
            if self.state is not RendererState.READY:
                self._check()
            return self.state

    def dom(self, url: str, *, deadline: float | None, via: str | None = None) -> bytes | None:
        """Return a page's markup after its scripts ran; None if the browser failed or was late."""
        until = time.monotonic() + _LONGEST_S
        until = until if deadline is None else min(until, deadline)
        if not self._turns.acquire(timeout=max(0.0, until - time.monotonic())):
            return None
        try:
            if not self._is_ready(until):
                return None
            return self._open(url, until, via)
        except IsolationError as error:
            self._note(RendererState.REFUSED, str(error))
        except OSError:
            self._note(RendererState.FAILED)
        finally:
            self._turns.release()
        return None

    def _is_ready(self, until: float) -> bool:
        if self.state is RendererState.READY:
            return True
        if until - time.monotonic() < _LONGEST_CHECK_S:
            return False
        return self.check() is RendererState.READY

    def _check(self) -> None:
        try:
            with self._browser(CHECK_URL) as browser:
                runs = is_kept_behind_proxy(browser)
        except IsolationError as error:
            self._note(RendererState.REFUSED, str(error))
        except OSError:
            self._note(RendererState.FAILED)
        else:
            self._note(RendererState.READY if runs else RendererState.FAILED)

    def _note(self, state: RendererState, reason: str = "") -> None:
        """Keep the state; log it if it is new."""
        if (state, reason) == (self.state, self.reason):
            return
        self.state, self.reason = state, reason
        log = _log.info if state is RendererState.READY else _log.error
        log(f"scan.renderer_{state}", isolation=self._isolation, reason=reason)

    def _open(self, url: str, until: float, via: str | None) -> bytes | None:
        with (
            self._browser(url) as browser,
            FilteringProxy(self._fetcher, until=until, via=via, listener=browser.listener),
        ):
            return browser.dom(until)

    def _browser(self, url: str) -> Browser:
        return Browser(
            self._command, user_agent=self._user_agent, url=url, isolation=self._isolation
        )
