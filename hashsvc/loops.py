"""One background thread that repeats a piece of work until it is stopped."""

import threading
from abc import ABC, abstractmethod

import structlog

_log = structlog.get_logger()


class Loop(ABC):
    """
    Repeats `run_once` in its own thread; the first pass begins at once.

    If a pass raises, the class of the error is logged and the next pass runs as usual: a database
    or a disk that fails now may work later.

    Args:
        name: Name of the thread, and of the loop in the log.

        every_s: Seconds from the end of one pass to the beginning of the next.
    """

    def __init__(self, name: str, *, every_s: float) -> None:
        self._name = name
        self._every_s = every_s
        self._stop_asked = threading.Event()
        self._thread: threading.Thread | None = None

    @abstractmethod
    def run_once(self) -> None:
        """Do what is due now. A long pass must check `is_stopping` now and then."""

    @property
    def is_stopping(self) -> bool:
        """Whether `stop` or `ask_to_stop` was called."""
        return self._stop_asked.is_set()

    @property
    def is_running(self) -> bool:
        """Whether the thread was started and has not been stopped since."""
        return self._thread is not None

    def start(self) -> None:
        """Start the thread."""
        self._stop_asked.clear()
        self._thread = threading.Thread(target=self._repeat, name=self._name, daemon=True)
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Let no further pass begin. Unlike `stop`, this does not wait for the current pass."""
        self._stop_asked.set()

    def stop(self) -> None:
        """Let no further pass begin, and wait until the current pass ends."""
        self.ask_to_stop()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _repeat(self) -> None:
        while not self.is_stopping:
            try:
                self.run_once()
            except Exception as error:  # noqa: BLE001 - the next pass may succeed.
                _log.error("loop.failed", loop=self._name, error=type(error).__name__)
            self._stop_asked.wait(self._every_s)
