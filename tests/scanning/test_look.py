"""Each image at a URL is signed, and one that fails does not stop the others."""

import base64
import hashlib
import json

import pytest
from structlog.testing import capture_logs

from hashsvc.matching import Tier, compare
from hashsvc.sandbox import SandboxError
from hashsvc.scanning import BatchLimits, Fetcher, FetchError, Look, Looker, SeenImage
from hashsvc.settings import Settings
from hashsvc.signals import SignedFrames, sign_frames, sign_image
from tests.conftest import generated_photo, jpeg
from tests.helpers.films import SIZE, film
from tests.scanning.support import OddSite, gif

PHOTO = jpeg(generated_photo(1))
HTML = "text/html; charset=utf-8"


@pytest.fixture
def looker(fetcher: Fetcher) -> Looker:
    """Return a looker that signs up to five images of a page."""
    return Looker(fetcher, images_per_page=5)


def look(looker: Looker, url: str) -> list[tuple[str, str | None]]:
    """Return the file name of each image at a URL, and why it failed, if it did."""
    looks = list(looker.look(url))
    for each in looks:
        assert (each.image is None) == (each.reason is not None)
    return [(each.image_url.rpartition("/")[2], each.reason) for each in looks]


def image_of(look: Look) -> SeenImage:
    """Return the image of a look that must not have failed."""
    assert look.image is not None, look.reason
    return look.image


def test_an_image_at_the_url_is_signed(looker: Looker, site: OddSite) -> None:
    url = site.add_image("/1.jpg", PHOTO)
    (seen,) = looker.look(url)
    assert seen.reason is None
    assert (image_of(seen).page_url, image_of(seen).image_url) == (url, url)
    assert image_of(seen).sha256 == hashlib.sha256(PHOTO).digest()
    assert image_of(seen).frames == (sign_image(PHOTO),)


def test_the_images_of_a_page_are_signed_in_its_order(looker: Looker, site: OddSite) -> None:
    images = [f"/{number}.jpg" for number in range(6)]
    for seed, path in enumerate(images):
        site.add_image(path, jpeg(generated_photo(seed)))
    page = site.add_page("/page", images)
    looks = list(looker.look(page))
    assert [each.image_url for each in looks] == [site.url + path for path in images[:5]]
    assert [image_of(each).page_url for each in looks] == [page] * 5
    assert [image_of(each).frames for each in looks] == [
        (sign_image(jpeg(generated_photo(seed))),) for seed in range(5)
    ]


def test_a_redirected_image_has_its_final_url(looker: Looker, site: OddSite) -> None:
    there = site.add_image("/there.jpg", PHOTO)
    page = site.add_page("/page", [site.add("/here.jpg", status=302, Location="/there.jpg")])
    (seen,) = looker.look(page)
    assert seen.image_url == f"{site.url}/here.jpg"
    assert image_of(seen).image_url == there


def test_references_of_a_redirected_page_are_relative_to_its_final_url(
    looker: Looker, site: OddSite
) -> None:
    site.add_image("/album/1.jpg", PHOTO)
    site.add_page("/album/page", ["1.jpg"])
    url = site.add("/short", status=302, Location="/album/page")
    (seen,) = looker.look(url)
    assert image_of(seen).page_url == url
    assert image_of(seen).image_url == f"{site.url}/album/1.jpg"


@pytest.mark.parametrize("claimed", [HTML, "text/plain", "application/octet-stream", "video/mp4"])
def test_an_image_is_recognised_by_its_bytes(claimed: str, looker: Looker, site: OddSite) -> None:
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
def test_a_page_is_recognised_as_a_page(
    claimed: str, body: bytes, looker: Looker, site: OddSite
) -> None:
    site.add_image("/1.jpg", PHOTO)
    url = site.add("/page", body, Content_Type=claimed)
    assert look(looker, url) == [("1.jpg", None)]


def test_a_page_that_begins_like_an_image_is_still_read(looker: Looker, site: OddSite) -> None:
    """A browser follows the media type, and shows what looks like an image's head as text."""
    site.add_image("/1.jpg", PHOTO)
    whole = site.add("/a", gif(generated_photo(1)) + MARKUP, Content_Type=HTML)
    assert look(looker, whole) == [("a", None), ("1.jpg", None)]
    damaged = site.add("/b", PHOTO[:200] + MARKUP, Content_Type=HTML)
    assert look(looker, damaged) == [("b", "BrokenImageError"), ("1.jpg", None)]


