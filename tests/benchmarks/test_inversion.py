"""The scores follow from the rebuilt pixels, and a PDQ alone is enough for a similar picture."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.inversion.__main__ import main
from benchmarks.inversion.attacks import (
    Inverse,
    Pooled,
    Ridge,
    in_all_poses,
    pdq_signs,
    rebuilt_patches,
    rebuilt_wholes,
)
from benchmarks.inversion.pictures import SIDE, Pictures, patches_of, signs, stored, thumbnail
from benchmarks.inversion.scores import Score, score
from hashsvc.signals import PDQ, View
from hashsvc.signals.pdq import luma_of, pdq, pdq_poses
from hashsvc.signals.regions import region_codes
from tests.conftest import generated_photo, jpeg
from tests.helpers.photos import Photo

POSES: list[View] = [view for view in View if view not in {View.TRIMMED, View.PART}]
LEARNT, ATTACKED = 40, 12
SIZE = (240, 200)


def photos(first: int, count: int) -> list[Photo]:
    images = [generated_photo(seed, SIZE) for seed in range(first, first + count)]
    return [Photo("", jpeg(image), image) for image in images]


def busy(seed: int) -> Image.Image:
    """Return a picture of clouds of every size, which has many regions."""
    rng, size = np.random.default_rng(seed), (640, 480)
    clouds = np.zeros(size[::-1])
    for cells in (8, 16, 32, 64, 128):
        noise = Image.fromarray(rng.normal(size=(cells, cells)).astype(np.float32))
        clouds += np.asarray(noise.resize(size, Image.Resampling.BICUBIC)) / cells
    return Image.fromarray(np.uint8(np.clip(clouds * 400 + 128, 0, 255)))


@pytest.fixture(scope="module")
def learnt() -> Pictures:
    return stored(photos(0, LEARNT))


@pytest.fixture(scope="module")
def attacked() -> Pictures:
    return stored(photos(LEARNT, ATTACKED))


@pytest.fixture(scope="module")
def many() -> Pictures:
    """So many photos that one of them decides no test."""
    return stored(photos(LEARNT, 4 * ATTACKED))


@pytest.fixture(scope="module")
def rebuilt_many(learnt: Pictures, many: Pictures) -> dict[str, np.ndarray]:
    return rebuilt_wholes(learnt, many, np.random.default_rng(1))


@pytest.fixture(scope="module")
def rebuilt(learnt: Pictures, attacked: Pictures) -> dict[str, np.ndarray]:
    return rebuilt_wholes(learnt, attacked, np.random.default_rng(1))


def pictures(seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, SIDE * SIDE))


def top_1_of(found: Score) -> float:
    """Return the share of rebuilt thumbnails that are nearest to their own photograph's."""
    assert found.top_1 is not None
    return found.top_1


def all_figures(found: object) -> Sequence[float]:
    names = ("correlation_median", "correlation_p90", "ssim_median", "ssim_p90", "top_1")
    return [getattr(found, name) for name in names]


@pytest.mark.parametrize(("contrast", "brightness"), [(1, 0), (0.1, 0), (30, 128)])
def test_a_perfect_picture_scores_one_in_any_contrast(contrast: float, brightness: float) -> None:
    true = pictures(1, 20)
    assert all_figures(score("", contrast * true + brightness, true)) == pytest.approx([1] * 5)


def test_noise_scores_about_nothing() -> None:
    found = score("", pictures(1, 200), pictures(2, 200))
    assert found.correlation_median == pytest.approx(0, abs=0.01)
    assert found.ssim_median == pytest.approx(0, abs=0.02)
    assert top_1_of(found) <= 0.03


def test_a_negative_does_not_count_as_similar() -> None:
    true = pictures(1, 20)
    found = score("", -true, true)
    assert found.correlation_p90 == pytest.approx(-1)
    assert found.top_1 == 0


def test_the_figures_are_those_of_the_share_that_was_rebuilt() -> None:
    true = pictures(1, 20)
    half = np.where(np.arange(20)[:, None] < 5, true, pictures(2, 20))
    found = score("", half, true)
    assert found.correlation_p90 == pytest.approx(1)
    assert found.correlation_median < 0.1
    assert 0.25 <= top_1_of(found) <= 0.35


