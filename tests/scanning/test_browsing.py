"""Requests say what a browser would say: the expected values are those of Referrer Policy."""

import pytest

from hashsvc.scanning.browsing import Browsing, Purpose, referer_for

PAGE = "https://a.example/page?x=1"
SAME, OTHER, PLAIN = "https://a.example/i.jpg", "https://b.example/i.jpg", "http://b.example/i.jpg"
ORIGIN = "https://a.example/"

# What each policy sends to the same origin, to another one, and from https to http.
SENT = {
    "": (PAGE, ORIGIN, ""),
    "no-referrer": ("", "", ""),
    "no-referrer-when-downgrade": (PAGE, PAGE, ""),
    "same-origin": (PAGE, "", ""),
    "origin": (ORIGIN, ORIGIN, ORIGIN),
    "strict-origin": (ORIGIN, ORIGIN, ""),
    "origin-when-cross-origin": (PAGE, ORIGIN, ORIGIN),
    "strict-origin-when-cross-origin": (PAGE, ORIGIN, ""),
    "unsafe-url": (PAGE, PAGE, PAGE),
    "nonsense": (PAGE, ORIGIN, ""),
    "no-referrer, unsafe-url": (PAGE, PAGE, PAGE),
}


@pytest.mark.parametrize("policy", SENT)
def test_the_referer_follows_the_policy_of_the_page(policy: str) -> None:
    assert tuple(referer_for(PAGE, url, policy) for url in (SAME, OTHER, PLAIN)) == SENT[policy]


@pytest.mark.parametrize(
    ("referrer", "url", "relation"),
    [
        ("", SAME, b"none"),
        (PAGE, SAME, b"same-origin"),
        (PAGE, "https://img.a.example/i.jpg", b"same-site"),
        (PAGE, OTHER, b"cross-site"),
        ("https://one.co.uk/", "https://two.co.uk/", b"cross-site"),
    ],
)
def test_sec_fetch_site_tells_the_relation(referrer: str, url: str, relation: bytes) -> None:
    headers = dict(Browsing(Purpose.IMAGE, referrer).headers_for(url))
    assert headers[b"Sec-Fetch-Site"] == relation
    assert headers[b"Sec-Fetch-Dest"] == b"image"
