"""Gathers what is found on a page. URLs are resolved and kept once, the largest images first."""

import re
from collections.abc import Sequence
from dataclasses import fields
from typing import Literal
from urllib.parse import urlsplit

from hashsvc.scanning.errors import BadUrlError
from hashsvc.scanning.pages.inline import MIN_INLINE_LENGTH, is_inline
from hashsvc.scanning.pages.kinds import (
    is_icon_file,
    is_image_reference,
    is_other_file,
    known_part,
)
from hashsvc.scanning.pages.page import IN_SCRIPT, LeftOut, Page, PageImage
from hashsvc.scanning.urls import resolve_url

# If a thumbnail links to its large image, the thumbnail comes after everything else.
_BEHIND_LARGE = 0.001
ICON = 1.0
_MAX_REFERENCES = 10_000
_MAX_PAGES = 50
_OTHER_SCHEME = re.compile(r"(?!https?:)[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_SIZE_IN_NAME = re.compile(
    r"(?:[-_@]?\d{2,4}x\d{2,4}|[-_](?:thumb(?:nail)?|small|medium|large|orig(?:inal)?|full|\d{2,4}[wp]?))+"
    r"(?=\.\w+$|$)",
    re.IGNORECASE,
)
# `/original/`, `/236x/`, `/60x60_RS/`, `/s1600/`, `/w640-h480-p-k-no-nu/`, `/w_400,h_300,c_fill/`
_SIZE_AS_FOLDER = re.compile(
    r"thumb(?:nail)?s?|small|medium|large|orig(?:inal)?s?|full|preview|"
    r"\d{2,4}x(?:\d{2,4})?(?:_[A-Z]{1,3})?|[swh]_?\d{3,4}|"
    r"[swh]_?\d{2,4}(?:[-,][a-z]{1,2}(?:_?[\w.]{1,12})?){1,8}",
)
_PREVIEW = re.compile(r"(?<![a-z])(?:thumb(?:nail)?s?|small|preview|mini)(?![a-z])", re.IGNORECASE)

Kind = Literal["failed", "over_limit", "frames", "parts"]
"""A field of `LeftOut`."""


