"""The images of a page are found wherever a browser would find them, once each, in any markup."""

import base64
from contextlib import closing
from html import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashsvc.scanning import normalise_url
from hashsvc.scanning.pages import read_page
from hashsvc.scanning.pages.sandbox import PageSandbox
from tests.scanning.pages.reading import PAGE, found, read, short

PLACES = {
    '<img src="1.jpg">': ["1.jpg"],
    '<img src=" 1.jpg\n">': ["1.jpg"],
    '<img src="https://cdn.example/1.jpg">': ["https://cdn.example/1.jpg"],
    '<img src="//cdn.example/1">': ["https://cdn.example/1"],
    '<img src="/1">': ["https://a.example/1"],
    '<img src="1.php?a=b&amp;c=d">': ["1.php?a=b&c=d"],
    # Sets of sizes.
    '<img srcset="1.jpg 480w, 2.jpg 1024w, 3.jpg 800w">': ["2.jpg"],
    '<img srcset="1.jpg 1x,2.jpg 2.5x">': ["1.jpg"],
    '<img srcset="1.jpg 1x,\n  2.jpg 2x">': ["1.jpg"],
    '<img srcset="1.jpg, 2.jpg 2x">': ["1.jpg"],
    '<img srcset="1.jpg, 2.jpg">': ["1.jpg"],
    '<img srcset="1,a.jpg 1x, 2,b.jpg 2x">': ["1,a.jpg"],
    '<img srcset="1.jpg">': ["1.jpg"],
    '<img srcset=" , ">': [],
    '<img srcset="1.jpg nonsense, 2.jpg 2x">': ["1.jpg"],
    '<img srcset="1.jpg 1x, 2.jpg 2x" src="3.jpg">': ["1.jpg"],
    '<picture><source srcset="1.webp 1x, 2.webp 2x"><img src="3.jpg"></picture>':
        ["1.webp"],
    '<picture><source sizes="9px" srcset="1.webp 90w, 2.webp 900w"><img src="3.jpg"></picture>':
        ["1.webp"],
    '<picture><source srcset="1.webp 90w, 2.webp 900w"><img sizes="9px" src="3.jpg"></picture>':
        ["2.webp"],
    # Loaded later.
    '<img src="data:image/gif;base64,R0" data-src="1.jpg">': ["1.jpg"],
    '<img data-original="1.jpg" src="2.jpg">': ["1.jpg", "2.jpg"],
    '<img data-lazy-src="1.jpg"><img data-url="2.jpg">': ["1.jpg", "2.jpg"],
    '<img data-srcset="1.jpg 1x, 2.jpg 2x">': ["1.jpg"],
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
    '<a href="page?file=1.jpg">': ["page?file=1.jpg"],
    # Where references lead.
    '<img src="1.jpg"><base href="/q/"><base href="/r/">': ["https://a.example/q/1.jpg"],
    '<base target="_blank"><base href="https://b.example"><img src="1.jpg">':
        ["https://b.example/1.jpg"],
    '<base href="javascript:0"><img src="1.jpg">': ["1.jpg"],
    '<base href="http://["><img src="1.jpg">': ["1.jpg"],
    '<base><img src="1.jpg">': ["1.jpg"],
    # References that cannot be fetched.
    '<img src="data:,1"><img src="blob:1"><img src="about:blank"><img src="1.jpg">': ["1.jpg"],
    '<img src="http://["><img src="ftp://b.example/1"><img src="1.jpg">': ["1.jpg"],
    '<img src="http://user@b.example/1"><img src=""><img src><img><img src="1.jpg">': ["1.jpg"],
    f'<img src="{"1" * 2001}"><img src="2.jpg">': ["2.jpg"],
    # Other attributes and elements.
    '<svg><image href="1.jpg"/><image xlink:href="2.jpg"/></svg>': ["1.jpg", "2.jpg"],
    '<input type="image" src="1.jpg">': ["1.jpg"],
    '<amp-img src="1.jpg" layout="fill"></amp-img>': ["1.jpg"],
    '<object data="1.jpg"></object><embed src="2.jpg"><object data="3.swf"></object>':
        ["1.jpg", "2.jpg"],
    '<table><tr><td background="1.jpg"></table>': ["1.jpg"],
    '<link rel="preload" as="image" href="1.jpg"><link rel="preload" href="2" as="font">':
        ["1.jpg"],
    '<link rel="preload" as="image" imagesrcset="1.jpg 1x, 2.jpg 2x">': ["1.jpg"],
    '<meta itemprop="image" content="1.jpg">': ["1.jpg"],
    '<meta property="og:image:secure_url" content="https://b.example/1">': ["https://b.example/1"],
    # Styles.
    '<div style="background-image: url(1.jpg)">': ["1.jpg"],
    "<div style='background:#fff url(\"1.jpg\") no-repeat'>": ["1.jpg"],
    '<div style="background-image:url(&quot;1.jpg&quot;), url( \'2.jpg\' )">': ["1.jpg", "2.jpg"],
    '<b style="background:URL(1.jpg">': ["1.jpg"],
    "<style>@font-face{src:url(a.woff2)} p{background:url(1.jpg)} @import url(c.css);</style><p>":
        ["1.jpg"],
    '<div data-bg="1.jpg"><div data-background-image="url(2.jpg)">': ["1.jpg", "2.jpg"],
    "<div data-photos='[{\"src\":\"https:\\/\\/b.example\\/1.jpg\"}]'>":
        ["https://b.example/1.jpg"],
    '<div data-cachedhtml=" &lt;p&gt;&lt;img src=&quot;1.jpg&quot;&gt;">': ["1.jpg"],
    '<x-island props="{&quot;a&quot;:[0,&quot;https://b.example/1.jpg&quot;]}">':
        ["https://b.example/1.jpg"],
    "<a onclick=\"show({'x': './1.jpg'})\">": ["1.jpg"],
    "<img onerror=\"this.src='2.jpg'\" onmouseover=\"f('3.jpg')\" src=1.jpg>": ["1.jpg"],
    '<code><!-- <p><img src="1.jpg"></p> --></code><p><!-- <img src="2.jpg"> --></p>': ["1.jpg"],
    '<code><!--{"a": "https:\\/\\/b.example\\/1.jpg"}--></code>': ["https://b.example/1.jpg"],
    # Lazy loaders know the width of the place.
    '<img data-srcset="1.jpg 300w, 2.jpg 900w" data-sizes="280px">': ["1.jpg"],
    '<img data-srcset="1.jpg 300w, 2.jpg 900w" data-sizes="auto" width="280">': ["1.jpg"],
    '<img data-srcset="1.jpg 300w, 2.jpg 900w" data-sizes="auto">': ["2.jpg"],
    '<img srcset="1.jpg 300w, 2.jpg 900w" sizes="auto, 90vw" width="280" loading="lazy">':
        ["1.jpg"],
    "<img v-lazy=\"'1.jpg'\">": ["1.jpg"],
    # Copies of what an element shows.
    '<img data-src="1.jpg" data-src-retina="2.jpg" data-thumb="3.jpg">': ["1.jpg"],
    '<div data-thumb="1.jpg"></div>': ["1.jpg"],
    '<img src="1.jpg" lowsrc="2.jpg">': ["1.jpg"],
    '<a data-download-href="/short/2.jpg?dl=1"><img src="1.jpg"></a>': ["1.jpg"],
    '<div data-title="a title with 1.jpg" data-json="{1.jpg" data-page="1.html">': [],
    # Data in scripts.
    '<script type="application/ld+json">{"image": "1"}</script>': ["1"],
    '<script type="application/ld+json">{"image": ["1", "2"], "url": "3"}</script>': ["1", "2"],
    '<script type="application/ld+json">[{"a": {"image": {"url": "1", "name": "2"}}}]</script>':
        ["1"],
    '<script type="Application/LD+JSON"><!-- {"thumbnailUrl": "1", "contentUrl": "2"} --></script>':
        ["1", "2"],
    '<script type="application/ld+json">{"image": 1, "image": [null, {}]}</script>': [],
    '<script type="application/ld+json">{"image": "1</script>': [],
    '<script>a = {b: "https:\\/\\/b.example\\/1.jpg?c", d: "/1.js", e: "no 1.jpg"}</script>':
        ["https://b.example/1.jpg?c"],
    # Each image once.
    '<img src="1.jpg"><img src="./1.jpg"><img src="2.jpg"><a href="1.jpg#x">': ["1.jpg", "2.jpg"],
}  # fmt: skip


