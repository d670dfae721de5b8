"""Frames of a film are signed in the sandbox, within its limits; damaged films do no harm."""

import io
import random
from collections.abc import Iterator
from typing import Any

import av
import numpy as np
import pytest

from hashsvc.matching import Tier, compare
from hashsvc.signals import (
    BrokenImageError,
    ImageError,
    ImageTooLargeError,
    Limits,
    NotAnImageError,
    Sandbox,
    sign_frames,
    sign_image,
    video,
)
from hashsvc.signals.video import film_frames, is_film, signs_films
from tests.conftest import generated_photo, jpeg
from tests.helpers.films import SIZE, film

PICTURES = [generated_photo(seed, SIZE) for seed in range(4)]
ONE_KEY_FRAME: dict[str, str] = {"g": "9999", "sc_threshold": "0"}
FILMS = {
    "MPEG-4": ("mp4", "mpeg4"),
    "H.264": ("mp4", "libx264"),
    "QuickTime": ("mov", "mjpeg"),
    "VP8": ("webm", "libvpx"),
    "VP9": ("webm", "libvpx-vp9"),
    "Matroska": ("matroska", "libx264"),
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits(max_frames=8)) as opened:
        yield opened


@pytest.mark.parametrize(("form", "codec"), FILMS.values(), ids=FILMS.keys())
def test_each_picture_of_a_film_is_found(form: str, codec: str, sandbox: Sandbox) -> None:
    data = film(*PICTURES, form=form, codec=codec)
    assert is_film(data)
    frames = sandbox.sign_frames(data)
    assert 4 <= len(frames) <= 8
    for picture in PICTURES:
        content = sign_image(jpeg(picture)).whole()
        assert Tier.CERTAIN in [compare(content, frame).tier for frame in frames]
    stranger = sign_image(jpeg(generated_photo(9))).whole()
    assert {compare(stranger, frame).tier for frame in frames} == {None}


def test_signing_outside_the_sandbox_gives_the_same(sandbox: Sandbox) -> None:
    data = film(*PICTURES)
    assert sign_frames(data) == sandbox.sign_frames(data)


@pytest.mark.parametrize("most", [1, 3, 5])
def test_at_most_max_frames_are_sampled(most: int) -> None:
    data = film(*PICTURES)
    assert len(list(film_frames(data, Limits(max_frames=most)))) == most


def test_a_film_with_one_key_frame_is_sampled_over_its_whole_length() -> None:
    """Only the first frame can be decoded by itself; the pictures change each second."""
    data = film(*PICTURES, codec="libx264", form="matroska", options=ONE_KEY_FRAME)
    frames = list(film_frames(data, Limits()))
    assert len(frames) == 8
    shown = [np.asarray(each.resize((8, 6))).astype(int) for each in frames]
    pictures = [np.asarray(each.resize((8, 6))).astype(int) for each in PICTURES]
    nearest = [
        min(range(4), key=lambda number: np.abs(pictures[number] - each).mean()) for each in shown
    ]
    assert nearest == [0, 0, 1, 1, 2, 2, 3, 3]


def test_a_film_that_is_slow_to_decode_gives_fewer_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    data = film(*PICTURES, codec="libx264", form="matroska", options=ONE_KEY_FRAME)
    decoded = 0
    frame_at = video.frame_at

    def count(frames: Iterator[Any], *arguments: Any) -> Any:
        def counted() -> Iterator[Any]:
            nonlocal decoded
            for frame in frames:
                decoded += 1
                yield frame

        return frame_at(counted(), *arguments)

    monkeypatch.setattr(video, "frame_at", count)
    monkeypatch.setattr(video, "MAX_FILM_PIXELS", 8 * 5 * SIZE[0] * SIZE[1])
    assert 1 <= len(list(film_frames(data, Limits()))) < 8
    assert decoded <= 8 * 5


def test_a_film_of_one_frame_has_one() -> None:
    assert len(list(film_frames(film(PICTURES[0], each=1), Limits()))) == 1


def test_a_large_film_is_made_smaller() -> None:
    (frame,) = film_frames(film(PICTURES[0], each=1, size=(2560, 1440)), Limits())
    assert frame.size == (1280, 720)


def test_a_film_over_a_limit_is_refused() -> None:
    data = film(PICTURES[0], each=1)
    for limits in (Limits(max_pixels=320 * 240 - 1), Limits(max_bytes=len(data) - 1)):
        with pytest.raises(ImageTooLargeError):
            list(film_frames(data, limits))
    assert len(list(film_frames(data, Limits(max_pixels=320 * 240, max_bytes=len(data))))) == 1


def test_sound_alone_is_refused() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 44100
        for packet in (*stream.encode(frame), *stream.encode()):
            container.mux(packet)
    with pytest.raises(BrokenImageError):
        list(film_frames(file.getvalue(), Limits()))


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1", b"avif", b"avis", b"msf1"])
def test_images_in_the_same_container_are_not_films(brand: bytes) -> None:
    assert not is_film(b"\0\0\0\x18ftyp" + brand + bytes(100))


def test_other_files_are_not_films() -> None:
    for data in (b"", b"<html>", jpeg(PICTURES[0]), b"OggS" + bytes(99), b"#EXTM3U\nhttp://a/"):
        assert not is_film(data)
        if not data.startswith(b"\xff"):
            with pytest.raises(NotAnImageError):
                sign_frames(data)


@pytest.mark.parametrize(("form", "codec"), [("mp4", "libx264"), ("webm", "libvpx")])
def test_damaged_films_end_in_an_error_or_in_fewer_frames(
    form: str, codec: str, sandbox: Sandbox
) -> None:
    whole = film(*PICTURES[:2], form=form, codec=codec, each=4)
    rng = random.Random(7)
    for number in range(30):
        data = bytearray(whole)
        if number % 3 == 0:
            del data[rng.randrange(12, len(data)) :]
        else:
            for _ in range(rng.choice((1, 20, 400))):
                data[rng.randrange(12, len(data))] = rng.randrange(256)
        try:
            assert 1 <= len(sandbox.sign_frames(bytes(data))) <= 8
        except ImageError:
            continue
    assert len(sandbox.sign_frames(whole)) >= 2


def test_this_service_signs_films() -> None:
    assert signs_films()
