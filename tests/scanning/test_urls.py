"""Each URL has one normal form, and an invalid URL is refused without being repeated."""

from urllib.parse import urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hashsvc.scanning import MAX_URL_LENGTH, BadUrlError, normalise_url
from hashsvc.scanning.urls import resolve_url

SPELLINGS = {
    # Already normal.
    "https://a.example/": "https://a.example/",
    "http://a.example:8080/b/c.jpg?d=e&f": "http://a.example:8080/b/c.jpg?d=e&f",
    # Blanks and fragments.
    "  https://a.example/ \n": "https://a.example/",
    "https://a.example": "https://a.example/",
    "https://a.example?b=c": "https://a.example/?b=c",
    "https://a.example/#top": "https://a.example/",
    "https://a.example/?": "https://a.example/",
    # Scheme, host and port.
    "HTTPS://A.Example/B": "https://a.example/B",
    "https://a.example.:443/": "https://a.example/",
    "http://a.example:80/": "http://a.example/",
    "http://a.example:443/": "http://a.example:443/",
    "http://a.example:/": "http://a.example/",
    "http://a.example:0080/": "http://a.example/",
    "http://a_b.example/": "http://a_b.example/",
    # Addresses.
    "http://[2001:DB8:0:0::1]/": "http://[2001:db8::1]/",
    "http://[::FFFF:127.0.0.1]:81/": "http://[::ffff:7f00:1]:81/",
    # As browsers read what is written badly.
    "http:///a.example": "http://a.example/",
    "http:a.example": "http://a.example/",
    "http://@a.example/": "http://a.example/",
    "http://a.example\\@b.example/": "http://a.example/@b.example/",
    "http://a%2eexample/": "http://a.example/",
    "http://0x7f.1/": "http://127.0.0.1/",
    "http://2130706433/": "http://127.0.0.1/",
    "http://a.example/b\\c": "http://a.example/b/c",
    "http://a.example/b/../c": "http://a.example/c",
    "http://a.example/b|c[d]": "http://a.example/b|c[d]",
    # Names in other scripts (UTS 46, non-transitional).
    "http://i❤.ws/": "http://xn--i-7iq.ws/",
    "http://faß.example/": "http://xn--fa-hia.example/",
    "http://a☃.例え-.example/": "http://xn--a-1xp.xn----87t231j.example/",
    "https://BÜCHER.example/": "https://xn--bcher-kva.example/",
    "https://bücher.example./": "https://xn--bcher-kva.example/",
    "https://例え。テスト/": "https://xn--r8jz45g.xn--zckzah/",
    "https://xn--bcher-kva.example/": "https://xn--bcher-kva.example/",
    "http://１２７.０.０.１/": "http://127.0.0.1/",
    # Path and query, quoted once.
    "https://a.example/é ü": "https://a.example/%C3%A9%20%C3%BC",
    "https://a.example/%C3%A9%20b": "https://a.example/%C3%A9%20b",
    "https://a.example/a%2Fb": "https://a.example/a%2Fb",
    "https://a.example//b": "https://a.example//b",
    "https://a.example/?q=é b": "https://a.example/?q=%C3%A9%20b",
    "https://a.example/?q=a+b%20c&&flag": "https://a.example/?q=a+b%20c&&flag",
    # Tracking parameters.
    "https://a.example/?utm_source=x&UTM_campaign=y": "https://a.example/",
    "https://a.example/?id=1&fbclid=x": "https://a.example/?id=1",
    "https://a.example/?gclid=x&q=a%20b&flag": "https://a.example/?q=a%20b&flag",
    "https://a.example/?%75tm_source=x&igshid": "https://a.example/",
    "https://a.example/?utm=1&autm_a=2&gclidx=3": "https://a.example/?utm=1&autm_a=2&gclidx=3",
}

