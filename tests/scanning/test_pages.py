"""The images of a page are found wherever a browser would find them, each once, in any markup."""

from html import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashsvc.scanning import normalise_url
from hashsvc.scanning.pages import image_urls

PAGE = "https://a.example/p/page.html"


def found(markup: str | bytes, *, limit: int = 60) -> list[str]:
    """Return the images of a page, as short as they can be told from others."""
    page = markup if isinstance(markup, bytes) else markup.encode()
    return [url.removeprefix("https://a.example/p/") for url in image_urls(page, PAGE, limit=limit)]


PLACES = {
    '<img src="1.jpg">': ["1.jpg"],
    '<img src=" 1.jpg\n">': ["1.jpg"],
    '<img src="https://cdn.example/1.jpg">': ["https://cdn.example/1.jpg"],
    '<img src="//cdn.example/1">': ["https://cdn.example/1"],
    '<img src="/1">': ["https://a.example/1"],
    '<img src="1.php?a=b&amp;c=d">': ["1.php?a=b&c=d"],
    # Sets of sizes.
    '<img srcset="1.jpg 480w, 2.jpg 1024w, 3.jpg 800w">': ["2.jpg"],
    '<img srcset="1.jpg 1x,2.jpg 2.5x">': ["2.jpg"],
    '<img srcset="1.jpg 1x,\n  2.jpg 2x">': ["2.jpg"],
    '<img srcset="1.jpg, 2.jpg 2x">': ["2.jpg"],
    '<img srcset="1.jpg, 2.jpg">': ["1.jpg"],
    '<img srcset="1,a.jpg 1x, 2,b.jpg 2x">': ["2,b.jpg"],
    '<img srcset="1.jpg">': ["1.jpg"],
    '<img srcset=" , ">': [],
    '<img srcset="1.jpg nonsense, 2.jpg 2x">': ["2.jpg"],
    '<img srcset="1.jpg 1x, 2.jpg 2x" src="3.jpg">': ["2.jpg", "3.jpg"],
    '<picture><source srcset="1.webp 1x, 2.webp 2x"><img src="3.jpg"></picture>':
        ["2.webp", "3.jpg"],
    # Loaded later.
    '<img src="data:image/gif;base64,R0" data-src="1.jpg">': ["1.jpg"],
    '<img data-original="1.jpg" src="2.jpg">': ["1.jpg", "2.jpg"],
    '<img data-lazy-src="1.jpg"><img data-url="2.jpg">': ["1.jpg", "2.jpg"],
    '<img data-srcset="1.jpg 1x, 2.jpg 2x">': ["2.jpg"],
    '<source data-srcset="1.jpg">': ["1.jpg"],
    '<noscript><img src="1.jpg"></noscript>': ["1.jpg"],
    # Previews.
    '<meta property="og:image" content="1.jpg">': ["1.jpg"],
    '<meta content="1.jpg" property="og:image:url">': ["1.jpg"],
    '<meta name="twitter:image" content="1.jpg">': ["1.jpg"],
    '<meta property="og:title" content="1.jpg">': [],
    '<link rel="image_src" href="1">': ["1"],
    '<link rel="stylesheet" href="1.css">': [],
    '<video poster="1.jpg" src="2.mp4"><source src="3.mp4"></video>': ["1.jpg"],
    # Links.
    '<a href="1.jpg"><img src="2.jpg"></a>': ["1.jpg", "2.jpg"],
    '<a href="1.JPEG?big#top">': ["1.JPEG?big"],
    '<a href="1.webp">, <a href="2.heic">, <a href="3.html">': ["1.webp", "2.heic"],
    '<a href="page?file=1.jpg">': [],
    # Where references lead.
    '<img src="1.jpg"><base href="/q/"><base href="/r/">': ["https://a.example/q/1.jpg"],
    '<base target="_blank"><base href="https://b.example"><img src="1.jpg">':
        ["https://b.example/1.jpg"],
    '<base href="javascript:0"><img src="1.jpg">': ["1.jpg"],
    '<base href="http://["><img src="1.jpg">': ["1.jpg"],
    '<base><img src="1.jpg">': ["1.jpg"],
    # What cannot be fetched.
    '<img src="data:,1"><img src="blob:1"><img src="about:blank"><img src="1.jpg">': ["1.jpg"],
    '<img src="http://["><img src="ftp://b.example/1"><img src="1.jpg">': ["1.jpg"],
    '<img src="http://user@b.example/1"><img src=""><img src><img><img src="1.jpg">': ["1.jpg"],
    f'<img src="{"1" * 2001}"><img src="2.jpg">': ["2.jpg"],
    # Each once.
    '<img src="1.jpg"><img src="./1.jpg"><img src="2.jpg"><a href="1.jpg#x">': ["1.jpg", "2.jpg"],
}  # fmt: skip


