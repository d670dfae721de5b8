"""
The command line `hashsvc`: some commands run on one machine alone, others call a service.

`hash` and `compare` need no service and no network. They send nothing from the machine.
"""

from hashsvc.cli.main import main

__all__ = ["main"]