@pytest.mark.parametrize("markup", PLACES)
def test_images_are_found_in_every_kind_of_markup(markup: str) -> None:
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
    "a script": "<script>if (a<b) c='<img alt=\"2.jpg\">'</script ><img src=1.jpg>",
    "an unclosed script": '<svg><style></svg><img src="1.jpg">',
    "a style": "<STYLE>a<b{content:'<img alt=\"'}</STYLE><img src=1.jpg>",
    "references": '<img src="&#49;.jpg">',
    "UTF-16": '\ufeff<img src="1.jpg">'.encode("utf-16-le"),
    "UTF-16, big end first": '\ufeff<img src="1.jpg">'.encode("utf-16-be"),
    "UTF-8 with a mark": '\ufeff<img src="1.jpg">'.encode(),
    "zero bytes": b'\0<img\0><img src="1.jpg">\0',
}


@pytest.mark.parametrize("markup", WRITTEN_BADLY.values(), ids=WRITTEN_BADLY.keys())
def test_malformed_markup_hides_no_image(markup: str | bytes) -> None:
    assert found(markup) == ["1.jpg"]


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1252"])
def test_a_name_with_accents_is_read_in_either_encoding(encoding: str) -> None:
    assert found('<img src="été’.jpg">'.encode(encoding)) == ["%C3%A9t%C3%A9%E2%80%99.jpg"]


