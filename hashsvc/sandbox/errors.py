"""
Errors of hashsvc.sandbox.

    SandboxError          no worker can be started, or the pool is not open
    WorkError             one piece of work failed
    ├── TooSlowError      it took longer than the limit
    └── CrashError        its worker died, or gave an invalid answer
"""


class SandboxError(Exception):
    """No worker can be started, or the pool is not open. Nothing is wrong with the work."""


class WorkError(Exception):
    """One piece of work failed; its worker was replaced."""


class TooSlowError(WorkError):
    """The work took longer than the limit."""


class CrashError(WorkError):
    """The worker died, or gave an invalid answer."""
