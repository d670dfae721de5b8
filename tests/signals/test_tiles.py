"""Large HEIF and AVIF photographs are decoded tile by tile, to the pixels of a whole decode."""

import contextlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hashsvc.signals import BrokenImageError, ImageTooLargeError, Limits, sign_image
from hashsvc.signals import decode as decoding
from hashsvc.signals.decode import decode
from hashsvc.signals.tiles import read_grid
from tests.conftest import generated_photo
from tests.signals.forged import saved
from tests.signals.heif_grid import heif_grid, imir, irot

PHOTO = generated_photo(3, (700, 500))
TURNS = {
    "upright": b"",
    "turned": irot(1),
    "upside-down": irot(2),
    "turned-back": irot(3),
    "top-bottom": imir(0),
    "left-right": imir(1),
    "both": irot(1) + imir(0),
    "both-other": irot(3) + imir(1),
}


@pytest.fixture
def tile_by_tile(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    def set_limit(pixels: int) -> None:
        monkeypatch.setattr(decoding, "MOST_COPIED_PIXELS", pixels)

    return set_limit


def pixels(data: bytes, limits: Limits | None = None) -> NDArray[np.int64]:
    (image,) = decode(data, limits or Limits())
    return np.asarray(image.convert("RGB")).astype(np.int64)


@pytest.mark.parametrize("form", ["HEIF", "AVIF"])
@pytest.mark.parametrize("turn", TURNS)
def test_the_tiles_give_the_pixels_of_the_library(
    form: str, turn: str, tile_by_tile: Callable[[int], None]
) -> None:
    data = heif_grid(PHOTO, 256, turns=TURNS[turn], form=form)
    whole = pixels(data)
    tile_by_tile(700 * 500 - 1)
    joined = pixels(data)
    assert joined.shape == whole.shape
    assert abs(joined - whole).mean() < 0.1


def test_small_grids_and_other_images_are_left_to_the_library() -> None:
    assert read_grid(saved(PHOTO, "HEIF")) is None
    assert read_grid(saved(PHOTO, "AVIF")) is None
    grid = read_grid(heif_grid(PHOTO, 256))
    assert grid is not None
    assert (grid.size, grid.columns, len(grid.tiles)) == ((700, 500), 3, 6)


def test_a_large_grid_is_reduced_and_takes_little_memory(
    tile_by_tile: Callable[[int], None],
) -> None:
    photo = generated_photo(3, (2560, 2048))
    data = heif_grid(photo, 512)
    tile_by_tile(2560 * 2048 - 1)
    assert pixels(data).shape == (1024, 1280, 3)
    there, here = sign_image(data), sign_image(saved(photo, "PNG"))
    assert there.signals[0].signal.distance(here.signals[0].signal) <= 10


def test_a_grid_may_have_eight_times_as_many_pixels_as_others(
    tile_by_tile: Callable[[int], None],
) -> None:
    data = heif_grid(PHOTO, 256)
    tile_by_tile(700 * 500 - 1)
    assert pixels(data, Limits(max_pixels=700 * 500)).size
    with pytest.raises(ImageTooLargeError, match="350000 pixels; the limit is 349992"):
        pixels(data, Limits(max_pixels=700 * 500 // 8 - 1))


GRID = heif_grid(PHOTO, 256)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 1200), st.integers(0, 255), st.integers(0, len(GRID)))
def test_damaged_grids_end_in_pixels_or_a_typed_error(at: int, byte: int, end: int) -> None:
    data = GRID[:at] + bytes([byte]) + GRID[at + 1 :]
    for each in (data, data[:end]):
        grid = read_grid(each)
        assert grid is None or len(grid.tiles) <= 4096


def test_damaged_tiles_crash_no_worker(tile_by_tile: Callable[[int], None]) -> None:
    tile_by_tile(1)
    for at in range(len(GRID) // 4, len(GRID), 2000):
        for data in (GRID[:at], GRID[:at] + bytes(200) + GRID[at + 200 :]):
            with contextlib.suppress(BrokenImageError):
                assert pixels(data).shape == (500, 700, 3)