@pytest.mark.parametrize("markup", PLACES)
def test_images_are_found_where_they_are(markup: str) -> None:
    assert found(markup) == PLACES[markup]


WRITTEN_BADLY = {
    "no quotes": "<img src=1.jpg>",
    "single quotes": "<IMG SRC='1.jpg'>",
    "spaces": '<img  alt = "a"  src =\n"1.jpg" />',
    "slashes": '<img/src="1.jpg"/>',
    "no space": '<img alt="a"src="1.jpg">',
    "a sign in a quotation": '<img alt="> it\'s" src="1.jpg">',
    "a quotation mark in a name": "<img it's src=1.jpg>",
    "a quotation mark in a value": "<img alt=it's src=1.jpg>",
    "twice the same": '<img src="1.jpg" src="2.jpg">',
    "unclosed tag": '<img src="1.jpg"',
    "unclosed quotation": '<img src="1.jpg',
    "unclosed elements": '<div><p><a href="x"><td><img src="1.jpg">',
    "wrongly nested": '<b><i></b><p></i></div></p></x><img src="1.jpg">',
    "lonely signs": '< <3 a<b <> </ > <img src="1.jpg">',
    "a comment": '<!-- <p><img src="2.jpg"> --><img src="1.jpg">',
    "a comment with a quotation": '<!-- <img alt=" --><img src="1.jpg"> "',
    "an empty comment": '<!--><img src="1.jpg">-->',
    "another empty comment": '<!---><img src="1.jpg">-->',
    "a comment ended wrongly": '<!-- a --!><img src="1.jpg">-->',
    "a comment with strokes": '<!-- - -- --- ----><img src="1.jpg">',
    "a declaration": '<!doctype html "><?xml a=" ?><img src="1.jpg">',
    "a declaration with a tag in it": '<!x <b c="><img src="1.jpg">',
    "an instruction with a tag in it": '<?x <b c="><img src="1.jpg">',
    "an end with a quotation": '</p "><img src="1.jpg">',
    "a script": "<script>if (a<b) c='<img src=\"2.jpg\">'</script ><img src=1.jpg>",
    "an unclosed script": '<svg><style></svg><img src="1.jpg">',
    "a style": "<STYLE>a<b{content:'<img alt=\"'}</STYLE><img src=1.jpg>",
    "references": '<img src="&#49;.jpg">',
    "UTF-16": '\ufeff<img src="1.jpg">'.encode("utf-16-le"),
    "UTF-16, big end first": '\ufeff<img src="1.jpg">'.encode("utf-16-be"),
    "UTF-8 with a mark": '\ufeff<img src="1.jpg">'.encode(),
    "zero bytes": b'\0<img\0><img src="1.jpg">\0',
}


