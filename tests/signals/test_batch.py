"""A batch on many threads gives the same results as its images one by one, in order."""

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hashsvc.signals import (
    ImageError,
    ImageTooLargeError,
    Limits,
    Signature,
    sign_image,
    sign_images,
)
from hashsvc.signals.profiles import WIDE_PHASH
from tests.conftest import generated_photo, jpeg
from tests.signals.forged import bombs, saved

SMALL = [jpeg(generated_photo(seed, (160, 120))) for seed in range(4)]
DATAS = [
    *SMALL,
    # This image takes longer than those after it.
    saved(generated_photo(9, (1600, 1200)), "PNG"),
    saved(Image.new("L", (1, 1)), "GIF"),
    SMALL[0][:300],
    bombs()["png"],
    b"",
    b"no image",
]


def comparable(result: Signature | ImageError) -> object:
    """Return a signature, or the type and message of an error."""
    return (type(result), str(result)) if isinstance(result, ImageError) else result


def alone(data: bytes) -> object:
    try:
        return sign_image(data)
    except ImageError as error:
        return comparable(error)


EXPECTED = [alone(data) for data in DATAS]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, len(DATAS) - 1), max_size=12), st.integers(1, 4))
def test_a_batch_equals_its_images_one_by_one(numbers: list[int], workers: int) -> None:
    found = sign_images((DATAS[number] for number in numbers), workers=workers)
    assert [comparable(each) for each in found] == [EXPECTED[number] for number in numbers]


def test_a_bad_image_does_not_affect_others() -> None:
    found = list(sign_images(DATAS))
    assert [isinstance(each, Signature) for each in found] == [True] * 6 + [False] * 4


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_no_more_is_read_than_the_threads_need(workers: int) -> None:
    read = 0

    def datas() -> Iterator[bytes]:
        nonlocal read
        for _ in range(100):
            read += 1
            yield SMALL[0]

    found = sign_images(datas(), workers=workers)
    assert read == 0
    for taken in range(1, 6):
        next(found)
        assert read <= taken + 2 * workers
    found.close()
    assert read <= 5 + 2 * workers
    assert not [each for each in threading.enumerate() if each.name.startswith("sign")]


def test_as_many_images_are_signed_at_once_as_there_are_workers() -> None:
    seen: set[str] = set()

    def datas() -> Iterator[bytes]:
        for _ in range(12):
            seen.update(each.name for each in threading.enumerate() if "sign" in each.name)
            yield SMALL[1]

    assert len(list(sign_images(datas(), workers=3))) == 12
    assert len(seen) == 3


def test_an_error_while_reading_is_raised() -> None:
    def datas() -> Iterator[bytes]:
        yield from SMALL[:2]
        raise OSError("gone")

    found = sign_images(datas(), workers=1)
    with pytest.raises(OSError, match="gone"):
        list(found)


def test_its_options_are_those_of_sign_image() -> None:
    (found,) = sign_images([DATAS[4]], exact=True, also=[WIDE_PHASH])
    assert found == sign_image(DATAS[4], exact=True, also=[WIDE_PHASH])
    (found,) = sign_images([SMALL[0]], limits=Limits(max_pixels=100))
    assert isinstance(found, ImageTooLargeError)
