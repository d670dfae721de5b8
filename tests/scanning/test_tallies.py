"""Whatever a look leaves out is counted, and each image at a URL counts once."""

import base64
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashsvc.scanning import Fetcher, FetchError, KnownImages, Looker
from hashsvc.settings import Settings
from hashsvc.signals import Limits, sign_frames
from hashsvc.store.tallies import Tally
from tests.conftest import generated_photo, jpeg
from tests.helpers.films import SIZE, film
from tests.scanning.support import OddSite, Service, gif

PHOTO = jpeg(generated_photo(1, (320, 240)))
HTML = "text/html; charset=utf-8"
BITMAP = f"data:image/jpeg;base64,{base64.b64encode(PHOTO).decode()}"
SPINNER = "data:image/gif;base64,R0lGODlhAQABAAAAACw="


class Site(OddSite):
    """A site whose paths are answered by their beginning: /good…, /gone…, /text…, /broken…."""

    def __init__(self) -> None:
        super().__init__()
        self.default_answer = self._by_kind

    def page(self, path: str, markup: str, status: int = 200) -> str:
        """Put markup on the site and return its URL."""
        return self.add(path, markup.encode(), status, Content_Type=HTML)

    def _by_kind(self, handler: Any) -> None:
        status, body = {
            "/goo": (200, PHOTO),
            "/tex": (200, b"words"),
            "/bro": (200, PHOTO[:200]),
            "/bus": (503, b""),
            "/big": (200, PHOTO + bytes(2_000_000)),
            "/sty": (200, b""),
        }.get(handler.path[:4], (404, b"not here"))
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        with suppress(ConnectionError):
            handler.wfile.write(body)


@pytest.fixture(scope="module")
def kinds() -> Iterator[Site]:
    with Site() as site:
        yield site


@pytest.fixture(scope="module")
def look(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Tally]]:
    """Return a function that looks at a URL within limits, and returns the tally."""
    limits = Settings(
        data_dir=tmp_path_factory.mktemp("data"),
        fetch_networks="127.0.0.0/8",
        fetch_ports=frozenset(range(1, 65536)),
        fetch_max_bytes=1_000_000,
        fetch_total_s=20,
    )
    known = KnownImages(partial(sign_frames, limits=Limits(max_frames=4)))

    with Fetcher(limits) as fetcher:

        def tally_of(url: str, images: int = 5, links: int = 8, films: int = 0) -> Tally:
            looker = Looker(
                fetcher,
                images_per_page=images,
                links_per_page=links,
                films_per_page=films,
                sign=known.sign_frames,
            )
            tally = Tally()
            list(looker.look(url, tally=tally))
            return tally

        yield tally_of


def photos(*names: str, size: int = 300) -> str:
    return "".join(f'<img src="/{each}" width="{size}" height="{size}">' for each in names)


def test_each_image_of_a_page_counts_once_by_what_became_of_it(
    kinds: Site, look: Callable[..., Tally]
) -> None:
    chosen = photos("good1", "gone1", "text1", "broken1", "big1", "busy1")
    page = kinds.page(
        "/page",
        f'<link rel="icon" href="/gone.png">{chosen}{photos("good2", "good3", "good1")}'
        f'{photos("good4", "good5", size=16)}<img src="/good6.ico"><img src="{SPINNER}">'
        f'<img src="{SPINNER}"><img src="/good/{"x" * 2000}">',
    )
    tally = look(page, images=6)
    assert tally == Tally(images=1, images_failed=6, icons_left_out=5, images_over_limit=2)
    assert tally.images_seen == 14


KINDS = st.sampled_from(["good", "gone", "text", "broken", "icon", "spinner"])


