"""The common images are those that the command draws, and are recognised in other files."""

import io
import itertools
import json
from importlib.resources import files
from typing import Any

import PIL
import pytest
from PIL import Image

from benchmarks.shipped import draw_common
from hashsvc.bank import ImageList, Listed
from hashsvc.matching import Screen
from hashsvc.signals import PDQ, Signature, View, ViewedSignal, sign_image
from hashsvc.store import Database
from tests.helpers.common_images import COMMON_IMAGES, common_image

COMMON = Listed(ImageList.COMMON, None)
RENDITIONS = [((300, 300), 70), ((640, 480), 85), ((450, 450), 40), ((600, 800), 75)]
"""Sizes and JPEG qualities other than those with which the steady bits were found."""


@pytest.fixture
def screen() -> Screen:
    """Return a screen whose lists are empty, except for the common images."""
    return Screen()


def listed_as(screen: Screen, database: Database, signature: Signature) -> Listed | None:
    """Return which listed image a signature is similar to; None if there is none."""
    with database.read() as connection:
        return screen(connection, signature)


def listed_file() -> dict[str, Any]:
    """Return the file that is shipped."""
    text = (files("hashsvc.bank") / "data" / "common.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def test_the_list_is_what_its_command_draws() -> None:
    """Only every ninth image is signed again, because signing all takes too long."""
    before = listed_file()
    assert (
        before["made_by"]
        == "python -m benchmarks.shipped.draw_common > hashsvc/bank/data/common.json"
    )
    kept = {each["image"]: each for each in before["images"]}
    drawn = list(draw_common.images())
    assert len(drawn) == before["drawn"]
    for name, image in drawn[::9]:
        code, quality = draw_common.signed(image)
        assert (quality >= PDQ.min_quality) == (name in kept)
        if name in kept and before["pillow"] == PIL.__version__:
            made = {"signal": str(code), "steady": draw_common.steady_bits(image).hex()}
            assert {key: kept[name][key] for key in made} == made


def test_common_images_are_known_in_other_sizes_and_files(
    screen: Screen, database: Database
) -> None:
    """At least 70 % are known; the others, mostly stripes and rings, have too few steady bits."""
    known = tried = 0
    for _, image in itertools.islice(draw_common.images(), 0, None, 7):
        for size, quality in RENDITIONS:
            code, enough = draw_common.signed(draw_common.rendition(image, size, quality))
            if enough >= PDQ.min_quality:
                tried += 1
                found = listed_as(
                    screen, database, Signature(100, (ViewedSignal(code, View.WHOLE),))
                )
                known += found == COMMON
    assert tried > 100
    assert known / tried > 0.7


@pytest.mark.parametrize("name", ["letter A", "letter R", "smiling face", "arrow", "star, 5, 0.16"])
def test_icons_are_known_by_their_steady_bits(
    screen: Screen, database: Database, name: str
) -> None:
    image = dict(draw_common.images())[name]
    for size, quality in RENDITIONS:
        file = io.BytesIO()
        draw_common.rendition(image, size, quality).save(file, "JPEG", quality=quality)
        found = listed_as(screen, database, sign_image(file.getvalue()).whole())
        assert found == COMMON


@pytest.mark.parametrize("name", COMMON_IMAGES)
def test_the_images_that_other_tests_submit_are_drawn_by_the_command(name: str) -> None:
    drawn = dict(draw_common.images())[name]
    with Image.open(io.BytesIO(common_image(name))) as kept:
        assert (kept.mode, kept.size, kept.tobytes()) == (drawn.mode, drawn.size, drawn.tobytes())
