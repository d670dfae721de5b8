"""Reads and signs the images named on the command line, and tells of those that are none."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from hashsvc import signals
from hashsvc.cli.output import say
from hashsvc.signals import ImageError, Profile, Signature


def files_of(paths: Sequence[Path]) -> list[Path]:
    """Return the files; a folder stands for all files below it, in order of name."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(each for each in path.rglob("*") if each.is_file())
        else:
            found.append(path)
    return found


def signatures(
    paths: Sequence[Path], *, exact: bool = False, also: Sequence[Profile] = ()
) -> Iterator[Signature | None]:
    """
    Yield the signature of each image; None for a file that has none, after a line on stderr.

    Images are signed on all cores. `exact` and `also` are those of `sign_image`.

    The line counts the files and does not name them: a file's name may tell who is shown.
    """
    files = files_of(paths)
    unread: dict[int, str] = {}

    def contents() -> Iterator[bytes]:
        for number, path in enumerate(files, start=1):
            try:
                yield path.read_bytes()
            except OSError as error:
                unread[number] = f"It cannot be read ({error.strerror})."
                # Keeps its place among the others.
                yield b""

    # Closed, so that no thread is left when the reader has had enough.
    with closing(signals.sign_images(contents(), exact=exact, also=also)) as signed:
        for number, found in enumerate(signed, start=1):
            if isinstance(found, ImageError):
                say(f"File {number} of {len(files)}: {unread.get(number, found)}")
                yield None
            else:
                yield found
