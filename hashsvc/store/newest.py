"""Tells at once whether SQLite's change feed has anything new, without opening a transaction."""

import sqlite3
import threading
from pathlib import Path

# The feed's numbers go up in the order of the commits, and none ever comes back.
_NEWEST = "SELECT max(seq) FROM change"


class NewestChange:
    """
    The number of the newest step of a change feed, from a connection that is kept for this alone.

    Threads may share it. It sees all that was committed before the call, whoever committed it, and
    takes some microseconds; a transaction of SQLAlchemy's takes a hundred times as many.

    Args:
        path: SQLite's file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def number(self) -> int | None:
        """Return the number, 0 of an empty feed; None when it cannot be told at present."""
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = sqlite3.connect(
                        f"{self._path.absolute().as_uri()}?mode=rw",
                        uri=True,
                        isolation_level=None,
                        check_same_thread=False,
                    )
                    self._connection.execute("PRAGMA query_only = ON")
                # All rows, so that the statement ends: an open one would hold up a checkpoint.
                ((number,),) = self._connection.execute(_NEWEST).fetchall()
            except sqlite3.Error:
                return None
        return number or 0

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