@pytest.mark.parametrize("markup", WRITTEN_BADLY.values(), ids=WRITTEN_BADLY.keys())
def test_badly_written_pages_hide_no_image(markup: str | bytes) -> None:
    assert found(markup) == ["1.jpg"]


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1252"])
def test_a_name_with_accents_is_read_in_either_encoding(encoding: str) -> None:
    assert found('<img src="été’.jpg">'.encode(encoding)) == ["%C3%A9t%C3%A9%E2%80%99.jpg"]


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_no_more_than_the_limit_are_taken(limit: int) -> None:
    markup = '<img src="1.jpg"><img src="data:,"><img src="1.jpg"><img src="2.jpg">'
    assert found(markup, limit=limit) == ["1.jpg", "2.jpg"][:limit]


HEAVY = {
    "open elements": b"<div>" * 400_000,
    # An HTML5 tree of this one has sixteen million elements.
    "open formats": b"<p>" + b"".join(b"<b x%d>" % n for n in range(4000)) + b"<p>x" * 4000,
    "open scripts": b"<script>" * 400_000,
    "a comment that does not end": b"<!--" + b"- -! --" * 400_000 + b"-->",
    "open tags": b"<img " * 400_000 + b">",
    "attributes": b"<img" + b" a=b" * 400_000 + b">",
    "quotations": b"<img src='" * 400_001 + b"'>",
    "spaces": b"<img src" + b" " * 2_000_000 + b">",
    "sizes": b"<img srcset='" + b"data:, " * 400_000 + b"'>",
    "commas": b"<img srcset='data:" + b"," * 2_000_000 + b"'>",
    "references": b"<img src='" + b"&" * 2_000_000 + b"'>",
    "a long base": b"<base href='/" + b"x" * 2_000_000 + b"/'>" + b"<img src=data:>" * 100_000,
    "stray bytes": b"\xff" * 2_000_000,
}


@pytest.mark.parametrize("page", HEAVY.values(), ids=HEAVY.keys())
def test_a_page_made_to_keep_the_scanner_busy_does_not(page: bytes) -> None:
    """Where time or memory grew with the square of the page, this would not end."""
    assert found(page + b'<img src="1.jpg">')[-1:] == ["1.jpg"]


def test_of_a_long_attribute_the_beginning_is_read() -> None:
    assert found(f'<img srcset="1.jpg 1x,{" " * 100_000} 2.jpg 2x">') == ["1.jpg"]


names = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)
quotations = st.sampled_from([('"', '"'), ("'", "'"), ("", " ")])
noise = st.lists(
    st.sampled_from(
        ["<p>", "</p>", "text", "<b id=x>", "<!-- a -->", "<br/>", "&lt;", "\n", "<x y='<'>",
         "<!x>", "<script>a<b</script>", "< ", ">", "'", '"', "="]
    ),
    max_size=5,
).map("".join)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(images=st.lists(st.tuples(noise, names, quotations), max_size=8))
def test_every_image_is_found_whatever_lies_between(
    images: list[tuple[str, str, tuple[str, str]]],
) -> None:
    markup = "".join(
        f"{before} <img src={start}{escape(name)}.jpg{end}>"
        for before, name, (start, end) in images
    )
    expected = [normalise_url(f"https://a.example/p/{name}.jpg") for _, name, _ in images]
    assert image_urls(markup.encode(), PAGE, limit=60) == list(dict.fromkeys(expected))


@settings(max_examples=300, deadline=None)
@given(
    page=st.one_of(
        st.binary(max_size=200),
        st.lists(
            st.sampled_from(
                ["<img ", "<base ", "<a ", "src=", "srcset=", "href=", '"', "'", ">", "<!--", "-->",
                 "http://", "[", "]", "x.jpg", ", ", " 2x", "&#", "&#xd800;", "\x00", "é",
                 "<script>"]
            ),
            max_size=20,
        ).map(lambda parts: "".join(parts).encode()),
    ),
    limit=st.integers(1, 3),
)  # fmt: skip
def test_any_bytes_give_urls_that_can_be_fetched_or_none(page: bytes, limit: int) -> None:
    urls = image_urls(page, PAGE, limit=limit)
    assert len(set(urls)) == len(urls) <= limit
    assert [normalise_url(url) for url in urls] == urls