ORDERS = {
    "declared": '<img src="2" width="300" height="200"><img src="1" width="900" height="600">',
    "in pixels": '<img src="2" width="300px" height=200><img src="1" width=" 900px" height=600>',
    "in a style": '<img src="2" style="width: 300px"><img src="1" style="a:b;width:900px">',
    "by one side": '<img src="2" width="300"><img src="1" height="900">',
    "by a set": '<img srcset="2 400w"><img srcset="0 1w, 1 2000w">',
    "unknown before small": '<img src="2" width="100"><img src="1">',
    "large before unknown": '<img src="2"><img src="1" width="1200" height="800">',
    "preview before unknown": '<img src="2"><meta property="og:image" content="1">',
    "linked before its thumbnail": '<a href="1.jpg"><img src="2" width="900"></a>',
    "thumbnails after all others": '<a href="1.jpg"><img src="3"></a><img src="2" width="60">',
    "fallbacks after others": '<img srcset="1 900w" src="3"><img src="2">',
    "the largest declared size": '<img src="2" width="200"><img src="1" width=100><img src=1>',
}


@pytest.mark.parametrize("markup", ORDERS.values(), ids=ORDERS.keys())
def test_the_largest_come_first(markup: str) -> None:
    images = [url.removesuffix(".jpg") for url in found(markup)]
    assert images == sorted(images)
    assert len(images) >= 2


