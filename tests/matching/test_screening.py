"""The screen finds turned, mirrored and cropped copies of listed images, and no other images."""

import random

import pytest
from PIL import Image, ImageOps

from hashsvc.bank import ImageList, Listed, Lists, NotSubmittableError, common_images
from hashsvc.matching import Screen
from hashsvc.signals import PDQ, REGION, Signal, Signature, View, ViewedSignal, sign_image
from hashsvc.store import Database
from hashsvc.store.ids import LabelId
from tests.conftest import generated_photo, jpeg
from tests.helpers.set_clock import SetClock
from tests.matching.signatures import flipped


@pytest.fixture
def lists(database: Database) -> Lists:
    return Lists(database, SetClock())


@pytest.fixture
def screen() -> Screen:
    return Screen()


def listed_for(screen: Screen, database: Database, signature: Signature) -> Listed | None:
    with database.read() as connection:
        return screen(connection, signature)


def made(*signals: tuple[str, bytes]) -> Signature:
    return Signature(
        100, tuple(ViewedSignal(Signal(name, code), View.WHOLE) for name, code in signals)
    )


@pytest.mark.parametrize(("bits", "like"), [(0, True), (31, True), (32, False)])
@pytest.mark.parametrize("kind", ImageList)
def test_whole_images_are_alike_within_the_threshold(
    screen: Screen, database: Database, lists: Lists, kind: ImageList, bits: int, like: bool
) -> None:
    rng = random.Random(1)
    code = rng.randbytes(32)
    label = lists.add(kind, made((PDQ.name, code)), actor="test")
    found = listed_for(screen, database, made((PDQ.name, flipped(code, bits, rng))))
    assert found == (Listed(kind, label) if like else None)


@pytest.mark.parametrize(("shared", "like"), [(5, False), (6, True)])
def test_parts_are_alike_when_enough_regions_are_near(
    screen: Screen, database: Database, lists: Lists, shared: int, like: bool
) -> None:
    rng = random.Random(2)
    codes = [rng.randbytes(32) for _ in range(40)]
    regions = [(REGION.name, code) for code in codes]
    label = lists.add(
        ImageList.PROTECTED, made((PDQ.name, rng.randbytes(32)), *regions), actor="test"
    )
    others = [(REGION.name, rng.randbytes(32)) for _ in range(30)]
    near = [(REGION.name, flipped(code, 60, rng)) for code in codes[:shared]]
    far = [(REGION.name, flipped(codes[20], 69, rng))]
    content = made((PDQ.name, rng.randbytes(32)), *others, *near, *far)
    found = listed_for(screen, database, content)
    assert found == (Listed(ImageList.PROTECTED, label) if like else None)


def test_copies_of_a_listed_photo_are_found(
    screen: Screen, database: Database, lists: Lists
) -> None:
    photo = generated_photo(31, (800, 600))
    label = lists.add(ImageList.PROTECTED, sign_image(jpeg(photo)), actor="test")
    for copy in (
        photo,
        photo.resize((400, 300)),
        ImageOps.mirror(photo),
        photo.transpose(Image.Transpose.ROTATE_90),
    ):
        found = listed_for(screen, database, sign_image(jpeg(copy, 60)).whole())
        assert found == Listed(ImageList.PROTECTED, label)
    for seed in range(40, 44):
        other = sign_image(jpeg(generated_photo(seed))).whole()
        assert listed_for(screen, database, other) is None


def test_a_change_of_a_list_takes_effect_at_once(
    screen: Screen, database: Database, lists: Lists
) -> None:
    rng = random.Random(3)
    first, second = (made((PDQ.name, rng.randbytes(32))) for _ in range(2))
    assert listed_for(screen, database, first) is None
    one = lists.add(ImageList.PROTECTED, first, actor="test")
    assert listed_for(screen, database, first) == Listed(ImageList.PROTECTED, one)
    lists.remove(ImageList.PROTECTED, one, actor="test")
    # The list has as many images as before.
    two = lists.add(ImageList.PROTECTED, second, actor="test")
    assert listed_for(screen, database, first) is None
    assert listed_for(screen, database, second) == Listed(ImageList.PROTECTED, two)


def test_an_image_on_both_lists_is_common(screen: Screen, database: Database, lists: Lists) -> None:
    signature = made((PDQ.name, bytes(range(32))))
    lists.add(ImageList.PROTECTED, signature, actor="test")
    label = lists.add(ImageList.COMMON, signature, actor="test")
    assert listed_for(screen, database, signature) == Listed(ImageList.COMMON, label)


def test_a_listed_image_needs_pdq(lists: Lists) -> None:
    with pytest.raises(NotSubmittableError, match="pdq1"):
        lists.add(ImageList.COMMON, made((REGION.name, bytes(32))), actor="test")


def test_only_the_signals_used_for_screening_are_kept(lists: Lists, database: Database) -> None:
    signature = sign_image(jpeg(generated_photo(31)))
    lists.add(ImageList.COMMON, signature, actor="test")
    (image,) = lists.images(ImageList.COMMON)
    poses = [each for each in signature.signals if each.signal.profile is PDQ]
    kept = [each for each in signature.whole().signals if each.signal.profile is REGION]
    assert image.signals == len(poses) + len(kept)
    assert lists.images(ImageList.PROTECTED) == []


# --- the list shipped with the service --------------------------------------------------------


def test_the_list_has_some_hundred_images() -> None:
    images = common_images()
    assert len(images) > 250
    assert len({each.signal for each in images}) == len(images)


def test_a_share_of_the_steady_bits_may_differ(screen: Screen, database: Database) -> None:
    rng = random.Random(4)
    image = next(each for each in common_images() if int.from_bytes(each.steady).bit_count() == 128)
    steady = int.from_bytes(image.steady)
    places = [bit for bit in range(256) if steady >> bit & 1]
    noise = [bit for bit in range(256) if not steady >> bit & 1]
    for count, like in ((15, True), (16, False)):
        number = int.from_bytes(image.signal.code)
        for bit in [*rng.sample(places, count), *rng.sample(noise, 64)]:
            number ^= 1 << bit
        found = listed_for(screen, database, made((PDQ.name, number.to_bytes(32))))
        assert (found is not None) is like


def test_photographs_are_not_common(screen: Screen, database: Database) -> None:
    for seed in range(10):
        signature = sign_image(jpeg(generated_photo(seed, (320, 240)))).whole()
        assert listed_for(screen, database, signature) is None


def test_a_label_is_a_random_id(lists: Lists) -> None:
    label = lists.add(ImageList.COMMON, made((PDQ.name, bytes(32))), actor="test")
    assert len(bytes.fromhex(label)) == 16
    assert LabelId(label) == lists.images(ImageList.COMMON)[0].label