@settings(max_examples=40, deadline=None)
@given(kinds_of=st.lists(KINDS, max_size=12), limit=st.integers(1, 8))
def test_the_counts_add_up_to_the_images_of_any_page(
    kinds: Site, look: Callable[..., Tally], kinds_of: list[str], limit: int
) -> None:
    markup = []
    for number, kind in enumerate(kinds_of):
        markup.append(
            f'<img src="{SPINNER}{number:04}">'
            if kind == "spinner"
            else photos(f"good{number}", size=48)
            if kind == "icon"
            else photos(f"{kind}{number}", size=49)
        )
    tally = look(kinds.page("/any", "<p>" + "".join(markup)), images=limit)
    large = [each for each in kinds_of if each not in ("icon", "spinner")]
    # Icons come after all other images.
    in_order = large + ["icon"] * kinds_of.count("icon")
    tried, left = in_order[:limit], in_order[limit:]
    assert tally.images_seen == len(kinds_of)
    assert tally.images == tried.count("good") + tried.count("icon")
    assert tally.images_failed == len(tried) - tally.images
    assert tally.images_over_limit == len(left) - left.count("icon")
    assert tally.icons_left_out == left.count("icon") + kinds_of.count("spinner")


# A frame is the list of the frames in it.
Frames = list["Frames"]
TREES: st.SearchStrategy[Any] = st.recursive(
    st.just([]), lambda inner: st.lists(inner, max_size=3), max_leaves=12
)


@settings(max_examples=40, deadline=None)
@given(tree=TREES, limit=st.integers(0, 3))
def test_frames_that_are_too_many_or_too_deep_are_counted(
    kinds: Site, look: Callable[..., Tally], tree: Frames, limit: int
) -> None:
    number = 0

    def put(frames: Frames, depth: int) -> tuple[str, int, int]:
        """Put a page with frames on the site; return its path, and how many it reads and not."""
        nonlocal number
        number += 1
        path, markup, read, unread = f"/frame{number}", photos(f"good{number}"), 1, 0
        for place, each in enumerate(frames):
            inner, inner_read, inner_unread = put(each, depth + 1)
            markup += f'<iframe src="{inner}"></iframe>'
            is_read = place < limit and depth < 2
            read += inner_read if is_read else 0
            unread += inner_unread if is_read else 1
        kinds.page(path, markup)
        return path, read, unread

    path, read, unread = put(tree, 0)
    tally = look(kinds.url + path, links=limit)
    assert tally == Tally(images=read, frames_not_followed=unread)


UNREAD_FRAMES = {
    "gone": '<iframe src="/gone"></iframe>',
    "gone, and says so on a page": '<iframe src="/gone.html"></iframe>',
    "busy": '<iframe src="/busy"></iframe>',
    "neither page nor image": '<iframe src="/text"></iframe>',
    "inside the markup": '<iframe src="data:text/html,x"></iframe>',
    "deep in the markup": f"<iframe srcdoc=\"<iframe srcdoc='{'&lt;iframe srcdoc=x<p>&gt;'}'>\">",
    "of a URL that is too long": f'<iframe src="/{"x" * 2000}"></iframe>',
    "large": f"<iframe srcdoc='<p>{'x' * 200_000}'></iframe>",
}


@pytest.mark.parametrize("markup", UNREAD_FRAMES.values(), ids=UNREAD_FRAMES.keys())
def test_a_frame_that_cannot_be_read_is_counted(
    kinds: Site, look: Callable[..., Tally], markup: str
) -> None:
    kinds.page("/gone.html", "not here", status=404)
    assert look(kinds.page("/page", markup)) == Tally(frames_not_followed=1)


def test_frames_that_show_no_page_of_their_own_are_not_counted(
    kinds: Site, look: Callable[..., Tally]
) -> None:
    page = kinds.page(
        "/page",
        f'<iframe></iframe><iframe src="about:blank"></iframe><iframe src="javascript:0"></iframe>'
        f'<iframe srcdoc="words"></iframe><iframe src="/page"></iframe>{photos("good")}'
        '<iframe src="/good"></iframe>',
    )
    assert look(page) == Tally(images=1)


