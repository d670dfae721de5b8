"""Whatever is at a URL, each image there is signed, and one that fails leaves the others."""

import hashlib
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from hashsvc.matching import Tier, compare
from hashsvc.scanning import Fetcher, FetchError, Look, Looker
from hashsvc.signals import SandboxError, Signature, sign_frames, sign_image
from tests.conftest import generated_photo, jpeg
from tests.scanning.conftest import OddSite, gif

PHOTO = jpeg(generated_photo(1))
HTML = "text/html; charset=utf-8"


@pytest.fixture
def looker(fetcher: Fetcher) -> Looker:
    """A looker that takes five images of a page."""
    return Looker(fetcher, images_per_page=5)


def look(looker: Looker, url: str) -> list[tuple[str, str | None]]:
    """Return the path of each image at a URL, and why it could not be looked at."""
    looks = list(looker.look(url))
    for each in looks:
        assert (each.image is None) == (each.reason is not None)
    return [(each.image_url.rpartition("/")[2], each.reason) for each in looks]


def test_an_image_is_looked_at_itself(looker: Looker, site: OddSite) -> None:
    url = site.add_image("/1.jpg", PHOTO)
    (seen,) = looker.look(url)
    assert seen.reason is None
    assert (seen.image.page_url, seen.image.image_url) == (url, url)
    assert seen.image.sha256 == hashlib.sha256(PHOTO).digest()
    assert seen.image.frames == (sign_image(PHOTO),)


def test_the_images_of_a_page_are_looked_at_in_its_order(looker: Looker, site: OddSite) -> None:
    images = [f"/{number}.jpg" for number in range(6)]
    for seed, path in enumerate(images):
        site.add_image(path, jpeg(generated_photo(seed)))
    page = site.add_page("/page", images)
    looks = list(looker.look(page))
    assert [each.image_url for each in looks] == [site.url + path for path in images[:5]]
    assert [each.image.page_url for each in looks] == [page] * 5
    assert [each.image.frames for each in looks] == [
        (sign_image(jpeg(generated_photo(seed))),) for seed in range(5)
    ]


def test_a_redirected_image_is_named_by_where_it_is(looker: Looker, site: OddSite) -> None:
    there = site.add_image("/there.jpg", PHOTO)
    page = site.add_page("/page", [site.add("/here.jpg", status=302, Location="/there.jpg")])
    (seen,) = looker.look(page)
    assert seen.image_url == f"{site.url}/here.jpg"
    assert seen.image.image_url == there


def test_a_redirected_page_is_read_from_where_it_is(looker: Looker, site: OddSite) -> None:
    site.add_image("/album/1.jpg", PHOTO)
    site.add_page("/album/page", ["1.jpg"])
    url = site.add("/short", status=302, Location="/album/page")
    (seen,) = looker.look(url)
    assert seen.image.page_url == url
    assert seen.image.image_url == f"{site.url}/album/1.jpg"


@pytest.mark.parametrize("claimed", [HTML, "text/plain", "application/octet-stream", "video/mp4"])
def test_an_image_is_known_by_its_bytes(claimed: str, looker: Looker, site: OddSite) -> None:
    url = site.add("/1", PHOTO, Content_Type=claimed)
    assert look(looker, url) == [("1", None)]


MARKUP = b'<img src="1.jpg">'
PAGES = {
    "an ordinary page": (HTML, MARKUP),
    "an XHTML page": ("application/xhtml+xml", MARKUP),
    "a page without a type": ("", b"\xef\xbb\xbf \r\n<!doctype html>" + MARKUP),
    "a page of a wrong type": ("unknown/unknown", MARKUP),
    "a page in capitals": ("TEXT/HTML", b"text " + MARKUP),
}


@pytest.mark.parametrize(("claimed", "body"), PAGES.values(), ids=PAGES.keys())
def test_a_page_is_read_as_one(claimed: str, body: bytes, looker: Looker, site: OddSite) -> None:
    site.add_image("/1.jpg", PHOTO)
    url = site.add("/page", body, Content_Type=claimed)
    assert look(looker, url) == [("1.jpg", None)]


def test_a_page_that_begins_like_an_image_is_read_all_the_same(
    looker: Looker, site: OddSite
) -> None:
    """A browser goes by the type: what looks like the head of an image is text on the page."""
    site.add_image("/1.jpg", PHOTO)
    whole = site.add("/a", gif(generated_photo(1)) + MARKUP, Content_Type=HTML)
    assert look(looker, whole) == [("a", None), ("1.jpg", None)]
    damaged = site.add("/b", PHOTO[:200] + MARKUP, Content_Type=HTML)
    assert look(looker, damaged) == [("b", "BrokenImageError"), ("1.jpg", None)]