ICONS = {
    '<img src="1" width="48" height="48"><img src="2">': ["2", "1"],
    '<img src="1" width="49" height="48"><img src="2" width="48">': ["1", "2"],
    '<img src="1" width="1" height="1"><img src="2">': ["2", "1"],
    '<img src="1" height="20px"><img src="2">': ["2", "1"],
    '<img src="1" width="0"><img src="2">': ["2", "1"],
    '<img src="1" style="width:16px;height:16px"><img src="2">': ["2", "1"],
    # A style may show an image large although an attribute calls it small.
    '<img src="1" width="16" height="16" style="width:100%;height:auto">': ["1"],
    '<img src="1" width="16" style="width:900px">': ["1"],
    '<img src="1" width="100%" height="100%">': ["1"],
    '<img width="16" srcset="1 16w, 2 900w">': ["2"],
    '<link rel="icon" href="1.png"><link rel="apple-touch-icon" href="2.png">': [],
    '<img src="1.svg"><img src="2.ico?x"><img src="3.svg#x">': ["1.svg", "3.svg"],
    f'<img src="data:image/gif;base64,{"R" * 900}">': [],
}


@pytest.mark.parametrize("markup", ICONS)
def test_icons_come_last(markup: str) -> None:
    assert found(markup) == ICONS[markup]


HIDDEN = {
    "an attribute": "<div hidden>{}</div>",
    "a style": '<div style="color:red; display:none">{}</div>',
    "an element far above": "<div hidden><p><b><i>{}</i></b></div>",
    "a closed dialog": "<dialog>{}</dialog>",
    "closed details": "<details><summary>more</summary><p>{}</p></details>",
}
SHOWN = {
    "an open dialog": "<dialog open>{}</dialog>",
    "open details": "<details open>{}</details>",
    "a summary": "<details><summary>{}</summary></details>",
    "the element after": "<div hidden></div><p style='display:block'>{}</p>",
}
LATE = ['<img loading="lazy" src="1.jpg" width="900">', '<p style="background:url(1.jpg)"></p>']


@pytest.mark.parametrize("late", LATE)
@pytest.mark.parametrize("name", HIDDEN)
def test_what_a_person_must_open_comes_after_what_is_shown(name: str, late: str) -> None:
    hidden = HIDDEN[name].format(late)
    assert found(hidden + '<img src="2.jpg" width="200">') == ["2.jpg", "1.jpg"]
    # Another size of an image that is shown, as for narrow screens, is not asked for.
    assert found(hidden + '<img src="1-300x200.jpg">') == ["1-300x200.jpg"]


@pytest.mark.parametrize("late", LATE)
@pytest.mark.parametrize("name", SHOWN)
def test_what_is_open_is_shown(name: str, late: str) -> None:
    assert found(SHOWN[name].format(late) + '<img src="2.jpg" width="100">') == ["1.jpg", "2.jpg"]


def test_a_browser_loads_a_hidden_image_that_is_not_lazy() -> None:
    assert found('<div hidden><img src="1.jpg"></div><img src="2.jpg">') == ["1.jpg", "2.jpg"]


PAGES = {
    '<a href="2.html"><img src="1.jpg"></a>': ["2.html"],
    '<a href="2.html"><p><b></b><div style="background:url(1.jpg)"></div></p></a>': ["2.html"],
    '<a href="2.html" style="background:url(1.jpg)"></a>': ["2.html"],
    '<a href="2.html">words</a><img src="1.jpg">': [],
    '<a href="2.html"><a href="3.html"><img src="1.jpg"></a>': ["3.html"],
    '<a><img src="1.jpg"></a>': [],
    '<a href="2.html"></a\n><img src="1.jpg">': [],
    '<a href="2.html"></abbr><img src="1.jpg"></a>': ["2.html"],
    '<a href="2.html"><img src="1.jpg"></a><a href="2.html#x"><img src="1.jpg"></a>': ["2.html"],
    '<a href="2.html"><img src="1.jpg" width="16"></a>': [],
    '<a href="1.jpg"><img src="2.jpg"></a>': [],
    '<a href="#top"><img src="1.jpg"></a>': [],
    '<a href="/"><img src="1.jpg"></a>': [],
    '<a href="https://b.example/2"><img src="1.jpg"></a>': [],
    '<a href="https://xa.example/2"><img src="1.jpg"></a>': [],
    '<a href="https://www.a.example/2"><img src="1.jpg"></a>': ["https://www.a.example/2"],
    '<a href="javascript:0"><img src="1.jpg"></a>': [],
    '<iframe src="2.html"></iframe><iframe src="https://b.example/2"></iframe>': [],
}


