"""
Runs work on untrusted bytes in processes that have limits on time and memory, and may die.

`pool` keeps the worker processes, and `worker` is what runs in one. A job module defines the work:
`hashsvc.signals.signing_job` and `hashsvc.scanning.pages.reading_job`.
"""

from hashsvc.sandbox.errors import CrashError, SandboxError, TooSlowError, WorkError
from hashsvc.sandbox.pool import WorkerPool, WorkLimits

__all__ = [
    "CrashError",
    "SandboxError",
    "TooSlowError",
    "WorkError",
    "WorkLimits",
    "WorkerPool",
]