@pytest.mark.parametrize(
    ("claimed", "body"),
    [("application/pdf", b"%PDF-1.7"), ("text/plain", b"words"), ("image/jpeg", b"no"), ("", b"")],
)
def test_what_is_neither_page_nor_image_is_said_to_be_so(
    claimed: str, body: bytes, looker: Looker, site: OddSite
) -> None:
    with pytest.raises(FetchError) as caught:
        look(looker, site.add("/x", body, Content_Type=claimed))
    assert (caught.value.reason, caught.value.retry) == ("neither-page-nor-image", False)


def test_a_page_without_images_shows_none(looker: Looker, site: OddSite) -> None:
    assert look(looker, site.add("/x", b"<p>words", Content_Type=HTML)) == []


def test_a_url_that_cannot_be_fetched_tells_why(looker: Looker, site: OddSite) -> None:
    with pytest.raises(FetchError, match=r"^http-404$"):
        look(looker, f"{site.url}/missing")


def test_a_broken_image_says_so(looker: Looker, site: OddSite) -> None:
    assert look(looker, site.add_image("/1.jpg", PHOTO[:200])) == [("1.jpg", "BrokenImageError")]


def test_images_that_fail_leave_the_others(looker: Looker, site: OddSite) -> None:
    site.add_image("/broken.jpg", PHOTO[:200])
    site.add_image("/none.jpg", b"no image")
    site.add("/busy.jpg", status=503)
    site.add_image("/good.jpg", PHOTO)
    page = site.add_page(
        "/page", ["broken.jpg", "none.jpg", "missing.jpg", "http://10.0.0.1/busy.jpg", "good.jpg"]
    )
    assert look(looker, page) == [
        ("broken.jpg", "BrokenImageError"),
        ("none.jpg", "NotAnImageError"),
        ("missing.jpg", "http-404"),
        ("busy.jpg", "forbidden-address"),
        ("good.jpg", None),
    ]


def test_an_image_that_breaks_a_library_leaves_the_others(fetcher: Fetcher, site: OddSite) -> None:
    def sign(data: bytes) -> list[Signature]:
        if data == b"strange":
            raise RuntimeError("what no format promises")
        return sign_frames(data)

    looker = Looker(fetcher, images_per_page=5, sign=sign)
    site.add_image("/sekrit.jpg", b"strange")
    site.add_image("/good.jpg", PHOTO)
    page = site.add_page("/page", ["sekrit.jpg", "good.jpg"])
    with capture_logs() as logs:
        assert look(looker, page) == [("sekrit.jpg", "internal"), ("good.jpg", None)]
    crashed = {"event": "scan.image_crashed", "error": "RuntimeError", "log_level": "error"}
    assert logs == [crashed]


def test_each_frame_of_an_animation_is_signed(looker: Looker, site: OddSite) -> None:
    frames = gif(*(generated_photo(each, (160, 120)) for each in range(3)))
    (seen,) = looker.look(site.add("/1.gif", frames, Content_Type="image/gif"))
    assert len(seen.image.frames) == 3
    third = sign_image(jpeg(generated_photo(2, (160, 120)))).whole()
    tiers = [compare(third, each).tier for each in seen.image.frames]
    assert tiers == [None, None, Tier.CERTAIN]


def test_what_was_not_fetched_by_the_deadline_has_failed(
    looker: Looker, site: OddSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("hashsvc.scanning.fetch.time", SimpleNamespace(monotonic=lambda: now))
    site.add_image("/1.jpg", PHOTO)
    page = site.add_page("/page", ["1.jpg", "1.jpg?again", "1.jpg?more"])
    looks = looker.look(page, deadline=now + 2)
    assert next(looks).reason is None
    now += 2
    assert [each.reason for each in looks] == ["timeout", "timeout"]
    with pytest.raises(FetchError, match="timeout"):
        next(looker.look(page, deadline=now))
    assert [path for path, _ in site.asked] == ["/page", "/1.jpg"]


def test_nothing_that_was_seen_shows_itself(looker: Looker, site: OddSite) -> None:
    (seen,) = looker.look(site.add_image("/sekrit.jpg", PHOTO))
    for each in (seen, seen.image, Look(seen.image_url, None, "timeout")):
        assert "sekrit" not in repr(each)


def test_without_a_sandbox_no_image_counts_as_failed(fetcher: Fetcher, site: OddSite) -> None:
    """Else a page would be done, and its images never looked at."""

    def sign(data: bytes) -> list[Signature]:
        sign_frames(data)
        raise SandboxError("No worker can be started.")

    looker = Looker(fetcher, images_per_page=5, sign=sign)
    image = site.add_image("/good.jpg", PHOTO)
    for url in (image, site.add_page("/page", [image])):
        with pytest.raises(SandboxError):
            look(looker, url)
