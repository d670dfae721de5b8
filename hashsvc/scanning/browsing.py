"""
Makes the headers that a browser sends with a request: Accept, Referer, Sec-Fetch-…, cookies.

Some image hosts answer with a page if Accept names text/html, with an error if the Referer is
missing, or with endless redirects if cookies are not kept. The User-Agent is not a browser's.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from urllib.parse import urlsplit

import httpx2
from publicsuffixlist import PublicSuffixList

_ACCEPT_PAGE = (
    b"text/html,application/xhtml+xml,application/xml;q=0.9,"
    b"image/avif,image/webp,image/apng,*/*;q=0.8"
)
_ACCEPT_IMAGE = b"image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
# The languages of Belgium, and English.
_LANGUAGES = b"nl-BE,nl;q=0.9,fr-BE;q=0.8,fr;q=0.7,de;q=0.6,en;q=0.5"
_DEFAULT_POLICY = "strict-origin-when-cross-origin"
# What each policy sends to the same origin, to another origin, and from https to http.
_SENT = {
    "no-referrer": ("", "", ""),
    "no-referrer-when-downgrade": ("url", "url", ""),
    "same-origin": ("url", "", ""),
    "origin": ("origin", "origin", "origin"),
    "strict-origin": ("origin", "origin", ""),
    "origin-when-cross-origin": ("url", "origin", "origin"),
    _DEFAULT_POLICY: ("url", "origin", ""),
    "unsafe-url": ("url", "url", "url"),
}


class Purpose(StrEnum):
    """What a request is for; the value is its Sec-Fetch-Dest."""

    PAGE = "document"
    FRAME = "iframe"
    IMAGE = "image"
    STYLE = "style"


_ACCEPT = {
    Purpose.PAGE: _ACCEPT_PAGE,
    Purpose.FRAME: _ACCEPT_PAGE,
    Purpose.IMAGE: _ACCEPT_IMAGE,
    Purpose.STYLE: b"text/css,*/*;q=0.1",
}
_NAVIGATIONS = frozenset({Purpose.PAGE, Purpose.FRAME})


@dataclass(frozen=True, slots=True, repr=False)
class Browsing:
    """
    Why a request is made, within one visit to a URL.

    Attributes:
        purpose: What the request fetches.

        referrer: The page that leads to the URL; empty if no page does.

        policy: The referrer policy of that page; empty for the default policy.

        cookies: The cookies of this visit. Responses add to them. They are dropped after the visit.
    """

    purpose: Purpose = Purpose.PAGE
    referrer: str = ""
    policy: str = ""
    cookies: httpx2.Cookies = field(default_factory=httpx2.Cookies)

    def headers_for(self, url: str) -> list[tuple[bytes, bytes]]:
        """Return the headers that a browser sends, with the cookies for the URL."""
        headers = [(b"Accept", _ACCEPT[self.purpose]), (b"Accept-Language", _LANGUAGES)]
        if self.purpose in _NAVIGATIONS:
            headers.append((b"Upgrade-Insecure-Requests", b"1"))
        headers += [
            (b"Sec-Fetch-Dest", self.purpose.encode()),
            (b"Sec-Fetch-Mode", b"navigate" if self.purpose in _NAVIGATIONS else b"no-cors"),
            (b"Sec-Fetch-Site", _relation(self.referrer, url)),
        ]
        if sent := referer_for(self.referrer, url, self.policy):
            headers.append((b"Referer", sent.encode("ascii")))
        request = httpx2.Request("GET", url)
        self.cookies.set_cookie_header(request)
        if "cookie" in request.headers:
            headers.append((b"Cookie", request.headers["cookie"].encode("latin-1", "replace")))
        return headers

    def keep_cookies(self, url: str, response: httpx2.Response) -> None:
        """Keep the cookies that an answer sets."""
        response.request = httpx2.Request("GET", url)
        self.cookies.extract_cookies(response)


def referer_for(referrer: str, url: str, policy: str = "") -> str:
    """
    Return the Referer for a request, or "" for none.

    Source: Referrer Policy, "Determine request's Referrer". If a page gives several policies,
    the last known one counts.
    """
    if not referrer:
        return ""
    known = [each for each in policy.lower().replace(",", " ").split() if each in _SENT]
    here, there = urlsplit(referrer), urlsplit(url)
    if (here.scheme, here.netloc) == (there.scheme, there.netloc):
        relation = 0
    else:
        relation = 2 if here.scheme == "https" and there.scheme != "https" else 1
    what = _SENT[known[-1] if known else _DEFAULT_POLICY][relation]
    return {"url": referrer, "origin": f"{here.scheme}://{here.netloc}/", "": ""}[what]


def _relation(referrer: str, url: str) -> bytes:
    """Return the Sec-Fetch-Site of a request (Fetch Metadata)."""
    if not referrer:
        return b"none"
    there, here = urlsplit(url), urlsplit(referrer)
    if (there.scheme, there.netloc) == (here.scheme, here.netloc):
        return b"same-origin"
    sites = {site_of(each.hostname or "") for each in (there, here)}
    return b"same-site" if len(sites) == 1 and there.scheme == here.scheme else b"cross-site"


def site_of(host: str) -> str:
    """Return a host's registrable domain by the public suffix list, or the host if it has none."""
    return _suffixes().privatesuffix(host) or host


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()