@pytest.mark.parametrize("markup", PAGES)
def test_thumbnails_lead_to_pages_of_the_same_site(markup: str) -> None:
    assert short(read_page(markup.encode(), PAGE).pages) == PAGES[markup]


MOVED = {
    '<meta http-equiv="refresh" content="0; url=2.html">': "https://a.example/p/2.html",
    """<meta http-equiv=Refresh content="0;URL='https://b.example/2'">""": "https://b.example/2",
    '<meta http-equiv="refresh" content="30">': None,
    '<meta http-equiv="refresh" content="0; url=page.html">': None,
    '<meta http-equiv="refresh" content="0; url=javascript:0">': None,
    '<meta name="description" content="0; url=2.html">': None,
}


@pytest.mark.parametrize("markup", MOVED)
def test_a_refresh_is_read(markup: str) -> None:
    assert read_page(markup.encode(), PAGE).moved_to == MOVED[markup]


def test_films_are_found_beside_their_posters() -> None:
    markup = """<video src="1.mp4" poster="p.jpg"><source src="2.webm"></video>
        <a href="3.mp4"><img src="t.jpg"></a><meta property="og:video" content="4.mp4">"""
    page = read_page(markup.encode(), PAGE)
    assert short(page.films) == ["1.mp4", "2.webm", "3.mp4", "4.mp4"]
    assert short(each.urls[0] for each in page.images) == ["p.jpg", "t.jpg"]


DATA = base64.b64encode(bytes(range(256)) * 4).decode()


def test_an_inline_image_is_found_whole() -> None:
    reference = f"data:image/jpeg;base64,{DATA * 200}"
    assert found(f'<img src="{reference}">') == [reference]
    assert found(f"<img src={reference}>") == [reference]
    assert found(f'<div style="background: url({reference})">') == [reference]


def test_a_sandbox_reads_what_is_read_here() -> None:
    with closing(PageSandbox()) as sandbox:
        sandbox.open()
        for markup in PLACES:
            assert sandbox.read_page(markup.encode(), PAGE, "") == read(markup)


def test_the_beginning_of_a_long_attribute_is_read() -> None:
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
def test_every_image_is_found_whatever_is_between_them(
    images: list[tuple[str, str, tuple[str, str]]],
) -> None:
    markup = "".join(
        f"{before} <img src={start}{escape(name)}.jpg{end}>"
        for before, name, (start, end) in images
    )
    expected = [normalise_url(f"https://a.example/p/{name}.jpg") for _, name, _ in images]
    shown = [each.urls[0] for each in read(markup).images]
    assert shown == list(dict.fromkeys(expected))


@settings(max_examples=300, deadline=None)
@given(
    page=st.one_of(
        st.binary(max_size=200),
        st.lists(
            st.sampled_from(
                ["<img ", "<base ", "<a ", "src=", "srcset=", "href=", '"', "'", ">", "<!--", "-->",
                 "http://", "[", "]", "x.jpg", ", ", " 2x", "&#", "&#xd800;", "\x00", "é",
                 "<script>", "</script>", "<style>", "url(", ")", "style=", "data-", "=", "</a>",
                 "type=ld+json", '{"image":', "<meta http-equiv=refresh content=url=", "<iframe "]
            ),
            max_size=20,
        ).map(lambda parts: "".join(parts).encode()),
    ),
)  # fmt: skip
def test_any_bytes_give_urls_that_can_be_fetched_or_none(page: bytes) -> None:
    result = read(page)
    first = [each.urls[0] for each in result.images]
    urls = [url for each in result.images for url in each.urls if not url.startswith("data:")]
    urls += [*result.pages, *result.frames, *result.stylesheets, *result.films]
    urls += [result.moved_to] if result.moved_to else []
    assert [normalise_url(url) for url in urls] == urls
    assert len(set(first)) == len(first)
