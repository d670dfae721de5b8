"""PDQ gives the bits of Meta's reference, from pixels and from files, in every pose."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from hashsvc.matching import compare
from hashsvc.signals import View, sign_image
from hashsvc.signals.pdq import pdq, pdq_poses
from tests.conftest import generated_photo
from tests.signals.forged import saved
from tests.signals.poses import TURNED
from tests.vectors.make_pdq_formula import SIZES, pixels

VECTORS = Path(__file__).parents[1] / "vectors"
FORMULA = json.loads((VECTORS / "pdq_formula.json").read_text())
FILES = json.loads((VECTORS / "pdq" / "expected.json").read_text())["vectors"]


def differing(ours: bytes, theirs: str) -> int:
    return (int.from_bytes(ours) ^ int(theirs, 16)).bit_count()


@pytest.mark.parametrize("vector", FORMULA, ids=lambda each: f"{each['height']}x{each['width']}")
def test_pixels_give_the_reference_bits(vector: dict[str, Any]) -> None:
    code, quality = pdq(pixels(vector["height"], vector["width"]))
    # The reference derives the other poses from the upright image, which is less exact.
    assert code.hex() == vector["poses"][0]
    assert quality == vector["quality"]


def test_vectors_cover_small_odd_and_sampled_sizes() -> None:
    assert [(each["height"], each["width"]) for each in FORMULA] == list(SIZES)
    assert any(max(size) > 512 for size in SIZES)


@pytest.mark.parametrize("name", FILES)
def test_files_give_the_reference_bits(name: str) -> None:
    path, vector = VECTORS / "pdq" / name, FILES[name]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == vector["sha256"]
    with Image.open(path) as image:
        code, quality = pdq(np.asarray(image.convert("RGB")))
    # Meta's rule for another JPEG decoder is 10 bits where the quality is at least 80.
    allowed = 10 if vector["quality"] >= 80 else 40
    assert differing(code, vector["dihedral"]["original"]) <= allowed
    assert abs(quality - vector["quality"]) <= 2


@pytest.mark.parametrize("view", TURNED)
@given(
    height=st.integers(1, 700), width=st.integers(1, 700), grey=st.booleans(), seed=st.integers(0)
)
@example(height=133, width=200, grey=False, seed=1)
@example(height=512, width=513, grey=True, seed=1)
@settings(max_examples=15)
def test_each_pose_has_the_code_of_the_turned_pixels(
    view: View, height: int, width: int, grey: bool, seed: int
) -> None:
    shape = (height, width) if grey else (height, width, 3)
    noise = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    codes, quality = pdq_poses(noise)
    assert codes[view] == pdq(TURNED[view](noise))[0]
    assert (codes[View.WHOLE], quality) == pdq(noise)


def test_a_small_photo_that_was_mirrored_without_loss_is_certain() -> None:
    photo = generated_photo(3, (200, 133))
    mirrored = photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    evidence = compare(sign_image(saved(photo, "PNG")), sign_image(saved(mirrored, "PNG")))
    assert evidence.tier == "certain"
    (found,) = (
        each for each in evidence.findings if each.view is View.MIRROR and each.algorithm == "pdq1"
    )
    assert found.distance == 0


def test_a_plain_image_has_no_quality() -> None:
    assert pdq(np.full((100, 100), 77, dtype=np.uint8))[1] == 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (2, 2), (63, 65)])
def test_any_shape_has_a_code(shape: tuple[int, int]) -> None:
    codes, _ = pdq_poses(np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8))
    assert {len(code) for code in codes.values()} == {32}