class Finds:
    """
    What was found on a page so far.

    Args:
        page_url: Where the page came from.

        encoding: The page's encoding, for queries of URLs.
    """

    def __init__(self, page_url: str, *, encoding: str) -> None:
        self.referrer_policy = ""
        self.has_scripts = False
        self._page_url = page_url
        self._encoding = encoding
        self._base = page_url
        self._images: dict[str, PageImage] = {}
        self._from_scripts: dict[str, list[str]] = {}
        self._pages: dict[str, None] = {}
        self._frames: dict[str, None] = {}
        self._stylesheets: dict[str, None] = {}
        self._films: dict[str, None] = {}
        self._icons: dict[str, None] = {}
        self._moved_to: str | None = None
        self._left = _MAX_REFERENCES
        # Hashes of what is left out, so that nothing counts twice.
        self._left_out: dict[str, set[int]] = {each.name: set() for each in fields(LeftOut)}

    def page(self) -> Page:
        """Return what was found."""
        images = [*self._images.values(), *self._images_from_scripts()]
        # Python's sort keeps the page's order among equals.
        images.sort(key=lambda image: -image.pixels)
        return Page(
            images=tuple(images),
            pages=tuple(self._pages),
            frames=tuple(self._frames),
            stylesheets=tuple(self._stylesheets),
            films=tuple(self._films),
            moved_to=self._moved_to,
            referrer_policy=self.referrer_policy,
            has_scripts=self.has_scripts,
            icons=tuple(self._icons),
            left_out=LeftOut(**{kind: len(each) for kind, each in self._left_out.items()}),
        )

    def set_base(self, reference: str) -> None:
        """Set the base URL to which all other references are relative."""
        self._base = self._resolved(reference) or self._base

    def move_to(self, reference: str) -> None:
        """Note the other URL to which the page forwards by itself; only the first one counts."""
        url = self._resolved(reference) if reference else ""
        if url and url != self._page_url and self._moved_to is None:
            self._moved_to = url

    def add_image(
        self,
        references: Sequence[str],
        pixels: float,
        *,
        link: str | None = None,
        is_linked: bool = False,
    ) -> None:
        """
        Add one image.

        Args:
            references: Its references as written; the first is the one that a browser takes.

            pixels: How many pixels it has, as declared or assumed.

            link: Target of the link around the image; None if there is no link.

            is_linked: Whether the page only links to it.
        """
        urls = [url for each in references if (url := self._image_url(each))]
        if not urls:
            self._note_unusable(references)
            return
        is_icon = pixels <= ICON
        if link and is_image_reference(link):
            pixels *= _BEHIND_LARGE
        elif link and pixels > ICON:
            self._add_page(link)
        first, *_ = urls
        before = self._images.get(first)
        if before is not None:
            urls = [*before.urls, *urls]
            pixels = max(before.pixels, pixels)
            is_linked = before.is_linked and is_linked
            is_icon = before.is_icon and is_icon
        self._images[first] = PageImage(tuple(dict.fromkeys(urls)), pixels, is_linked, is_icon)

    def add_from_script(self, reference: str) -> None:
        """Add an image that a script refers to; URLs that differ only in size are one image."""
        if url := self._image_url(reference):
            self._from_scripts.setdefault(_name_of(url), []).append(url)
        elif reference and self._left == 0:
            self.leave_out("over_limit", reference)

    def add_icon(self, reference: str) -> None:
        """Note an icon. Icons are counted, but not fetched."""
        url = reference[:MIN_INLINE_LENGTH] if is_inline(reference) else self._resolved(reference)
        if url:
            self._icons[url] = None

    def add_hidden(self, references: Sequence[str]) -> None:
        """Add an image that a browser loads only once a person opens a part of the page."""
        for reference in reversed(references):
            self.add_from_script(reference)

    def add_film(self, reference: str) -> None:
        """Add a film."""
        self._add(self._films, reference, "over_limit")

    def add_frame(self, reference: str) -> None:
        """Add a frame: another page that this page shows."""
        if is_inline(reference):
            self.leave_out("frames", reference)
        else:
            self._add(self._frames, reference, "frames")

    def add_stylesheet(self, reference: str) -> None:
        """Add a style sheet."""
        self._add(self._stylesheets, reference, "parts")

    def leave_out(self, kind: Kind, text: str) -> None:
        """Count something that is left out; the same text counts once."""
        self._left_out[kind].add(hash(text))

    def _images_from_scripts(self) -> list[PageImage]:
        shown = {_name_of(url) for image in self._images.values() for url in image.urls}
        return [
            # Scripts often list sizes from the smallest to the largest.
            PageImage(tuple(sorted(dict.fromkeys(reversed(urls)), key=_is_preview)), IN_SCRIPT)
            for name, urls in self._from_scripts.items()
            if name not in shown
        ]

    def _add_page(self, reference: str) -> None:
        """Add a page behind a thumbnail, if it is on the same site and is not the front page."""
        url = self._resolved(reference)
        if not url or url == self._page_url or not _is_same_site(url, self._page_url):
            return
        if len(self._pages) < _MAX_PAGES or url in self._pages:
            self._pages[url] = None
        else:
            self.leave_out("parts", url)

    def _add(self, to: dict[str, None], reference: str, kind: Kind) -> None:
        if len(to) < _MAX_PAGES and (url := self._resolved(reference) if reference else ""):
            to[url] = None
        elif _is_for_browsers(reference):
            self.leave_out(kind, reference)

    def _note_unusable(self, references: Sequence[str]) -> None:
        """Count an image without a usable URL: as failed, as beyond the limit, or as an icon."""
        written = [each.strip() for each in references]
        unusable = next((each for each in written if _is_for_browsers(each)), None)
        if unusable is not None and not is_other_file(unusable):
            self.leave_out("failed" if self._left else "over_limit", unusable)
            return
        for each in written:
            if each[:10].lower() == "data:image" or is_icon_file(each):
                self.add_icon(each)

    def _image_url(self, reference: str) -> str:
        reference = reference.strip()
        if is_inline(reference):
            return reference if len(reference) > MIN_INLINE_LENGTH else ""
        if not reference or reference.startswith("#") or is_other_file(reference):
            return ""
        return self._resolved(reference)

    def _resolved(self, reference: str) -> str:
        """Return a reference as a URL; empty if it is not a URL, or too many were resolved."""
        reference = known_part(reference)
        if self._left == 0 or not reference:
            return ""
        self._left -= 1
        try:
            return resolve_url(self._base, reference, encoding=self._encoding)
        except BadUrlError:
            return ""


def _is_for_browsers(reference: str) -> bool:
    """Return whether a browser would try to fetch a reference, judging by its scheme."""
    return bool(reference) and not reference.startswith("#") and not _OTHER_SCHEME.match(reference)


def _is_same_site(url: str, other: str) -> bool:
    there, here = urlsplit(url), urlsplit(other)
    hosts = [f".{(each.hostname or '').removeprefix('www.')}" for each in (there, here)]
    is_same = hosts[0].endswith(hosts[1]) or hosts[1].endswith(hosts[0])
    return is_same and (there.path not in ("", "/") or bool(there.query))


def _is_preview(url: str) -> bool:
    return not is_inline(url) and _PREVIEW.search(urlsplit(url).path) is not None


def _name_of(url: str) -> str:
    """Return what all sizes of one image have in common: host and path without the size."""
    if is_inline(url):
        return url
    parts = urlsplit(url)
    *folders, name = parts.path.split("/")
    folders = [each for each in folders if not _SIZE_AS_FOLDER.fullmatch(each)]
    return "/".join((parts.hostname or "", *folders, _SIZE_IN_NAME.sub("", name)))
