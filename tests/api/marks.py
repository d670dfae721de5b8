"""Finds marked bytes in the files of a service."""

from collections.abc import Iterable
from pathlib import Path


def found_in(folder: Path, marks: Iterable[bytes]) -> set[tuple[str, bytes]]:
    """Return the names of files that contain marks, each with the mark."""
    files = [each for each in folder.rglob("*") if each.is_file()]
    assert files
    return {(file.name, mark) for file in files for mark in marks if mark in file.read_bytes()}