def test_an_image_left_out_on_one_page_and_examined_on_another_counts_once(
    kinds: Site, look: Callable[..., Tally]
) -> None:
    kinds.page("/frame", photos("good2", "good3"))
    page = kinds.page(
        "/page", photos("good1", "good2", "good3", "good4") + '<iframe src="/frame"></iframe>'
    )
    assert look(page, images=1) == Tally(images=3, images_over_limit=1)


def thumbnails(*pages: str) -> str:
    return "".join(f'<a href="/{each}"><img src="/good"></a>' for each in pages)


def test_linked_pages_that_are_not_read_are_counted(
    kinds: Site, look: Callable[..., Tally]
) -> None:
    kinds.page("/1.html", thumbnails("5.html"))
    # Of a linked page, the three largest images are looked at.
    kinds.page("/2.html", photos("good1", "good2", "good3", "good4", "good5"))
    page = kinds.page("/page", thumbnails("1.html", "gone", "2.html", "3.html", "4.html"))
    assert look(page, links=3) == Tally(images=4, images_over_limit=2, parts_not_read=3)


def test_a_link_that_looks_like_an_image_is_a_page_and_no_image(
    kinds: Site, look: Callable[..., Tally]
) -> None:
    kinds.page("/view.jpg", photos("good"))
    page = kinds.page("/page", '<a href="/view.jpg">1</a>')
    assert look(page) == Tally(images=1)
    assert look(page, links=0) == Tally(parts_not_read=1)


def test_pages_that_forward_too_often_are_counted(kinds: Site, look: Callable[..., Tally]) -> None:
    for number in range(6):
        to = f"<meta http-equiv=refresh content='0;url=/move{number + 1}'>"
        kinds.page(f"/move{number}", to + photos(f"good{number}"))
    assert look(f"{kinds.url}/move0") == Tally(images=4, parts_not_read=1)
    assert look(f"{kinds.url}/move2") == Tally(images=4, parts_not_read=1)


def test_frames_of_an_animation_over_the_limit_are_counted(
    kinds: Site, look: Callable[..., Tally]
) -> None:
    slides = gif(*(generated_photo(seed, (320, 240)) for seed in range(6)))
    kinds.add("/slides.gif", slides, 200, Content_Type="image/gif")
    page = kinds.page("/page", '<img src="/slides.gif">')
    assert look(page) == Tally(images=1, pictures_left_out=2)
    assert look(f"{kinds.url}/slides.gif") == Tally(images=1, pictures_left_out=2)


def test_style_sheets_that_are_not_read_are_counted(
    kinds: Site, look: Callable[..., Tally]
) -> None:
    sheets = ("gone.css", *(f"style{number}.css" for number in range(9)))
    links = "".join(f'<link rel="stylesheet" href="/{each}">' for each in sheets)
    assert look(kinds.page("/page", links)) == Tally(parts_not_read=3)