@pytest.mark.parametrize(
    ("claimed", "body"),
    [("application/pdf", b"%PDF-1.7"), ("text/plain", b"words"), ("image/jpeg", b"no"), ("", b"")],
)
def test_a_file_that_is_neither_page_nor_image_is_refused(
    claimed: str, body: bytes, looker: Looker, site: OddSite
) -> None:
    with pytest.raises(FetchError) as caught:
        look(looker, site.add("/x", body, Content_Type=claimed))
    assert (caught.value.reason, caught.value.retry) == ("neither-page-nor-image", False)


def test_a_page_without_images_gives_no_results(looker: Looker, site: OddSite) -> None:
    assert look(looker, site.add("/x", b"<p>words", Content_Type=HTML)) == []


def test_a_url_that_cannot_be_fetched_raises_the_reason(looker: Looker, site: OddSite) -> None:
    with pytest.raises(FetchError, match=r"^http-404$"):
        look(looker, f"{site.url}/missing")


def test_a_broken_image_has_a_reason(looker: Looker, site: OddSite) -> None:
    assert look(looker, site.add_image("/1.jpg", PHOTO[:200])) == [("1.jpg", "BrokenImageError")]


def test_images_that_fail_do_not_stop_the_others(looker: Looker, site: OddSite) -> None:
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


def test_an_image_that_crashes_a_library_does_not_stop_the_others(
    fetcher: Fetcher, site: OddSite
) -> None:
    strange = b"\xff\xd8\xff\xe0strange"

    def sign(data: bytes, _sha256: bytes) -> SignedFrames:
        if data == strange:
            raise RuntimeError("what no format promises")
        return sign_frames(data)

    looker = Looker(fetcher, images_per_page=5, sign=sign)
    site.add_image("/sekrit.jpg", strange)
    site.add_image("/good.jpg", PHOTO)
    page = site.add_page("/page", ["sekrit.jpg", "good.jpg"])
    with capture_logs() as logs:
        assert look(looker, page) == [("sekrit.jpg", "internal"), ("good.jpg", None)]
    crashed = {"event": "scan.image_crashed", "error": "RuntimeError", "log_level": "error"}
    assert logs == [crashed]


def test_each_frame_of_an_animation_is_signed(looker: Looker, site: OddSite) -> None:
    frames = gif(*(generated_photo(each, (160, 120)) for each in range(3)))
    (seen,) = looker.look(site.add("/1.gif", frames, Content_Type="image/gif"))
    assert len(image_of(seen).frames) == 3
    third = sign_image(jpeg(generated_photo(2, (160, 120)))).whole()
    tiers = [compare(third, each).tier for each in image_of(seen).frames]
    assert tiers == [None, None, Tier.CERTAIN]


@pytest.mark.parametrize(
    ("late_s", "signed"), [(0, 7), (9, 7), (10, 0)], ids=["in time", "just in time", "too late"]
)
def test_images_that_are_late_fail_with_a_timeout(
    settings: Settings, site: OddSite, late_s: float, signed: int
) -> None:
    now = 1000.0
    fetcher = Fetcher(settings, clock=lambda: now)
    looker = Looker(fetcher, images_per_page=20, clock=lambda: now)
    for number in range(10):
        site.add_image(f"/{number}.jpg", PHOTO)
    page = site.add_page("/page", [f"{number}.jpg" for number in range(10)])
    looks = looker.look(page, deadline=now + 2)
    assert next(looks).reason is None
    now += 2 + late_s
    # Eight images were downloaded before the first of them was signed.
    late = list(looks)
    assert [each.reason for each in late] == [None] * signed + ["timeout"] * (9 - signed)
    assert all(each.retry for each in late[signed:])
    with pytest.raises(FetchError, match="timeout"):
        next(looker.look(page, deadline=now))
    assert [path for path, _ in site.asked] == ["/page", *(f"/{n}.jpg" for n in range(8))]


def test_a_batch_of_downloads_ends_at_each_limit(fetcher: Fetcher, site: OddSite) -> None:
    for number in range(5):
        site.add_image(f"/{number}.jpg", PHOTO)
    page = site.add_page("/page", [f"{number}.jpg" for number in range(5)])
    for limits, at_once in (
        (BatchLimits(size_bytes=2 * len(PHOTO) - 1), 2),
        (BatchLimits(size_bytes=len(PHOTO) - 1), 1),
        (BatchLimits(seconds=-1.0), 1),
        (BatchLimits(images=3), 3),
    ):
        site.asked.clear()
        looks = Looker(fetcher, images_per_page=5, batch_limits=limits).look(page)
        assert next(looks).reason is None
        assert len(site.asked) == 1 + at_once
        assert [each.reason for each in looks] == [None] * 4
        assert len(site.asked) == 1 + 5


def test_the_repr_of_a_look_shows_no_url(looker: Looker, site: OddSite) -> None:
    (seen,) = looker.look(site.add_image("/sekrit.jpg", PHOTO))
    for each in (seen, seen.image, Look(seen.image_url, None, "timeout")):
        assert "sekrit" not in repr(each)