def test_the_figures_of_a_blank_picture_are_finite() -> None:
    true = pictures(1, 5)
    assert np.isfinite(all_figures(score("", np.full_like(true, 7), true))).all()
    assert np.isfinite(all_figures(score("", true, np.zeros_like(true)))).all()


@pytest.mark.parametrize("view", POSES)
def test_signs_and_thumbnails_turn_together(view: View) -> None:
    image = generated_photo(3, (256, 256))
    codes = {
        pose: np.frombuffer(code, np.uint8)
        for pose, code in pdq_poses(np.asarray(image))[0].items()
    }
    one = Pictures(
        groups=np.zeros(1, np.int64),
        thumbnails=thumbnail(image)[None],
        whole=signs(codes[View.WHOLE][None]),
        regions=[],
    )
    signed, seen, _ = in_all_poses(one)
    at = POSES.index(view)
    # Turned signs are less exact than the signs of turned pixels. By chance, 128 would differ.
    assert np.count_nonzero(signed[at] != pdq_signs(signs(codes[view][None]))[0]) < 64
    grey = np.uint8(np.clip(seen[at].reshape(SIDE, SIDE) * 50 + 128, 0, 255))
    large = Image.fromarray(grey).resize((256, 256), Image.Resampling.BICUBIC)
    own = np.frombuffer(pdq(np.asarray(large))[0], np.uint8)
    distances = {pose: int(np.bitwise_count(own ^ code).sum()) for pose, code in codes.items()}
    assert min(distances, key=lambda pose: distances[pose]) == view


def test_the_inverse_of_a_wave_is_the_wave() -> None:
    down, across = 3, 5
    place = np.pi / SIDE * (np.arange(SIDE) + 0.5)
    wave = np.outer(np.cos(down * place), np.cos(across * place)).reshape(1, -1)
    signed = np.random.default_rng(1).choice([-1.0, 1.0], (2, 256))
    signed[0, (down - 1) * 16 + across - 1] = 1
    signed[1] = -signed[0]
    inverse = Inverse(signed, np.concatenate([wave, -wave]), first=1)
    assert np.allclose(inverse(signed), np.concatenate([wave, -wave]))


