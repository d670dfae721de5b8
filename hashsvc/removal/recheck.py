"""Checks whether an image is still at its URL."""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hashsvc.matching import compare
from hashsvc.removal.states import Outcome
from hashsvc.scanning import INCOMPLETE, FetchError, Look, Looker, SeenImage
from hashsvc.signals import NotAnImageError, Signature

_GONE = frozenset({"http-404", "http-410"})
_GONE_STATUSES = frozenset({404, 410})
# A file that is not an image cannot be the image, nor can an SVG drawing without bitmaps.
_NOT_IT = _GONE | {NotAnImageError.__name__, "drawing"}

# Stop a slow look: an analyst may be waiting for the result.
_LONGEST_S = 60

Facts = Mapping[str, object]


@dataclass(frozen=True, slots=True, repr=False)
class Checked:
    """
    What one re-check saw, and what the servers answered.

    Attributes:
        facts: What the re-check found at the `page`, and at the `image` if the image has a URL of
            its own. Each has the outcome, a reason if a download failed or the outcome is
            uncertain, the stored parts of the server's answer, and the `sha256` of the image seen
            there. All values can be written as JSON.
    """

    outcome: Outcome
    facts: Mapping[str, Facts]


def dump_facts(seen: Checked) -> str:
    """Return the facts of a re-check as JSON text."""
    return json.dumps(seen.facts, separators=(",", ":"))


def recheck(looker: Looker, content: Signature, *, page_url: str, image_url: str) -> Checked:
    """
    Check whether a content's image is still at its URLs, and return what was seen.

    The check looks at the page and at the image's own URL, because one may disappear without the
    other. If the check cannot tell whether the image is gone, the outcome is `unreachable`: for
    example, the server fails, a page (such as a login wall) has taken the image's place, or an
    image on the page cannot be fetched.
    """
    page, page_facts = _look(looker, content, page_url, was_image=page_url == image_url)
    facts = {"page": page_facts}
    if page is Outcome.STILL_THERE or image_url == page_url:
        return Checked(page, facts)
    image, facts["image"] = _look(looker, content, image_url, was_image=True)
    if image is Outcome.STILL_THERE:
        return Checked(image, facts)
    if Outcome.UNREACHABLE in (page, image):
        return Checked(Outcome.UNREACHABLE, facts)
    replaced = image is Outcome.IMAGE_REPLACED and page is not Outcome.PAGE_GONE
    return Checked(image if replaced else page, facts)


def _look(
    looker: Looker, content: Signature, url: str, *, was_image: bool
) -> tuple[Outcome, Facts]:
    reported: list[Facts] = []
    try:
        deadline = time.monotonic() + _LONGEST_S
        seen = list(looker.look(url, deadline=deadline, on_fetched=reported.append))
    except FetchError as error:
        outcome = Outcome.PAGE_GONE if error.reason in _GONE else Outcome.UNREACHABLE
        facts = reported[0] if reported else error.facts
        return outcome, {"outcome": outcome, "reason": error.reason, **facts}
    answered: Facts = reported[0] if reported else {}
    shown = next((each.image for each in seen if _shows(content, each)), None)
    if shown is not None:
        found = {"image_url": shown.image_url, "sha256": shown.sha256.hex(), **shown.facts}
        return Outcome.STILL_THERE, {"outcome": Outcome.STILL_THERE, **answered, "found": found}
    outcome, reason = _absent(seen, url, answered, was_image=was_image)
    itself = _itself(seen, url) if was_image else None
    digest = {"sha256": itself.sha256.hex()} if itself else {}
    why = {"reason": reason} if reason else {}
    return outcome, {"outcome": outcome, **why, **answered, **digest}


def _absent(
    seen: Iterable[Look], url: str, answered: Facts, *, was_image: bool
) -> tuple[Outcome, str | None]:
    """Return the outcome if no image seen is the content's, and the reason for any doubt."""
    looks = list(seen)
    doubts = [_doubt(answered), *(_doubt_about(each) for each in looks)]
    is_gone = answered.get("status") in _GONE_STATUSES
    if was_image and not is_gone and all(look.image_url != url for look in looks):
        return Outcome.UNREACHABLE, "a-page-is-there-now"
    for doubt in doubts:
        if doubt is not None:
            return Outcome.UNREACHABLE, doubt
    if is_gone:
        # The server says that the page is gone, and what it shows instead is not the image.
        return Outcome.PAGE_GONE, None
    if was_image and _itself(looks, url):
        return Outcome.IMAGE_REPLACED, None
    return Outcome.IMAGE_GONE, None


def _doubt_about(look: Look) -> str | None:
    """Return why this visit leaves it open whether the image is there; None if it does not."""
    if look.image is not None:
        return _doubt(look.image.facts)
    return None if look.reason in _NOT_IT else look.reason


def _doubt(answered: Facts) -> str | None:
    """Return why the image may be there although the server's answer does not show it, or None."""
    if INCOMPLETE in answered:
        return INCOMPLETE
    status = answered.get("status", 200)
    # Login walls and hotlink protection also answer with pages and images.
    return None if status == 200 or status in _GONE_STATUSES else f"http-{status}"


def _itself(seen: Iterable[Look], url: str) -> SeenImage | None:
    return next((each.image for each in seen if each.image_url == url), None)


def _shows(content: Signature, look: Look) -> bool:
    frames: Iterable[Signature] = look.image.frames if look.image else ()
    return any(compare(content, frame).tier is not None for frame in frames)
