"""The processes and profiles of the browsers that a process has started."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or ""
UNSHARE = shutil.which("unshare") or ""
_PROFILE = "--user-data-dir="


def needs_isolated_browser() -> pytest.MarkDecorator:
    """Return the mark of tests that need Chromium and a system that allows namespaces."""
    missing = ""
    if not CHROMIUM:
        missing = "Debian's chromium is not installed"
    elif not UNSHARE or subprocess.run([UNSHARE, "-Un", "true"], check=False).returncode:
        missing = "this system forbids user namespaces"
    return pytest.mark.skipif(bool(missing), reason=f"The renderer is NOT tested: {missing}.")


def browser_processes(of: int | None = None) -> list[Path]:
    """Return the directories in /proc of all descendants of a process; None means this one."""
    found = []
    for task in Path(f"/proc/{of or os.getpid()}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [Path(f"/proc/{child}"), *browser_processes(int(child))]
    return found


def is_running(process: Path) -> bool:
    """Return whether a process exists and is no zombie."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def profiles(processes: list[Path]) -> set[Path]:
    """Return the profile directories that the processes were started with."""
    return {
        Path(argument.removeprefix(_PROFILE))
        for process in processes
        for argument in (process / "cmdline").read_text().split("\0")
        if argument.startswith(_PROFILE)
    }
