"""Reads and signs the images that are named on the command line."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from hashsvc import signals
from hashsvc.cli.output import say
from hashsvc.signals import ImageError, Profile, Signature


def files_of(paths: Sequence[Path]) -> list[Path]:
    """Return the files; a folder stands for all files below it, sorted by name."""
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
    Yield each image's signature; None for any other file, with a message on stderr.

    Images are signed on all cores. `exact` and `also` are those of `sign_image`.

    Messages number the files and do not name them: a file's name may tell who is shown.
    """
    files = files_of(paths)
    errors: dict[int, str] = {}

    def contents() -> Iterator[bytes]:
        for number, path in enumerate(files, start=1):
            try:
                yield path.read_bytes()
            except OSError as error:
                errors[number] = f"It cannot be read ({error.strerror})."
                # Every file has one result, so that the numbers stay right.
                yield b""

    # Close the generator, so that its threads end when the reader stops early.
    with closing(signals.sign_images(contents(), exact=exact, also=also)) as signed:
        for number, found in enumerate(signed, start=1):
            if isinstance(found, ImageError):
                say(f"File {number} of {len(files)}: {errors.get(number, found)}")
                yield None
            else:
                yield found
