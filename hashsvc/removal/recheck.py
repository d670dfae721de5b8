"""Looks whether an image is still where it was."""

import time
from collections.abc import Iterable
from enum import StrEnum

from hashsvc.matching import compare
from hashsvc.scanning import FetchError, Look, Looker
from hashsvc.signals import NotAnImageError, Signature

_GONE = frozenset({"http-404", "http-410"})
# What a page shows beside its photographs, such as drawings in SVG, cannot be the image either.
_NOT_IT = _GONE | {NotAnImageError.__name__}


# An analyst waits for the answer.
_LONGEST_S = 60


class Outcome(StrEnum):
    """What one re-check saw."""

    STILL_THERE = "still-there"
    IMAGE_GONE = "image-gone"
    PAGE_GONE = "page-gone"
    UNREACHABLE = "unreachable"


def recheck(looker: Looker, content: Signature, *, page_url: str, image_url: str) -> Outcome:
    """
    Return whether a content's image is still at a URL.

    The image's own address is looked at as well as the page: one may go without the other.
    Anything between there and gone is `unreachable`: an error of the server, a page where the image
    was (a login wall looks like that), an image of the page that cannot be fetched.
    """
    page = _look(looker, content, page_url, was_image=page_url == image_url)
    if page is Outcome.STILL_THERE or image_url == page_url:
        return page
    image = _look(looker, content, image_url, was_image=True)
    if image is Outcome.STILL_THERE:
        return image
    if Outcome.UNREACHABLE in (page, image):
        return Outcome.UNREACHABLE
    return page


def _look(looker: Looker, content: Signature, url: str, *, was_image: bool) -> Outcome:
    try:
        seen = list(looker.look(url, deadline=time.monotonic() + _LONGEST_S))
    except FetchError as error:
        return Outcome.PAGE_GONE if error.reason in _GONE else Outcome.UNREACHABLE
    if any(_shows(content, look) for look in seen):
        return Outcome.STILL_THERE
    if was_image and all(look.image_url != url for look in seen):
        return Outcome.UNREACHABLE
    if any(look.reason not in _NOT_IT for look in seen if look.reason is not None):
        return Outcome.UNREACHABLE
    return Outcome.IMAGE_GONE


def _shows(content: Signature, look: Look) -> bool:
    frames: Iterable[Signature] = look.image.frames if look.image else ()
    return any(compare(content, frame).tier is not None for frame in frames)