def test_an_unavailable_sandbox_is_an_error_of_the_page_and_not_of_an_image(
    fetcher: Fetcher, site: OddSite
) -> None:
    """Otherwise the page would count as done, although its images were never signed."""

    def sign(data: bytes, _sha256: bytes) -> SignedFrames:
        sign_frames(data)
        raise SandboxError("No worker can be started.")

    looker = Looker(fetcher, images_per_page=5, sign=sign)
    image = site.add_image("/good.jpg", PHOTO)
    for url in (image, site.add_page("/page", [image])):
        with pytest.raises(SandboxError):
            look(looker, url)


def page_of(site: OddSite, path: str, markup: str) -> str:
    """Put markup on a site and return its URL."""
    return site.add(path, markup.encode(), Content_Type=HTML)


def asked(site: OddSite) -> list[str]:
    """Return the paths that were requested from a site."""
    return [path for path, _ in site.asked]


def test_the_largest_images_of_a_page_are_signed(looker: Looker, site: OddSite) -> None:
    for number in range(12):
        site.add_image(f"/{number}.jpg", PHOTO)
    images = "".join(f'<img src="{n}.jpg" width="{100 + n}" height="100">' for n in range(12))
    page = page_of(site, "/page", f'<img src="icon.png" width="16" height="16">{images}')
    assert [path for path, _ in look(looker, page)] == [f"{n}.jpg" for n in (11, 10, 9, 8, 7)]
    assert len(site.asked) == 6


def test_the_image_that_a_thumbnail_links_to_comes_first(looker: Looker, site: OddSite) -> None:
    site.add_image("/large.jpg", PHOTO)
    site.add_image("/thumb.jpg", jpeg(generated_photo(1, (160, 120))))
    page = page_of(
        site, "/page", '<a href="large.jpg"><img src="thumb.jpg"></a><a href="gone.jpg">x</a>'
    )
    assert look(looker, page) == [
        ("large.jpg", None),
        ("gone.jpg", "http-404"),
        ("thumb.jpg", None),
    ]


def test_a_page_behind_a_thumbnail_is_visited(looker: Looker, site: OddSite) -> None:
    site.add_image("/thumb.jpg", jpeg(generated_photo(2, (160, 120))))
    site.add_image("/large.jpg", PHOTO)
    for number in range(5):
        site.add_image(f"/small{number}.jpg", jpeg(generated_photo(3, (160, 120))))
    smalls = "".join(
        f'<a href="/{n}.html"><img src="/small{n}.jpg" width="80" height="60"></a>'
        for n in range(5)
    )
    behind = page_of(site, "/one.html", f'{smalls}<img src="/thumb.jpg"><img src="/large.jpg">')
    page = page_of(site, "/page", '<a href="one.html"><img src="thumb.jpg"></a>')
    looks = list(looker.look(page))
    assert [(each.image_url, image_of(each).page_url) for each in looks] == [
        (f"{site.url}/thumb.jpg", page),
        (f"{site.url}/large.jpg", behind),
        (f"{site.url}/small0.jpg", behind),
        (f"{site.url}/small1.jpg", behind),
    ]
    # Each URL is requested once, and nothing two links away is requested.
    assert sorted(asked(site)) == sorted(set(asked(site)))
    assert not any(path.endswith("0.html") for path in asked(site))


def test_links_are_followed_up_to_the_limit_and_dead_ones_are_not_failures(
    fetcher: Fetcher, site: OddSite
) -> None:
    looker = Looker(fetcher, images_per_page=60, links_per_page=4)
    site.add_image("/t.jpg", PHOTO)
    site.add("/1.pdf", b"%PDF", Content_Type="application/pdf")
    site.add("/2", status=503)
    site.add_image("/3", PHOTO)
    links = "".join(
        f'<a href="{to}"><img src="t.jpg"></a>' for to in ("0", "1.pdf", "2", "3", "4", "5")
    )
    looks = list(looker.look(page_of(site, "/page", links)))
    assert [(each.image_url, each.reason, each.retry) for each in looks] == [
        (f"{site.url}/t.jpg", None, False),
        (f"{site.url}/2", "http-503", True),
        (f"{site.url}/3", None, False),
    ]
    assert asked(site) == ["/page", "/t.jpg", "/0", "/1.pdf", "/2", "/3"]


def test_a_limit_of_no_links_follows_none(fetcher: Fetcher, site: OddSite) -> None:
    looker = Looker(fetcher, images_per_page=60, links_per_page=0)
    site.add_image("/t.jpg", PHOTO)
    assert look(looker, page_of(site, "/p", '<a href="1"><img src="t.jpg"></a>')) == [
        ("t.jpg", None)
    ]


