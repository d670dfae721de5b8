"""One background thread that repeats a piece of work until it is stopped."""

import threading
from abc import ABC, abstractmethod

import structlog

_log = structlog.get_logger()


class Loop(ABC):
    """
    Repeats `run_once` in a thread of its own; the first pass begins at once.

    A pass that raises is logged by the class of its error, and the next pass comes as usual: a
    database or a disk that fails now may work later.

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
        """Do what is due now. A long pass looks at `is_stopping` now and then."""

    @property
    def is_stopping(self) -> bool:
        """Whether `stop` was called, or `ask_to_stop`."""
        return self._stop_asked.is_set()

    @property
    def is_running(self) -> bool:
        """Whether the thread was started and not stopped since."""
        return self._thread is not None

    def start(self) -> None:
        """Begin."""
        self._stop_asked.clear()
        self._thread = threading.Thread(target=self._repeat, name=self._name, daemon=True)
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Begin no further pass; unlike `stop`, do not wait for the one in hand."""
        self._stop_asked.set()

    def stop(self) -> None:
        """Begin no further pass, and wait for the one in hand."""
        self.ask_to_stop()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _repeat(self) -> None:
        while not self.is_stopping:
            try:
                self.run_once()
            except Exception as error:  # noqa: BLE001 - whatever failed may work at the next pass.
                _log.error("loop.failed", loop=self._name, error=type(error).__name__)
            self._stop_asked.wait(self._every_s)
