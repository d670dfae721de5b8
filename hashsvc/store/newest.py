"""A fast way to see whether SQLite's change feed has anything new, without a transaction."""

import sqlite3
import threading
from pathlib import Path

# The feed's numbers rise in the order of the commits, and no number is ever used twice.
_NEWEST = "SELECT max(seq) FROM change"


class NewestChange:
    """
    The number of the newest change in the feed, read through a connection that does nothing else.

    Threads may share it. It sees everything that any process committed before the call. A call
    takes some microseconds; a transaction of SQLAlchemy takes a hundred times as long.

    Args:
        path: The SQLite file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def number(self) -> int | None:
        """Return the number, 0 if the feed is empty; None if it cannot be read at present."""
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
                # Fetch all rows so that the statement ends: an open one would block SQLite from
                # emptying its log.
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
