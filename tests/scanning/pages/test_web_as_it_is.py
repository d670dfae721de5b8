"""
The photo is found at the address that a browser asks for, and at no other.

Each page stands for a kind of page that public bug reports of crawlers describe. The site serves
the photo at one address only, which is the one that Chromium requests for that page.
"""

import base64
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pytest

from hashsvc.scanning import Fetcher, Looker
from hashsvc.signals import sign_image
from tests.conftest import generated_photo, jpeg
from tests.scanning.support import OddSite

PHOTO = jpeg(generated_photo(1, (320, 240)))
EXPECTED = sign_image(PHOTO)
HTML = "text/html"
INLINE = base64.b64encode(PHOTO).decode()
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="320" height="240">'
    f'<image width="320" height="240" href="data:image/jpeg;base64,{INLINE}"/></svg>'
)

# Each entry has the page at /d/page.html, and the path of the photo as it is requested.
PAGES: dict[str, tuple[str | bytes, str]] = {
    # Encodings: paths are UTF-8, queries are in the page's encoding.
    "windows-1251": ('<meta charset="windows-1251"><img src="фото.jpg">'.encode("cp1251"),
                     "/d/%D1%84%D0%BE%D1%82%D0%BE.jpg"),
    "windows-1251 by http-equiv": (
        '<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">'
        '<img src="ф.jpg">'.encode("cp1251"), "/d/%D1%84.jpg"),
    "Shift_JIS": ('<meta charset="Shift_JIS"><img src="写真.jpg">'.encode("shift_jis"),
                  "/d/%E5%86%99%E7%9C%9F.jpg"),
    "ISO-8859-2": ('<meta charset="iso-8859-2"><img src="zdjęcie.jpg">'.encode("iso-8859-2"),
                   "/d/zdj%C4%99cie.jpg"),
    "a query in windows-1251": (
        '<meta charset="windows-1251"><img src="i.php?f=ф">'.encode("cp1251"), "/d/i.php?f=%F4"),
    "a query with a letter that the encoding lacks": (
        '<meta charset="windows-1251"><img src="i.php?f=é">'.encode("cp1251", "xmlcharrefreplace"),
        "/d/i.php?f=%26%23233%3B"),
    "UTF-16 by meta, which is UTF-8": ('<meta charset="utf-16"><img src="é.jpg">', "/d/%C3%A9.jpg"),
    # Paths.
    "two slashes": ('<img src="//{host}/b//a//p.jpg">', "/b//a//p.jpg"),
    "three slashes": ('<img src="///{host}/p.jpg">', "/p.jpg"),
    "backslashes": ('<img src="a\\p.jpg">', "/d/a/p.jpg"),
    "a line break": ('<img src="a/\np.jpg">', "/d/a/p.jpg"),
    # Lazy loaders.
    "data-src of a div": ('<div class="lazyload" data-src="p.jpg"></div>', "/d/p.jpg"),
    "data-original of a div": ('<div data-original="p.jpg" style="width:9em"></div>', "/d/p.jpg"),
    "data-src of a link": ('<a data-src="big.jpg"><img src="t.png"></a>', "/d/big.jpg"),
    "an attribute that nobody knows": ('<p data-x-y="p.webp">x</p>', "/d/p.webp"),
    "a path without an extension": ('<div data-lazy-img="/media/77"></div>', "/media/77"),
    "data-bgset": ('<div data-bgset="s.jpg 200w, p.jpg 1400w"></div>', "/d/s.jpg"),
    "data-lazy-srcset": ('<img data-lazy-srcset="s.jpg 1x, p.jpg 2x">', "/d/s.jpg"),
    "a width to fill in": (
        '<img data-src="p_{{width}}x.jpg" data-widths="[180, 540, 1080]">', "/d/p_1080x.jpg"),
    "noscript": ('<img data-src=""><noscript><img src="p.jpg"></noscript>', "/d/p.jpg"),
    # Scripts.
    "\\u002F": (r'<script>x={{u:"http:\u002F\u002F{host}\u002Fp.jpg"}}</script>', "/p.jpg"),
    "\\/": (r'<script>x={{u:"http:\/\/{host}\/p.jpg"}}</script>', "/p.jpg"),
    "&amp; in a script": ('<script>x={{u:"/p.jpg?a=1&amp;b=2"}}</script>', "/p.jpg?a=1&b=2"),
    "JSON in a string": (r'<script>x=JSON.parse("{{\"u\":\"/p.jpg\"}}")</script>', "/p.jpg"),
    "markup in a string": ("<script>e.innerHTML='<img src=\"p.jpg\">'</script>", "/d/p.jpg"),
    "document.write": (r"<script>document.write('<img src=\'p.jpg\'>')</script>", "/d/p.jpg"),
    "Next.js flight data": (
        r'<script>self.__next_f.push([1,"5:[\"$\",\"img\",null,{{\"src\":\"/p.jpg\"}}]"])</script>',
        "/p.jpg"),
    "a format in the query": (
        '<script>x={{u:"http://{host}/media/A?format=jpg&name=large"}}</script>',
        "/media/A?format=jpg&name=large"),
    "a key that names an image": (
        '<script type="application/json">{{"display_url":"http://{host}/m/1"}}</script>', "/m/1"),
    # JSON-LD.
    "JSON-LD with line breaks": (
        '<script type="application/ld+json">{{"body":"a\nb\t","image":{{"url":"/m/1"}}}}</script>',
        "/m/1"),
    "JSON-LD with entities": (
        '<script type="application/ld+json">{{&quot;image&quot;:&quot;/m/1&quot;}}</script>',
        "/m/1"),
    "JSON-LD with a comma too many": (
        '<script type="application/ld+json">{{"image":["/m/1",],}}</script>', "/m/1"),
    # Styles.
    "an escaped space": (
        r'<div style="background-image:url(my\ p\ \(1\).jpg)"></div>', "/d/my%20p%20(1).jpg"),
    "an escaped letter": (r'<div style="background:u\72 l(p.jpg)"></div>', "/d/p.jpg"),
    "image-set": (
        '<style>p{{background:image-set("p.jpg" 1x, "q.jpg" 2x)}}</style><p>', "/d/p.jpg"),
    "-webkit-image-set": (
        '<style>p{{background:-webkit-image-set(url(p.jpg) 1x)}}</style><p>', "/d/p.jpg"),
    "a rule for screens": (
        "<style>@media (min-width:1px){{p{{background:url(p.jpg)}}}}</style><p>", "/d/p.jpg"),
    # Elements.
    "srcdoc": ('<iframe srcdoc="&lt;img src=&quot;p.jpg&quot;&gt;"></iframe>', "/d/p.jpg"),
    "poster of any element": ('<video-js poster="p.jpg"></video-js>', "/d/p.jpg"),
    "a ratio": ('<img src="p.jpg" width="16" height="9">', "/d/p.jpg"),
    "a picture's source": (
        '<picture><source srcset="x.jxl" type="image/jxl">'
        '<source srcset="p.webp" type="image/webp"><img src="q.jpg"></picture>', "/d/p.webp"),
    "a source for other screens": (
        '<picture><source media="(max-width:9px)" srcset="x.jpg"><img src="p.jpg"></picture>',
        "/d/p.jpg"),
    "sizes": ('<img srcset="s.jpg 200w, p.jpg 800w, x.jpg 4000w" sizes="50vw">', "/d/p.jpg"),
    "a template with a shadow root": (
        '<div><template shadowrootmode="open"><img src="p.jpg"></template></div>', "/d/p.jpg"),
    "a suffix behind the extension": ('<a href="/media/A.jpg:orig">foto</a>', "/media/A.jpg:orig"),
    "an SVG file": ('<img src="p.svg">', "/d/p.svg"),
    "an image in an inline SVG": ('<svg><image xlink:href="p.jpg"/></svg>', "/d/p.jpg"),
}  # fmt: skip


