"""Reads and signs the images that are named on the command line."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TypeVar

from hashsvc import signals
from hashsvc.cli.output import say
from hashsvc.signals import ImageError, Profile, Signature, SignedFrames

Signed = TypeVar("Signed")


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
    sign = partial(signals.sign_image, limits=image_limits(), exact=exact, also=also)
    return _signed(files_of(paths), sign)


def picture_signatures(paths: Sequence[Path]) -> Iterator[SignedFrames | None]:
    """
    Yield the signatures of each image's pictures, as `signatures` does those of the first picture.

    An animation has a picture for each distinct frame, a long image one for each section.
    """
    return _signed(files_of(paths), partial(signals.sign_frames, limits=image_limits()))


def image_limits() -> "signals.Limits":
    """Return the limits in the settings, which are read only if the environment has such limits."""
    if not any(name.startswith("HASHSVC_IMAGE_") for name in os.environ):
        return signals.Limits()
    # Reading settings takes a fifth of a second, which most calls can save.
    from hashsvc.cli.configured import read_settings  # noqa: PLC0415

    settings = read_settings()
    return signals.Limits(
        max_bytes=settings.image_max_bytes,
        max_pixels=settings.image_max_pixels,
        max_frames=settings.image_max_frames,
    )


def _signed(files: Sequence[Path], sign: Callable[[bytes], Signed]) -> Iterator[Signed | None]:
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
    with closing(signals.sign_each(contents(), sign)) as signed:
        for number, found in enumerate(signed, start=1):
            if isinstance(found, ImageError):
                say(f"File {number} of {len(files)}: {errors.get(number, found)}")
                yield None
            else:
                yield found
