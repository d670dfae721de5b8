"""An alteration does what its name says, and depends only on the photo and the seed."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from benchmarks.alterations import (
    COUNTED,
    DEMONSTRATED,
    INTERFACES,
    SINGLES,
    Alteration,
    Scene,
    chained,
    opened,
    plain_pictures,
    random_chain,
)
from tests.conftest import generated_photo

PHOTOS = [generated_photo(seed, (300, 200)) for seed in range(9)]
STRANGERS = [generated_photo(seed, (200, 300)) for seed in range(20, 28)]
WHITE = Image.new("RGB", (600, 400), "white")

every = pytest.mark.parametrize("alteration", SINGLES, ids=lambda each: each.title)


def scene(image: Image.Image = PHOTOS[0], *others: Image.Image, seed: int = 1) -> Scene:
    return Scene(image, others or tuple(PHOTOS[1:]), np.random.default_rng(seed))


def titled(title: str) -> Alteration:
    return next(each for each in SINGLES if each.title == title)


def test_there_are_many_kinds_and_titles_are_unique() -> None:
    assert len({each.name for each in COUNTED}) >= 40
    assert len({each.title for each in SINGLES}) == len(SINGLES)
    # Each kind belongs to one family.
    assert len({(each.family, each.name) for each in SINGLES}) == len({e.name for e in SINGLES})


@every
def test_a_seed_always_gives_the_same_file_which_shows_no_more_photos_than_it_says(
    alteration: Alteration,
) -> None:
    before = PHOTOS[0].tobytes()
    data = alteration(scene())
    unseen = STRANGERS[alteration.shows :]
    again = alteration(scene(PHOTOS[0], *PHOTOS[1 : 1 + alteration.shows], *unseen))
    assert data == again
    assert PHOTOS[0].tobytes() == before
    assert opened(data).tobytes() != before


@pytest.mark.parametrize(
    "alteration", [each for each in SINGLES if each.shows], ids=lambda each: each.title
)
def test_the_other_photos_that_an_alteration_shows_are_visible(alteration: Alteration) -> None:
    seen = list(PHOTOS[1:])
    # Some pages are filled at random, so the last photo may be out of sight.
    at = 0 if alteration in INTERFACES else alteration.shows - 1
    seen[at] = STRANGERS[0]
    assert alteration(scene()) != alteration(scene(PHOTOS[0], *seen))


@every
def test_an_upright_photo_with_one_other_photo_can_be_altered(alteration: Alteration) -> None:
    picture = opened(alteration(scene(STRANGERS[0], PHOTOS[1])))
    assert min(picture.size) >= 40
    assert max(picture.size) <= 4096
    assert np.asarray(picture).std() > 2


@pytest.mark.parametrize("share", [1, 5, 10, 20, 30, 50, 60, 70, 80])
@pytest.mark.parametrize("seed", range(5))
def test_a_crop_removes_the_area_that_it_says(share: int, seed: int) -> None:
    cropped = titled(f"cropped, {share} % cut off").draw(scene(WHITE, seed=seed))
    removed = 100 * (1 - cropped.width * cropped.height / (WHITE.width * WHITE.height))
    assert abs(removed - share) < 0.5


@pytest.mark.parametrize("share", [5, 10, 20, 30])
def test_a_black_box_covers_the_area_that_it_says(share: int) -> None:
    boxed = np.asarray(titled(f"black box, {share} % of the area").draw(scene(WHITE)))
    assert abs(100 * (boxed < 128).mean() - share) < 0.5


@pytest.mark.parametrize("degrees", [1, 2, 5, 10, 30, 45])
@pytest.mark.parametrize("size", [(600, 400), (400, 600), (500, 500)])
def test_the_inner_rectangle_of_a_turned_photo_has_no_filled_corners(
    degrees: int, size: tuple[int, int]
) -> None:
    white = Image.new("RGB", size, "white")
    turned = titled(f"rotated and cropped, {degrees}°").draw(scene(white))
    assert (np.asarray(turned)[2:-2, 2:-2] > 200).all()
    if degrees <= 10:
        assert turned.width * turned.height > 0.5 * size[0] * size[1]


def test_a_chain_applies_its_steps_in_order() -> None:
    steps = (
        titled("mirrored"),
        titled("cropped, 20 % cut off"),
        titled("gif dithered, 32 colours"),
    )
    given = scene()
    step_by_step = given
    for step in steps[:2]:
        step_by_step = replace(step_by_step, image=opened(step(step_by_step)))
    last = steps[2](step_by_step)
    chain = chained(steps)
    assert chain(scene()) == last
    assert last.startswith(b"GIF8")
    assert chain.strength == "mirrored → cropped, 20 % cut off → gif dithered, 32 colours"


def test_random_chains_have_three_kinds_that_count() -> None:
    counted = {each.title: each.name for each in COUNTED}
    drawn: set[str] = set()
    for seed in range(500):
        chain = random_chain(np.random.default_rng(seed))
        names = [counted[step] for step in chain.strength.split(" → ")]
        assert len(set(names)) == 3
        drawn.update(names)
    assert drawn == set(counted.values())


def test_a_chain_shows_what_its_steps_show() -> None:
    assert chained((titled("mirrored"), titled("quarter, squares"))).shows == 3


def test_crops_beyond_half_and_ninths_are_not_counted() -> None:
    apart = {each.title for each in SINGLES} - {each.title for each in COUNTED}
    assert {f"cropped, {share} % cut off" for share in (60, 70, 80)} <= apart
    assert {"ninth, squares", "inverted"} <= apart


def test_no_two_plain_pictures_are_the_same() -> None:
    pictures = plain_pictures(np.random.default_rng(3))
    assert len(pictures) >= 40
    assert len({picture.tobytes() for picture in pictures.values()}) == len(pictures)
    again = plain_pictures(np.random.default_rng(3))
    assert all(picture.tobytes() == again[name].tobytes() for name, picture in pictures.items())


def test_the_demonstration_has_nine_alterations() -> None:
    assert [(each.name, each.by_whole) for each in DEMONSTRATED] == [
        ("recompressed", True),
        ("resized", True),
        ("mirrored", True),
        ("turned", True),
        ("bordered", False),
        ("cropped", False),
        ("captioned", False),
        ("screenshotted", False),
        ("collaged", False),
    ]
    for each in DEMONSTRATED:
        assert each(PHOTOS[0], PHOTOS[1]).startswith(b"\xff\xd8\xff")