@pytest.fixture
def looker(fetcher: Fetcher) -> Looker:
    return Looker(fetcher, images_per_page=60)


def shows_photo(looker: Looker, url: str) -> bool:
    """Return whether the photo is among the images at a URL."""
    return any(each.image and EXPECTED in each.image.frames for each in looker.look(url))


@pytest.mark.parametrize("name", PAGES)
def test_the_photo_is_found_where_a_browser_asks_for_it(
    name: str, looker: Looker, site: OddSite
) -> None:
    page, path = PAGES[name]
    if isinstance(page, str):
        page = page.format(host=site.url.removeprefix("http://")).encode()
    kind = "image/svg+xml" if path.endswith(".svg") else "image/jpeg"
    site.add(path, SVG.encode() if path.endswith(".svg") else PHOTO, Content_Type=kind)
    url = site.add("/d/page.html", page, Content_Type=HTML)
    assert shows_photo(looker, url)


@pytest.mark.parametrize("head", ["data:;base64,", "data:image/jpeg;base64,", "data:x/y;base64,"])
def test_an_inline_photo_of_any_type_is_found(head: str, looker: Looker, site: OddSite) -> None:
    url = site.add("/page", f'<img src="{head}{INLINE}">'.encode(), Content_Type=HTML)
    assert shows_photo(looker, url)


def test_an_inline_svg_that_holds_the_photo_is_found(looker: Looker, site: OddSite) -> None:
    svg = base64.b64encode(SVG.encode()).decode()
    page = f'<img src="data:image/svg+xml;base64,{svg}">'.encode()
    assert shows_photo(looker, site.add("/page", page, Content_Type=HTML))


def test_a_style_sheet_of_the_page_is_read(looker: Looker, site: OddSite) -> None:
    site.add("/css/main.css", b"@import 'more.css'; .no{background:url(no.jpg)}")
    site.add("/css/more.css", b".hero{background:url(../p.jpg)}", Content_Type="text/css")
    site.add("/p.jpg", PHOTO, Content_Type="image/jpeg")
    page = b'<link rel="stylesheet" href="/css/main.css"><div class="hero">'
    assert shows_photo(looker, site.add("/page", page, Content_Type=HTML))
    assert "/css/no.jpg" not in [path for path, _ in site.asked]