BEGINS = "A URL begins with http:// or https://."
NO_NAME = "The URL's host is not a valid name."
UNREADABLE = "The URL's host or port cannot be read."
CONTROL = "A URL must not contain control characters."
USER = "A URL must not contain a user name or password."
REFUSED = {
    "": BEGINS,
    "sekrit": BEGINS,
    "//sekrit.example/": BEGINS,
    "sekrit.example/a.jpg": BEGINS,
    "ftp://sekrit.example/": BEGINS,
    "file:///sekrit": BEGINS,
    "javascript:sekrit()": BEGINS,
    "data:image/png;base64,sekrit": BEGINS,
    "gopher://sekrit.example:70/": BEGINS,
    "unix:///sekrit.sock": BEGINS,
    "http:": UNREADABLE,
    "http://:80/sekrit": UNREADABLE,
    "http://?sekrit": UNREADABLE,
    "http://./sekrit": NO_NAME,
    "http://sekrit..example/": NO_NAME,
    "http://sekrit example/": UNREADABLE,
    "http://<sekrit>/": UNREADABLE,
    "http://[fe80::1%25sekrit]/": UNREADABLE,
    "http://[sekrit/": UNREADABLE,
    "http://[sekrit]/": UNREADABLE,
    "http://[127.0.0.1]/sekrit": UNREADABLE,
    "http://sekrit.example:port/": UNREADABLE,
    "http://sekrit.example:65536/": UNREADABLE,
    "http://sekrit.example:-1/": UNREADABLE,
    "http://sekrit℀.example/": UNREADABLE,
    "http://sekrit:word@a.example/": USER,
    "http://sekrit@a.example/": USER,
    "http://sekrit.example/a\nb": CONTROL,
    "http://sekrit.example/a\r\nHost: b": CONTROL,
    "http://sekrit\x00.example/": CONTROL,
    "http://sekrit.example/\x7f": CONTROL,
    "http://sekrit.example/\x85a": CONTROL,
    "http://sekrit.example/\ud800": CONTROL,
}

pieces = st.sampled_from(
    ["http://", "https://", "HTTP:", "//", "/", "\\", "a.example", "BÜCHER", "例え", "..", ".", ":",
     ":80", ":0", "[::1]", "[", "]", "@", "%", "%41", "%zz", "?", "&", "=", "utm_a=1", "fbclid",
     "#", " ", "\t", "\u3002", "\u00ad", "\ud800", "é", "'", '"', "<", "+", ";", "|", "\u200d", "ß"]
)  # fmt: skip
texts = st.one_of(
    st.text(max_size=60),
    st.lists(pieces, max_size=12).map("".join),
    st.lists(st.one_of(pieces, st.text(max_size=3)), max_size=10).map(
        lambda parts: "http://a.example" + "".join(parts)
    ),
)


@pytest.mark.parametrize("text", SPELLINGS)
def test_a_url_is_normalised(text: str) -> None:
    assert normalise_url(text) == SPELLINGS[text]


@pytest.mark.parametrize("text", REFUSED, ids=ascii)
def test_an_invalid_url_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(BadUrlError) as caught:
        normalise_url(text)
    assert str(caught.value) == REFUSED[text]
    assert "sekrit" not in repr(caught.value)


@settings(max_examples=500, deadline=None)
@given(text=texts)
@example("http://例え。/")
@example("http://./")
def test_normalising_twice_changes_nothing(text: str) -> None:
    try:
        once = normalise_url(text)
    except BadUrlError:
        return
    assert normalise_url(once) == once
    parts = urlsplit(once)
    assert once.isascii()
    assert parts.scheme in {"http", "https"}
    assert parts.hostname
    assert not parts.fragment


@pytest.mark.parametrize("filler", ["a", "é"])
def test_the_length_limit_applies_after_quoting(filler: str) -> None:
    start = "http://a.example/"
    quoted = len(normalise_url(start + filler)) - len(start)
    fits = start + filler * ((MAX_URL_LENGTH - len(start)) // quoted)
    assert normalise_url(fits).startswith(start)
    assert MAX_URL_LENGTH - len(normalise_url(fits)) < quoted
    with pytest.raises(BadUrlError, match="at most 2000 characters"):
        normalise_url(fits + filler)


ROOT = "https://a.example/b/page?c=d"
REFERENCES = {
    "e.jpg": "https://a.example/b/e.jpg",
    "/e.jpg": "https://a.example/e.jpg",
    "../e.jpg": "https://a.example/e.jpg",
    "?e": "https://a.example/b/page?e",
    "//cdn.example/e.jpg": "https://cdn.example/e.jpg",
    "http://cdn.example/e.jpg#f": "http://cdn.example/e.jpg",
    "img\\e.jpg": "https://a.example/b/img/e.jpg",
    "https:\\\\cdn.example\\e.jpg": "https://cdn.example/e.jpg",
    "e.jpg?path=c:\\d": "https://a.example/b/e.jpg?path=c:\\d",
}


@pytest.mark.parametrize("reference", REFERENCES)
def test_a_reference_is_read_as_a_browser_reads_it(reference: str) -> None:
    assert resolve_url(ROOT, reference) == normalise_url(REFERENCES[reference])


@pytest.mark.parametrize(
    "reference",
    ["http://[", "//[sekrit", "data:,sekrit", "file:///sekrit", "//sekrit@a.example/", "x" * 2001],
)
def test_an_invalid_reference_is_refused(reference: str) -> None:
    with pytest.raises(BadUrlError) as caught:
        resolve_url(ROOT, reference)
    assert "sekrit" not in repr(caught.value)