def test_a_frame_of_the_same_site_is_visited(looker: Looker, site: OddSite) -> None:
    site.add_image("/1.jpg", PHOTO)
    page_of(site, "/frame", '<img src="1.jpg">')
    assert look(looker, page_of(site, "/p", '<iframe src="/frame"></iframe>')) == [("1.jpg", None)]


def test_a_refresh_is_followed(looker: Looker, site: OddSite) -> None:
    for number in range(5):
        site.add_image(f"/{number}.jpg", PHOTO)
    there = site.add_page("/there", [f"/{number}.jpg" for number in range(5)])
    here = page_of(site, "/here", f'<meta http-equiv="refresh" content="0;url={there}">')
    looks = list(looker.look(here))
    assert [image_of(each).page_url for each in looks] == [there] * 5


def test_pages_that_refresh_to_each_other_are_visited_once(looker: Looker, site: OddSite) -> None:
    for path, to in (("/a", "/b"), ("/b", "/a")):
        page_of(site, path, f'<meta http-equiv="refresh" content="0;url={to}">')
    assert look(looker, f"{site.url}/a") == []
    assert asked(site) == ["/a", "/b"]


def test_an_inline_image_is_signed_and_its_bytes_are_not_kept(
    looker: Looker, site: OddSite
) -> None:
    inline = f"data:image/jpeg;base64,{base64.b64encode(PHOTO).decode()}"
    page = page_of(site, "/p", f'<img src="{inline}"><b style="background:url({inline})">')
    (seen,) = looker.look(page)
    digest = hashlib.sha256(PHOTO).digest()
    assert image_of(seen).sha256 == digest
    assert image_of(seen).frames == (sign_image(PHOTO),)
    assert image_of(seen).image_url == seen.image_url == f"{page}#inline-{digest.hex()[:16]}"
    assert image_of(seen).page_url == page
    assert image_of(seen).facts["url"] == page
    # A re-check of the image's URL finds the image again.
    (again,) = looker.look(seen.image_url)
    assert again.image_url == seen.image_url


def test_inline_images_that_fail_do_not_stop_the_others(looker: Looker, site: OddSite) -> None:
    site.add_image("/1.jpg", PHOTO)
    broken = "data:image/jpeg;base64," + base64.b64encode(PHOTO[:900]).decode()
    large = "data:image/jpeg;base64," + "A" * 7_000_000
    other = "data:text/plain;base64," + "A" * 2000
    images = "".join(f"<img src='{each}'>" for each in (broken, other, large, "1.jpg"))
    assert [reason for _, reason in look(looker, page_of(site, "/p", images))] == [
        "BrokenImageError",
        "NotAnImageError",
        "too-large",
        None,
    ]


def test_an_image_has_the_facts_of_its_download(looker: Looker, site: OddSite) -> None:
    site.add("/1.jpg", PHOTO, ETag='"x"')
    (seen,) = looker.look(site.add_page("/page", ["1.jpg"]))
    headers = image_of(seen).facts["headers"]
    assert isinstance(headers, dict)
    assert headers["etag"] == '"x"'
    assert json.loads(json.dumps(dict(image_of(seen).facts))) == image_of(seen).facts


def test_a_failed_image_says_whether_to_retry(looker: Looker, site: OddSite) -> None:
    site.add("/1.jpg", status=503)
    site.add("/2.jpg", status=410)
    site.add_image("/3.jpg", PHOTO[:200])
    site.add_image("/4.jpg", PHOTO)
    page = site.add_page("/page", [f"{number}.jpg" for number in range(1, 5)])
    assert [(each.reason, each.retry) for each in looker.look(page)] == [
        ("http-503", True),
        ("http-410", False),
        ("BrokenImageError", False),
        (None, False),
    ]


def test_a_film_on_a_page_or_at_the_url_is_signed(fetcher: Fetcher, site: OddSite) -> None:
    looker = Looker(fetcher, images_per_page=5, films_per_page=1)
    site.add_image("/poster.jpg", jpeg(generated_photo(2)))
    shown = film(generated_photo(1, SIZE), generated_photo(3, SIZE))
    url = site.add("/1.mp4", shown, Content_Type="video/mp4")
    page = page_of(
        site, "/p", '<video poster="poster.jpg"><source src="1.mp4"><source src="2.mp4"></video>'
    )
    assert look(looker, page) == [("poster.jpg", None), ("1.mp4", None)]
    assert "/2.mp4" not in asked(site)
    (seen,) = looker.look(url)
    content = sign_image(jpeg(generated_photo(3, SIZE))).whole()
    assert Tier.CERTAIN in [compare(content, frame).tier for frame in image_of(seen).frames]
