"""The same bytes are signed once a day, within a memory limit, and matched each time."""

import gc
import hashlib
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from hashsvc.sandbox import SandboxError
from hashsvc.scanning import KnownImages
from hashsvc.signals import (
    BrokenImageError,
    ImageCrashError,
    ImageError,
    ImageTooSlowError,
    SignedFrames,
    sign_frames,
)
from tests.conftest import generated_photo, jpeg
from tests.scanning.support import OddSite, Service, gif

MINE = generated_photo(1)


class Signer:
    """Signs images, and records them."""

    def __init__(self, error: Exception | None = None) -> None:
        self.signed: list[bytes] = []
        self.error = error

    def __call__(self, data: bytes) -> SignedFrames:
        self.signed.append(data)
        if self.error is not None:
            raise type(self.error)(str(self.error))
        return sign_frames(data)


def signed(images: KnownImages, data: bytes) -> SignedFrames:
    """Return the signatures of an image."""
    return images.sign_frames(data, hashlib.sha256(data).digest())


class Seconds:
    """A clock of seconds that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_known_image_is_not_signed_again_and_has_the_same_signatures() -> None:
    signer = Signer()
    images = KnownImages(signer)
    files = [jpeg(MINE), gif(*(generated_photo(seed, (320, 240)) for seed in range(3)))]
    for data in files:
        first, second = signed(images, data), signed(images, data)
        assert first == second == sign_frames(data)
    assert signer.signed == files
    signed(images, files[0] + b"\0")
    assert len(signer.signed) == 3


def test_an_image_is_forgotten_after_a_day() -> None:
    signer, clock = Signer(), Seconds()
    images = KnownImages(signer, clock)
    signed(images, jpeg(MINE))
    clock.now = 24 * 3600
    signed(images, jpeg(MINE))
    assert len(signer.signed) == 1
    clock.now += 0.1
    signed(images, jpeg(MINE))
    assert len(signer.signed) == 2
    assert len(images) == 1


def test_the_least_recently_seen_is_forgotten_when_there_are_too_many() -> None:
    signer = Signer()
    images = KnownImages(signer, most_images=2)
    a, b, c = (jpeg(MINE, quality) for quality in (70, 80, 90))
    for data in (a, b, a, c, a, b):
        signed(images, data)
    assert signer.signed == [a, b, c, b]
    assert len(images) == 2


def test_an_image_is_forgotten_when_the_codes_take_too_much_memory() -> None:
    a, b = jpeg(MINE, 70), jpeg(MINE, 80)
    size = sum(len(each.signal.code) for each in sign_frames(a)[0].signals)
    signer = Signer()
    images = KnownImages(signer, most_bytes=int(1.5 * size))
    for data in (a, a, b, b, a):
        signed(images, data)
    assert signer.signed == [a, b, a]


def test_a_remembered_error_does_not_keep_its_callers_data_in_memory() -> None:
    class Download:
        """Stands for the callers' data: bodies of images, and the URLs they came from."""

    def look(data: bytes) -> "weakref.ref[Download]":
        download = Download()
        with pytest.raises(BrokenImageError):
            signed(images, data)
        return weakref.ref(download)

    images = KnownImages(Signer(BrokenImageError("broken")))
    held = look(b"one")
    gc.collect()
    assert len(images) == 1
    assert held() is None
    with pytest.raises(BrokenImageError, match="broken"):
        signed(images, b"one")


@pytest.mark.parametrize(
    ("error", "times"),
    [
        (BrokenImageError("It is cut off."), 1),
        (ImageTooSlowError("It takes too long."), 2),
        (ImageCrashError("It died."), 2),
        (SandboxError("It is not open."), 2),
        (RuntimeError(), 2),
    ],
)
def test_errors_of_the_image_are_remembered_and_transient_ones_are_not(
    error: Exception, times: int
) -> None:
    signer = Signer(error)
    images = KnownImages(signer)
    for _ in range(2):
        with pytest.raises(type(error), match=str(error) or None):
            signed(images, b"x")
    assert len(signer.signed) == times


@pytest.mark.parametrize("error", [None, BrokenImageError("It is cut off.")])
def test_only_one_of_several_threads_signs_the_same_image(error: ImageError | None) -> None:
    begun, go_on = threading.Event(), threading.Event()
    signer = Signer(error)

    def sign(data: bytes) -> SignedFrames:
        begun.set()
        assert go_on.wait(30)
        return signer(data)

    images = KnownImages(sign)
    data = jpeg(MINE)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(signed, images, data)
        assert begun.wait(30)
        others = [pool.submit(signed, images, data) for _ in range(3)]
        go_on.set()
        for each in (first, *others):
            if error is None:
                assert each.result(30) == sign_frames(data)
            else:
                with pytest.raises(BrokenImageError):
                    each.result(30)
    assert len(signer.signed) == 1


def test_a_known_image_is_matched_again(service: Service, site: OddSite) -> None:
    """The bank may have grown since the image was signed."""
    signer = Signer()
    looker = type(service.looker)(
        service.fetcher, images_per_page=9, sign=KnownImages(signer).sign_frames
    )
    scanner = service.another_scanner(looker=looker)
    data = jpeg(MINE)
    for number in range(3):
        if number == 2:
            service.open_case(MINE)
        service.scan(site.add_image(f"/{number}.jpg", data))
        assert scanner.work_once()
    assert len(signer.signed) == 1
    assert [each.image_url for each in service.matches()] == [f"{site.url}/2.jpg"]
