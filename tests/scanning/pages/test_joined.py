"""Addresses that a script joins from parts are found whole, and parts are not taken for addresses.

Chromium requests each of the expected URLs on a page with the script. Other requests would be made
in vain.
"""

import base64

import pytest

from hashsvc.scanning.pages import read_page

PAGE = "https://a.example/p/page.html"


def found(script: str) -> list[str]:
    """Return the images that a script names; URLs of the page's folder in short."""
    page = read_page(f"<script>{script}</script>".encode(), PAGE)
    return [image.urls[0].removeprefix("https://a.example/p/") for image in page.images]


SCRIPTS = {
    # All parts are known.
    "x.src = '/d/' + '1.jpg'": ["https://a.example/d/1.jpg"],
    "var b = '/d/', n = '1.jpg'; x.src = b + n": ["https://a.example/d/1.jpg"],
    "const b = 'q'; x.src = `d/${b}/1.jpg`": ["d/q/1.jpg"],
    "var n = ['0', '1']; x.src = 'd/' + n[1] + '.jpg'": ["d/1.jpg"],
    "var c = {a: {b: 'd/'}}; x.src = c.a.b + '1.jpg'; y.src = c['a'].b + '2.jpg'":
        ["d/1.jpg", "d/2.jpg"],
    "window.b = 'd/'; x.src = b + '1.jpg'": ["d/1.jpg"],
    "x.src = ('d' + '/') + (1 + '.jpg')": ["d/1.jpg"],
    "x.src = location.origin + '/d/1.jpg'": ["https://a.example/d/1.jpg"],
    "x.src = location.protocol + '//b.example/1.jpg'": ["https://b.example/1.jpg"],
    "f('1.jpg?v=' + 2)": ["1.jpg?v=2"],
    "d.write('<img src=\"' + '1.jpg' + '\">')": ["1.jpg"],
    # A known path counts, whatever the query is.
    "x.src = '1.jpg?v=' + Date.now()": ["1.jpg?v="],
    # Parts of something unknown are no addresses.
    "x.src = base + '/' + name + '.jpg'": [],
    "x.src = base + '/1.jpg'": [],
    "x.src = `${base}/1.jpg`": [],
    "x.src = 'https://b.example/' + id + '.jpg'": [],
    "d.write('<img src=\"' + u + '/1.jpg\"><img src=\"2.jpg\">')": ["2.jpg"],
    "var b = 'd/'; b = f(); x.src = b + '1.jpg'": [],
    "var b = 'd/'; b += f(); x.src = b + '1.jpg'": [],
    "b = b + '1.jpg'; x.src = b": [],
    "a = b + '1.jpg'; b = a + '2.jpg'": [],
    "x.src = n * 2 + '/1.jpg'": [],
    "x.src = `1.jpg`": ["1.jpg"],
    "if (x < '1.jpg') f()": ["1.jpg"],
    # What stands beside a part is found.
    "var u = '/1.jpg'; log('at ' + u); x.src = u": ["https://a.example/1.jpg"],
    "x.src = f('1.jpg') + q": ["1.jpg"],
    "x.src = (a ? '1.jpg' : '2.jpg') + q": ["1.jpg", "2.jpg"],
    # Extensions and templates are no images.
    "a = {accept: ['.jpg', '.png']}": [],
    "t = '<img src=\"{{src}}.jpg\"><img src=\"<%= u %>/1.jpg\"><img src=\"1.jpg\">'": ["1.jpg"],
    "t = '/img/{name}.jpg'; u = '/img/S{9}.jpg'": [],
    # A file's name is no address, unless its key says so.
    "x = {filename: 'a.jpg', placeholder: '0.gif', src: '1.jpg'}": ["1.jpg"],
    "x = {name: '/d/1.jpg'}": ["https://a.example/d/1.jpg"],
    "x = ['1.jpg']": ["1.jpg"],
}  # fmt: skip


@pytest.mark.parametrize("script", SCRIPTS)
def test_an_address_is_found_if_all_of_it_is_known(script: str) -> None:
    assert found(script) == SCRIPTS[script]


@pytest.mark.parametrize(
    "template",
    ['<img src="{{src}}">', '<img src="${src}.jpg">', '<div data-src="/i/{{id}}.jpg">',
     '<a href="{{url}}/1.jpg"></a>', '<img src="/i/{name}.jpg">', '<img src="%7B%7Bsrc%7D%7D">'],
)  # fmt: skip
def test_what_a_template_leaves_open_is_not_asked_for(template: str) -> None:
    page = read_page(f'<script type="text/template">{template}</script>{template}'.encode(), PAGE)
    assert page.images == ()


def test_braces_of_an_identifier_belong_to_the_address() -> None:
    page = read_page(b'<img src="/{3F2504E0-4F89-11D3}.jpg">', PAGE)
    assert [each.urls[0] for each in page.images] == [
        "https://a.example/%7B3F2504E0-4F89-11D3%7D.jpg"
    ]


def test_inline_images_of_a_script_are_found_each() -> None:
    one, two = (
        "data:image/jpeg;base64," + base64.b64encode(b"\xff\xd8\xff" + b"." * 900 + end).decode()
        for end in (b"1", b"2")
    )
    assert set(found(f"a = '{one}'; b = '{two}'")) == {one, two}


GROUPS = {
    "Mastodon": '{"url": "/f/1/original/a.jpg", "preview_url": "/f/1/small/a.jpg"}',
    "Pinterest": '{"a": "/60x60_RS/a/b.jpg", "b": "/236x/a/b.jpg", "c": "/originals/a/b.jpg"}',
    "Blogger": '{"a": "/s72-w640-h480-c/a.jpg", "b": "/w640-h480/a.jpg", "c": "/s1600/a.jpg"}',
    "names": '{"a": "/b/a-300x200.jpg", "b": "/b/a.jpg", "c": "/b/a_large.jpg"}',
}


@pytest.mark.parametrize("name", GROUPS)
def test_sizes_of_one_image_are_asked_for_once(name: str) -> None:
    page = read_page(f'<script type="application/json">{GROUPS[name]}</script>'.encode(), PAGE)
    (image,) = page.images
    assert len(image.urls) == GROUPS[name].count(".jpg")


def test_of_two_sizes_the_preview_is_the_second_choice() -> None:
    for data in (
        '["/f/1/original/a.jpg", "/f/1/small/a.jpg"]',
        '["/f/1/small/a.jpg", "/f/1/original/a.jpg"]',
        '["/f/1/a.jpg", "/f/1/a_thumb.jpg"]',
    ):
        (url,) = found(f"x = {data}")
        assert "small" not in url
        assert "thumb" not in url


def test_images_in_different_folders_are_different() -> None:
    data = (
        '{"a": "/1/original/a.jpg", "b": "/2/original/a.jpg", "c": "/s01/a.jpg", "d": "/s02/a.jpg"}'
    )
    assert len(found(f"x = {data}")) == 4