def test_a_frame_of_another_site_is_looked_at(looker: Looker, site: OddSite) -> None:
    site.add("/p.jpg", PHOTO, Content_Type="image/jpeg")
    site.add("/frame", b'<img src="p.jpg">', Content_Type=HTML)
    other = site.url.replace("127.0.0.1", "localhost")
    page = f'<iframe src="{other}/frame"></iframe>'.encode()
    assert shows_photo(looker, site.add("/page", page, Content_Type=HTML))


def test_a_link_that_ends_like_an_image_may_lead_to_a_page(looker: Looker, site: OddSite) -> None:
    site.add("/images/P.jpg", PHOTO, Content_Type="image/jpeg")
    site.add("/wiki/File:P.jpg", b'<img src="/images/P.jpg">', Content_Type=HTML)
    page = b'<a href="/wiki/File:P.jpg"><img src="t.png" width="220"></a>'
    assert shows_photo(looker, site.add("/page", page, Content_Type=HTML))


@pytest.mark.parametrize("refresh", ["0; /next", "0;url='/next'", "0,URL=/next", "0 /next"])
def test_a_refresh_is_followed(refresh: str, looker: Looker, site: OddSite) -> None:
    site.add("/p.jpg", PHOTO, Content_Type="image/jpeg")
    site.add("/next", b'<img src="/p.jpg">', Content_Type=HTML)
    page = f'<meta http-equiv="refresh" content="{refresh}">'.encode()
    assert shows_photo(looker, site.add("/meta", page, Content_Type=HTML))
    assert shows_photo(looker, site.add("/header", b"<p>", Content_Type=HTML, Refresh=refresh))


def test_two_pages_that_lead_on_by_themselves_are_followed(looker: Looker, site: OddSite) -> None:
    site.add("/p.jpg", PHOTO, Content_Type="image/jpeg")
    site.add("/last", b'<img src="/p.jpg">', Content_Type=HTML)
    site.add("/between", b'<meta http-equiv="refresh" content="3; url=/last">', Content_Type=HTML)
    assert shows_photo(looker, site.add("/short", b"", Content_Type=HTML, Refresh="0; /between"))


@pytest.mark.parametrize("status", [203, 403, 404, 410])
def test_an_image_is_shown_whatever_the_status(status: int, looker: Looker, site: OddSite) -> None:
    image = site.add("/p.jpg", PHOTO, status, Content_Type="image/jpeg")
    assert shows_photo(looker, image)
    page = site.add("/page", b'<img src="p.jpg">', status, Content_Type=HTML)
    assert shows_photo(looker, page)


def asks(
    decide: Callable[[BaseHTTPRequestHandler], bool],
) -> Callable[[BaseHTTPRequestHandler], None]:
    """Answer with the photo if the request is as it should be, and with a page otherwise."""

    def by(handler: BaseHTTPRequestHandler) -> None:
        is_right = decide(handler)
        body = PHOTO if is_right else b"<p>no"
        handler.send_response(200 if is_right else 403)
        handler.send_header("Content-Type", "image/jpeg" if is_right else HTML)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return by


REQUESTS: dict[str, Callable[[BaseHTTPRequestHandler], bool]] = {
    "Accept": lambda handler: "text/html" not in handler.headers["Accept"],
    "Referer": lambda handler: handler.headers.get("Referer", "").endswith("/page"),
    "Sec-Fetch-Dest": lambda handler: handler.headers["Sec-Fetch-Dest"] == "image",
    "Accept-Language": lambda handler: "nl" in handler.headers["Accept-Language"],
    "Cookie": lambda handler: "seen=1" in handler.headers.get("Cookie", ""),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_an_image_is_asked_for_as_a_browser_does(name: str, looker: Looker, site: OddSite) -> None:
    site.answer("/p.jpg", asks(REQUESTS[name]))
    page = site.add("/page", b'<img src="p.jpg">', Content_Type=HTML, Set_Cookie="seen=1; Path=/")
    assert shows_photo(looker, page)


def test_a_redirect_to_itself_that_sets_a_cookie_is_followed(looker: Looker, site: OddSite) -> None:
    def by(handler: BaseHTTPRequestHandler) -> None:
        if "seen=1" in handler.headers.get("Cookie", ""):
            asks(lambda _handler: True)(handler)
            return
        handler.send_response(302)
        handler.send_header("Location", "/p.jpg")
        handler.send_header("Set-Cookie", "seen=1")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    assert shows_photo(looker, site.answer("/p.jpg", by))


def test_cookies_end_with_the_look(looker: Looker, site: OddSite) -> None:
    page = site.add("/page", b"<p>", Content_Type=HTML, Set_Cookie="seen=1")
    for _ in range(2):
        list(looker.look(page))
    assert [headers.get("Cookie") for _, headers in site.asked] == [None, None]
