"""What a page has beyond a limit of reading is counted, and icons are listed apart."""

import json

import pytest

from hashsvc.scanning.pages import LeftOut, Page, read_page, read_stylesheet
from hashsvc.scanning.pages.sandbox import PageSandbox

PAGE = "https://a.example/p/page.html"
PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACw="


def read(markup: str) -> Page:
    return read_page(markup.encode(), PAGE)


def repeated(pattern: str, times: int) -> str:
    return "".join(pattern.format(number) for number in range(times))


def script(images: int) -> str:
    return "<script>x=[" + repeated("'{}.jpg',", images) + "]</script>"


LIMITS = {
    "images": (repeated("<img src={}>", 10_003), LeftOut(over_limit=3)),
    "the same image": ("<img src=1>" * 10_003, LeftOut(over_limit=1)),
    "films": (repeated("<video src={}.mp4></video>", 53), LeftOut(over_limit=3)),
    "frames": (repeated("<iframe src={}></iframe>", 53), LeftOut(frames=3)),
    "style sheets": (repeated("<link rel=stylesheet href={}>", 53), LeftOut(parts=3)),
    "thumbnails": (
        repeated("<a href={0}.html><img src={0}></a>", 53) + "<a href=9.html><img src=9></a>",
        LeftOut(parts=3),
    ),
    "a long page": ("<p>" + " " * 10_000_000, LeftOut(parts=1)),
    "a long script": (f"<script>'1.jpg'//{'x' * 3_000_000}</script>", LeftOut(parts=1)),
    "finds of a script": (
        script(1000),
        LeftOut(parts=1),
    ),
    "long JSON-LD": (
        f"<script type=application/ld+json>{json.dumps({'a': 'x' * 1_000_000})}</script>",
        LeftOut(parts=1),
    ),
    "a long template": (f"<template><p>{'x' * 200_000}</template>", LeftOut(parts=1)),
    "a long address": (f"<img src=/{'x' * 2000}>", LeftOut(failed=1)),
    "a password": ("<img src=https://a:b@a.example/1.jpg>", LeftOut(failed=1)),
}


@pytest.mark.parametrize(("markup", "expected"), LIMITS.values(), ids=LIMITS.keys())
def test_what_is_beyond_a_limit_is_counted(markup: str, expected: LeftOut) -> None:
    assert read(markup).left_out == expected


WITHIN = {
    "images": repeated("<img src={}>", 10_000),
    "films": repeated("<video src={}.mp4></video>", 50),
    "frames": repeated("<iframe src={}></iframe>", 50),
    "the same frame": "<iframe src=1></iframe>" * 53,
    "thumbnails": repeated("<a href={0}.html><img src={0}></a>", 50),
    "a page of 10 MB": "<p>" + " " * 9_999_997,
    "finds of a script": script(999),
    "no images": "<img><img src=''><img src='#a'><img src=blob:x><img src=javascript:0>",
    "another file": "<img src=1.css><video></video><iframe></iframe>",
    "another size that is too long": f"<img srcset='/{'x' * 2000} 2x, 1.jpg 1x'>",
}


@pytest.mark.parametrize("markup", WITHIN.values(), ids=WITHIN.keys())
def test_what_is_within_the_limits_or_no_image_is_not_counted(markup: str) -> None:
    assert read(markup).left_out == LeftOut()


def test_a_style_sheet_with_too_many_images_is_counted() -> None:
    rules = "a{{background:url({}.jpg)}} b{{color:#123456;margin:0 0 0 0}}"
    for times, left_out in ((2000, LeftOut()), (2001, LeftOut(parts=1))):
        sheet = repeated(rules, times)
        assert read_stylesheet(sheet.encode(), PAGE, "").left_out == left_out
        assert read(f"<style>{sheet}</style>").left_out == left_out


ICONS = {
    '<link rel="icon" href="1.png"><link rel="apple-touch-icon" href="2.png">': ["1.png", "2.png"],
    '<link rel="shortcut icon" href="1.ico"><img src="1.ico">': ["1.ico"],
    f'<img src="{PIXEL}"><img src="{PIXEL}" data-src="1.jpg">': [PIXEL],
    f'<link rel="icon" href="{PIXEL}{"A" * 2000}">': [f"{PIXEL}{'A' * 2000}"[:1000]],
    f'<style>p {{ background: url("{PIXEL}") }}</style><p>': [PIXEL],
    f'<img srcset="1.jpg 2x" src="{PIXEL}">': [],
    '<img src="data:,"><img src="data:text/plain,x">': [],
    '<img src="1.png" width="16">': [],
}


@pytest.mark.parametrize("markup", ICONS)
def test_icons_are_listed_apart_once_each(markup: str) -> None:
    page = read(markup)
    icons = [url.removeprefix("https://a.example/p/") for url in page.icons]
    assert (icons, page.left_out) == (ICONS[markup], LeftOut())


@pytest.mark.parametrize(
    ("markup", "is_icon"),
    [
        ("<img src=1 width=48>", True),
        ("<img src=1 width=49>", False),
        ("<img src=1>", False),
        ("<img src=1 width=16><img src=1>", False),
        # The thumbnail comes last, but it is none.
        ("<a href=2.jpg><img src=1 width=50 height=9></a>", False),
    ],
)
def test_an_image_is_an_icon_if_the_page_says_so_everywhere(markup: str, is_icon: bool) -> None:
    (image,) = (each for each in read(markup).images if each.urls[0].endswith("/1"))
    assert image.is_icon == is_icon


def test_two_parts_of_a_page_add_up() -> None:
    one = Page(icons=("a", "b"), left_out=LeftOut(1, 2, 3, 4))
    other = Page(icons=("b", "c"), left_out=LeftOut(10, 20, 30, 40))
    both = one.with_more(other)
    assert (both.icons, both.left_out) == (("a", "b", "c"), LeftOut(11, 22, 33, 44))


def test_the_sandbox_tells_what_is_left_out() -> None:
    sandbox = PageSandbox()
    sandbox.open()
    try:
        markup = f"<img src=1 width=9><img src={PIXEL}><iframe src='data:,'></iframe>".encode()
        page = sandbox.read_page(markup, PAGE, "text/html")
    finally:
        sandbox.close()
    assert page == read_page(markup, PAGE)
    assert (page.images[0].is_icon, page.icons, page.left_out.frames) == (True, (PIXEL,), 1)