def test_a_page_that_was_cut_off_is_counted(kinds: Site, look: Callable[..., Tally]) -> None:
    def cut(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", HTML)
        handler.send_header("Content-Length", "9999")
        handler.end_headers()
        handler.wfile.write(photos("good").encode())
        handler.close_connection = True

    page = kinds.answer("/cut", cut)
    assert look(page) == Tally(images=1, parts_not_read=1)
    shown = kinds.page("/page", '<iframe src="/cut"></iframe>')
    assert look(shown) == Tally(images=1, frames_not_followed=1)


def test_the_bitmaps_of_a_drawing_count_each(kinds: Site, look: Callable[..., Tally]) -> None:
    nested = f"data:image/svg+xml,{'x' * 1000}"
    bitmaps = f'<image href="{BITMAP}"/><image href="{SPINNER}"/><image href="{nested}"/>'
    kinds.add("/1.svg", f"<svg>{bitmaps}</svg>".encode(), Content_Type="image/svg+xml")
    page = kinds.page("/page", '<img src="/1.svg">')
    assert look(page) == Tally(images=1, icons_left_out=1, images_over_limit=1)


def test_films_over_the_limit_are_counted(kinds: Site, look: Callable[..., Tally]) -> None:
    shown = film(generated_photo(1, SIZE))
    for number in range(3):
        kinds.add(f"/{number}.mp4", shown, Content_Type="video/mp4")
    films = "".join(f'<video src="/{number}.mp4"></video>' for number in range(3))
    page = kinds.page("/page", films)
    assert look(page, films=2) == Tally(images=2, images_over_limit=1)
    assert look(page) == Tally(images_over_limit=3)


def test_an_image_at_the_url_itself_counts(kinds: Site, look: Callable[..., Tally]) -> None:
    assert look(f"{kinds.url}/good") == Tally(images=1)


# Scans.


def test_an_item_and_its_scan_tell_what_was_left_out(service: Service, site: OddSite) -> None:
    site.add_image("/1.jpg", PHOTO)
    small = '<img src="2.jpg" width="9" height="9">'
    frames = '<iframe src="data:,x"></iframe><link rel="stylesheet" href="gone.css">'
    markup = f'<img src="1.jpg"><img src="gone.jpg">{small}{frames}'.encode()
    page = site.add("/page", markup, Content_Type=HTML)
    alone = site.add_page("/alone", ["1.jpg"])
    settings = service.settings.model_copy(update={"scan_images_per_page": 2})
    looker = Looker(service.fetcher, images_per_page=settings.scan_images_per_page)
    scan = service.scan(page, alone, f"{site.url}/gone")
    scanner = service.another_scanner(looker=looker)
    assert service.work_list.progress(scan).tallied == 0
    assert service.items(scan)[0].images_seen is None
    assert scanner.work_once()
    first = service.work_list.progress(scan)
    assert (first.tallied, first.tally) == (1, Tally(1, 1, 1, 0, 1, 1))
    while scanner.work_once():
        continue
    items = service.items(scan)
    assert [each.images_seen for each in items] == [3, 1, 0]
    assert (items[0].images, items[0].images_failed, items[0].icons_left_out) == (1, 1, 1)
    assert (items[0].frames_not_followed, items[0].parts_not_read) == (1, 1)
    progress = service.work_list.progress(scan)
    assert (progress.tallied, progress.tally) == (3, Tally(2, 1, 1, 0, 1, 1))


def test_a_page_that_fails_tells_what_was_tried(service: Service, site: OddSite) -> None:
    page = site.add("/page", b'<img src="gone.jpg"><img src="gone2.jpg">', 404, Content_Type=HTML)
    scan = service.scan(page)
    service.finish()
    (item,) = service.items(scan)
    assert (item.state, item.reason, item.images_failed, item.images_seen) == (
        "dead",
        "http-404",
        2,
        2,
    )


def test_what_an_item_that_crashed_would_have_counted_is_not_known(
    service: Service, site: OddSite
) -> None:
    class Crashing:
        def look(self, _url: str, *, tally: Tally, **_how: object) -> Iterator[Any]:
            tally.images += 1
            raise RuntimeError

    scan = service.scan(f"{site.url}/1")
    assert service.another_scanner(looker=Crashing()).work_once()
    (item,) = service.items(scan)
    assert (item.reason, item.images, item.images_seen) == ("internal", 0, None)
    assert service.work_list.progress(scan).tallied == 0


def test_a_look_that_fails_has_counted_so_far(fetcher: Fetcher, site: OddSite) -> None:
    tally = Tally()
    looker = Looker(fetcher, images_per_page=5)
    page = site.add("/p", b'<img src="1"><iframe src="data:,">', 403, Content_Type=HTML)
    with pytest.raises(FetchError, match="http-403"):
        list(looker.look(page, tally=tally))
    assert tally == Tally(images_failed=1, frames_not_followed=1)
