"""The benchmark's site has only different files, and copies only where they are planted."""

import re
from functools import cache

import httpx2

from benchmarks.scanning.made import Web, make_web
from benchmarks.scanning.site import serving
from hashsvc.matching import compare
from hashsvc.signals import Signature, sign_image
from tests.conftest import generated_photo, jpeg
from tests.helpers.photos import Photo


@cache
def made() -> tuple[Web, list[Signature]]:
    photos = []
    for seed in range(1, 9):
        image = generated_photo(seed)
        photos.append(Photo(str(seed), jpeg(image), image))
    return make_web(photos, pages=12, images=3, planted=4, seed=1)


def test_no_two_images_have_the_same_bytes_and_a_comment_changes_no_pixel() -> None:
    web, _ = made()
    images = [web.image(page, place) for page in range(12) for place in range(3)]
    assert len(set(images)) == 36
    assert sign_image(images[0]) == sign_image(web.files[web.pages[0][0]])


def test_planted_images_match_the_bank_and_no_others_do() -> None:
    web, banked = made()
    assert len(web.planted) == 4
    for page in range(12):
        for place in range(3):
            found = sign_image(web.image(page, place))
            matched = any(compare(each, found).tier is not None for each in banked)
            assert matched is ((page, place) in web.planted)


def test_the_site_serves_pages_and_their_images() -> None:
    web, _ = made()
    with serving(web) as (url, pid), httpx2.Client(base_url=url, trust_env=False) as client:
        assert pid > 0
        sources = re.findall(r'src="([^"]+)"', client.get("/5").text)
        assert len(sources) == 3
        for place, source in enumerate(sources):
            answer = client.get(source)
            assert answer.headers["content-type"] == "image/jpeg"
            assert answer.content == web.image(5, place)
        for path in ("/12", "/x", "/"):
            assert client.get(path).status_code == 404
