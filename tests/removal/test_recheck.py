"""A re-check says "gone" only if it saw that, and "unreachable" if it cannot tell."""

from collections.abc import Callable, Iterator

import pytest

from hashsvc.removal import Outcome
from hashsvc.removal.recheck import recheck
from hashsvc.scanning import Fetcher, Looker
from hashsvc.settings import Settings
from hashsvc.signals import Signature, sign_image
from tests.conftest import generated_photo, jpeg
from tests.removal.conftest import MoodySite

PHOTO, OTHER = generated_photo(31), generated_photo(32)
LOGIN = b"<!doctype html><title>Log in</title><form><input type=password></form>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><path d="M0 0h1v1z"/></svg>'
PAGE, IMAGE, ELSEWHERE = "/page", "/img/1.jpg", "/img/2.jpg"

Change = Callable[[MoodySite], object]


def answer(status: int, *paths: str, media_type: str = "text/plain", body: bytes = b"") -> Change:
    return lambda site: site.says.update(dict.fromkeys(paths, (status, media_type, body)))


def login(*paths: str) -> Change:
    return answer(200, *paths, media_type="text/html", body=LOGIN)


def show(path: str, data: bytes) -> Change:
    return lambda site: site.add_image(path, data)


def list_on_page(*paths: str) -> Change:
    return lambda site: site.add_page(PAGE, list(paths))


def take_off(*paths: str) -> Change:
    def change(site: MoodySite) -> None:
        for path in paths:
            site.take_off(site.url + path)

    return change


def cut_off(path: str, media_type: str, body: bytes) -> Change:
    """Declare a length that is one byte more than the body, each time."""

    def change(site: MoodySite) -> None:
        answer(200, path, media_type=media_type, body=body)(site)
        site.cut_off.add(path)

    return change


def refusing(status: int, *paths: str) -> Change:
    """Answer with an error, and a page that has an image of its own."""
    page = b'<img src="/img/0.jpg">'
    return answer(status, *paths, media_type="text/html", body=page)


replace = show(IMAGE, jpeg(OTHER))
to_login = answer(302, PAGE, IMAGE, body=b"/login")

CHANGES: dict[str, tuple[list[Change], Outcome]] = {
    "nothing": ([], Outcome.STILL_THERE),
    "made smaller": ([show(IMAGE, jpeg(PHOTO.resize((320, 240)), 50))], Outcome.STILL_THERE),
    "moved on the page": (
        [take_off(IMAGE), show(ELSEWHERE, jpeg(PHOTO)), list_on_page(ELSEWHERE)],
        Outcome.STILL_THERE,
    ),
    "off the page, kept at its address": ([list_on_page()], Outcome.STILL_THERE),
    "page gone, kept at its address": ([take_off(PAGE)], Outcome.STILL_THERE),
    "page with an error, kept at its address": ([answer(500, PAGE)], Outcome.STILL_THERE),
    "page for members, kept at its address": ([login(PAGE)], Outcome.STILL_THERE),
    "image gone, page still lists it": ([take_off(IMAGE)], Outcome.IMAGE_GONE),
    "image gone for good": ([answer(410, IMAGE)], Outcome.IMAGE_GONE),
    "image gone, off the page": ([take_off(IMAGE), list_on_page()], Outcome.IMAGE_GONE),
    "image replaced by another": ([replace], Outcome.IMAGE_REPLACED),
    "image gone, page for members": ([take_off(IMAGE), login(PAGE)], Outcome.IMAGE_GONE),
    "image gone, a drawing stays": (
        [
            take_off(IMAGE),
            list_on_page(IMAGE, "/logo.svg"),
            answer(200, "/logo.svg", media_type="image/svg+xml", body=SVG),
        ],
        Outcome.IMAGE_GONE,
    ),
    "both gone": ([take_off(PAGE, IMAGE)], Outcome.PAGE_GONE),
    "both gone for good": ([answer(410, PAGE, IMAGE)], Outcome.PAGE_GONE),
    "page gone, image replaced": ([take_off(PAGE), replace], Outcome.PAGE_GONE),
    "errors": ([answer(500, PAGE, IMAGE)], Outcome.UNREACHABLE),
    "overloaded": ([answer(503, PAGE, IMAGE)], Outcome.UNREACHABLE),
    "forbidden": ([answer(403, PAGE, IMAGE)], Outcome.UNREACHABLE),
    "unauthorised": ([answer(401, PAGE, IMAGE)], Outcome.UNREACHABLE),
    "legal reasons": ([answer(451, PAGE, IMAGE)], Outcome.UNREACHABLE),
    "login page everywhere": ([login(PAGE, IMAGE)], Outcome.UNREACHABLE),
    "sent on to a login page": ([login("/login"), to_login], Outcome.UNREACHABLE),
    "login page where the image was": ([login(IMAGE)], Outcome.UNREACHABLE),
    "login page where the image was, page gone": (
        [login(IMAGE), take_off(PAGE)],
        Outcome.UNREACHABLE,
    ),
    "page with an error, image gone": ([answer(500, PAGE), take_off(IMAGE)], Outcome.UNREACHABLE),
    "page gone, image forbidden": ([take_off(PAGE), answer(403, IMAGE)], Outcome.UNREACHABLE),
    "image gone, another forbidden": (
        [take_off(IMAGE), list_on_page(ELSEWHERE), answer(403, ELSEWHERE)],
        Outcome.UNREACHABLE,
    ),
    "image cut off": ([show(IMAGE, jpeg(PHOTO)[:200])], Outcome.UNREACHABLE),
    "both gone, in their place a page": ([refusing(404, PAGE, IMAGE)], Outcome.PAGE_GONE),
    "image gone, in its place a page": ([refusing(410, IMAGE)], Outcome.IMAGE_GONE),
    "forbidden, by a page": ([refusing(403, PAGE, IMAGE)], Outcome.UNREACHABLE),
    "forbidden, by a page, image gone": (
        [refusing(403, PAGE), take_off(IMAGE)],
        Outcome.UNREACHABLE,
    ),
    "unauthorised, by a page": ([refusing(401, PAGE, IMAGE)], Outcome.UNREACHABLE),
    "image forbidden, by an image": (
        [answer(403, IMAGE, media_type="image/jpeg", body=jpeg(OTHER))],
        Outcome.UNREACHABLE,
    ),
    "image gone, in its place an image": (
        [answer(404, IMAGE, media_type="image/jpeg", body=jpeg(OTHER))],
        Outcome.IMAGE_GONE,
    ),
    "page cut off, image gone": (
        [cut_off(PAGE, "text/html", b"<p>"), take_off(IMAGE)],
        Outcome.UNREACHABLE,
    ),
    "another image cut off": (
        [cut_off("/img/0.jpg", "image/jpeg", jpeg(OTHER)), take_off(IMAGE)],
        Outcome.UNREACHABLE,
    ),
    "cut off, and still there": (
        [cut_off(PAGE, "text/html", b'<img src="/img/1.jpg">')],
        Outcome.STILL_THERE,
    ),
    "neither image nor page": ([answer(200, IMAGE, body=b"later")], Outcome.UNREACHABLE),
}

