"""
The command line: `hashsvc hash`, `compare`, `submit`, `match`, `scan`, `serve`, `keys`.

`hash` and `compare` need no service and no network; nothing leaves the machine with them.
"""

from hashsvc.cli.main import main

__all__ = ["main"]