def test_a_linear_rule_is_learnt() -> None:
    rng = np.random.default_rng(1)
    given, rule = rng.normal(size=(300, 10)), rng.normal(size=(10, 4))
    learnt = Ridge(given, given @ rule + 3, np.arange(300) // 3, rng)
    new = rng.normal(size=(5, 10))
    assert np.allclose(learnt(new), new @ rule + 3, atol=0.1)


def test_noise_teaches_nothing_but_the_mean() -> None:
    rng = np.random.default_rng(1)
    learnt = Ridge(rng.normal(size=(60, 50)), rng.normal(size=(60, 4)) + 3, np.arange(60), rng)
    assert np.abs(learnt(rng.normal(size=(200, 50))) - 3).mean() < 0.5


def test_pooled_features_do_not_depend_on_the_order_of_codes(learnt: Pictures) -> None:
    pooled = Pooled(learnt.regions, np.random.default_rng(1))
    *_, other_one, one = sorted(learnt.regions, key=len)
    assert len(one) > 3
    same, other, empty = pooled([one[::-1], other_one, one[:0]])
    assert np.allclose(pooled([one])[0], same)
    assert not np.allclose(pooled([one])[0], other)
    assert np.isfinite(empty).all()


def test_patches_belong_to_the_kept_codes() -> None:
    image = busy(1)
    found = patches_of(image)
    assert np.array_equal(found.codes, region_codes(luma_of(np.asarray(image))).kept)
    assert len(found.codes) > 20
    # Make the code as signals/regions.py does: centre and weight the pixels, and take the signs of
    # low frequencies.
    place = (np.arange(SIDE) - 15.5) / 16
    weights = np.exp(-(place[:, None] ** 2 + place**2) / (2 * 0.6**2))
    cosines = np.cos(np.pi / SIDE * (np.arange(SIDE) + 0.5) * np.arange(16)[:, None])
    for code, pixels in zip(found.codes, found.pixels.reshape(-1, SIDE, SIDE), strict=True):
        weighed = (pixels - (pixels * weights).sum() / weights.sum()) * weights
        own = np.packbits((cosines @ weighed @ cosines.T).ravel() > 0)
        assert np.bitwise_count(own ^ code).sum() <= 3


def test_a_patch_is_rebuilt_from_its_code() -> None:
    found = patches_of(busy(1))
    learnt = [patches_of(busy(seed)) for seed in range(2, 8)]
    rebuilt = rebuilt_patches(learnt, found, np.random.default_rng(1))
    mean = score("", rebuilt["mean patch (no code)"], found.pixels)
    for attack in ("reg1 patch inverse transform", "reg1 patch ridge"):
        right = score("", rebuilt[attack], found.pixels)
        assert right.correlation_median > mean.correlation_median + 0.15, attack
        assert top_1_of(right) > 0.3, attack


@pytest.mark.parametrize("attack", ["pdq1 inverse transform", "pdq1 ridge"])
def test_pdq_shows_more_of_unseen_photos_than_the_mean(
    attack: str, rebuilt: dict[str, np.ndarray], attacked: Pictures
) -> None:
    found = score(attack, rebuilt[attack], attacked.thumbnails)
    mean = score("mean", rebuilt["mean thumbnail (no code)"], attacked.thumbnails)
    assert found.correlation_median > mean.correlation_median + 0.15
    assert found.ssim_median > mean.ssim_median + 0.03
    assert top_1_of(found) > 0.8


@pytest.mark.parametrize(
    ("attack", "least"), [("pdq1+phash1+dhash1 ridge", 0.5), ("all signals ridge", 0.25)]
)
def test_more_signals_tell_the_unseen_photos_apart(
    attack: str, least: float, many: Pictures, rebuilt_many: dict[str, np.ndarray]
) -> None:
    """Of 48 photos, chance tells one apart."""
    found = score(attack, rebuilt_many[attack], many.thumbnails)
    assert found.correlation_median > 0.25
    assert top_1_of(found) > least


def test_the_nearest_is_the_photo_itself_where_it_was_learnt_from(learnt: Pictures) -> None:
    chosen = [number for number, each in enumerate(learnt.regions) if len(each) >= 3]
    assert len(chosen) >= 5
    some = Pictures(
        learnt.groups[chosen],
        learnt.thumbnails[chosen],
        learnt.whole[chosen],
        [learnt.regions[number] for number in chosen],
    )
    rebuilt = rebuilt_wholes(learnt, some, np.random.default_rng(1))
    for attack in (
        "pdq1 nearest photo",
        "reg1 most shared regions",
        "reg1 smallest mean distance",
    ):
        assert score(attack, rebuilt[attack], some.thumbnails).top_1 == 1, attack


def test_the_command_writes_figures_and_a_sheet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder, (first, count) in {"mine": (0, 5), "theirs": (5, 5)}.items():
        (tmp_path / folder).mkdir()
        for number, photo in enumerate(photos(first, count)):
            (tmp_path / folder / f"{number}.jpg").write_bytes(photo.data)
    (tmp_path / "theirs" / "note.txt").write_text("no image")
    folders = ["--photos", str(tmp_path / "mine"), "--photos", str(tmp_path / "theirs")]
    out, sheet = tmp_path / "figures.json", tmp_path / "sheet.png"
    files = ["--json", str(out), "--plot", str(sheet)]
    assert main([*folders, "--crops", "1", "--seed", "3", *files]) == 0
    figures = json.loads(out.read_text())
    assert figures["seed"] == 3
    assert figures["attacked"] == 5
    assert figures["nearest_learnt_pdq_bits"] > PDQ.threshold
    assert "--seed 3" in figures["command"]
    assert {each["n"] for each in figures["scores"]} > {5}
    printed = capsys.readouterr().out
    assert all(each["attack"] in printed for each in figures["scores"])
    with Image.open(sheet) as drawn:
        # The sheet has a row for each attack, for the true thumbnails and for the true patches.
        assert drawn.height == 100 * (len(figures["scores"]) + 2)


def test_too_few_photos_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "one.jpg").write_bytes(jpeg(generated_photo(1)))
    with pytest.raises(SystemExit):
        main(["--photos", str(tmp_path)])
    assert "too few photos" in capsys.readouterr().err


def test_photos_without_regions_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shades = Image.linear_gradient("L")
    for number in range(15):
        shades.rotate(90 * number).save(tmp_path / f"{number}.png")
    with pytest.raises(SystemExit):
        main(["--photos", str(tmp_path), "--crops", "0"])
    assert "too few regions" in capsys.readouterr().err