# If the image's own address was reported, there is no page that could be gone.
CHANGES_OF_IMAGE_ALONE: dict[str, tuple[list[Change], Outcome]] = {
    "nothing": ([], Outcome.STILL_THERE),
    "gone": ([take_off(IMAGE)], Outcome.PAGE_GONE),
    "gone for good": ([answer(410, IMAGE)], Outcome.PAGE_GONE),
    "replaced by another": ([replace], Outcome.IMAGE_REPLACED),
    "forbidden": ([answer(403, IMAGE)], Outcome.UNREACHABLE),
    "error": ([answer(500, IMAGE)], Outcome.UNREACHABLE),
    "login page": ([login(IMAGE)], Outcome.UNREACHABLE),
    "sent on to a login page": ([login("/login"), to_login], Outcome.UNREACHABLE),
    "sent on to a page without it": (
        [list_on_page(ELSEWHERE), show(ELSEWHERE, jpeg(OTHER)), answer(302, IMAGE, body=b"/page")],
        Outcome.UNREACHABLE,
    ),
    "cut off": ([show(IMAGE, jpeg(PHOTO)[:200])], Outcome.UNREACHABLE),
    "gone, in its place a page": ([refusing(404, IMAGE)], Outcome.PAGE_GONE),
    "gone, in its place an image": (
        [answer(410, IMAGE, media_type="image/jpeg", body=jpeg(OTHER))],
        Outcome.PAGE_GONE,
    ),
    "forbidden, by a page": ([refusing(403, IMAGE)], Outcome.UNREACHABLE),
    "forbidden, by an image": (
        [answer(403, IMAGE, media_type="image/jpeg", body=jpeg(OTHER))],
        Outcome.UNREACHABLE,
    ),
    "another image, cut off": (
        [cut_off(IMAGE, "image/jpeg", jpeg(OTHER))],
        Outcome.UNREACHABLE,
    ),
}


@pytest.fixture(scope="module")
def running_site() -> Iterator[MoodySite]:
    with MoodySite() as site:
        yield site


@pytest.fixture
def site(running_site: MoodySite) -> MoodySite:
    """A page with the image and another one."""
    running_site.begin_anew()
    running_site.add_image(IMAGE, jpeg(PHOTO))
    running_site.add_image("/img/0.jpg", jpeg(OTHER))
    running_site.add_page(PAGE, ["/img/0.jpg", IMAGE])
    return running_site


@pytest.fixture
def looker(settings: Settings) -> Iterator[Looker]:
    with Fetcher(settings) as fetcher:
        yield Looker(fetcher, images_per_page=10)


@pytest.fixture(scope="module")
def content() -> Signature:
    return sign_image(jpeg(PHOTO)).whole()


@pytest.mark.parametrize("name", CHANGES)
def test_an_image_on_a_page(looker: Looker, content: Signature, site: MoodySite, name: str) -> None:
    changes, outcome = CHANGES[name]
    for change in changes:
        change(site)
    page_url, image_url = site.url + PAGE, site.url + IMAGE
    seen = recheck(looker, content, page_url=page_url, image_url=image_url)
    assert seen.outcome is outcome


@pytest.mark.parametrize("name", CHANGES_OF_IMAGE_ALONE)
def test_an_image_that_was_reported_by_its_own_address(
    looker: Looker, content: Signature, site: MoodySite, name: str
) -> None:
    changes, outcome = CHANGES_OF_IMAGE_ALONE[name]
    for change in changes:
        change(site)
    url = site.url + IMAGE
    seen = recheck(looker, content, page_url=url, image_url=url)
    assert seen.outcome is outcome


def test_a_site_that_is_down_is_unreachable(looker: Looker, content: Signature) -> None:
    with MoodySite() as down:
        page_url, image_url = down.url + PAGE, down.url + IMAGE
    found = recheck(looker, content, page_url=page_url, image_url=image_url)
    assert found.outcome is Outcome.UNREACHABLE
