"""
The command line, `hashsvc`: what runs on one machine alone, and what speaks to a service.

`hash` and `compare` need no service and no network: nothing leaves the machine with them.
"""

from hashsvc.cli.main import main

__all__ = ["main"]
