"""PDQ gives the bits of Meta's reference in every pose, from pixels and from files."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hashsvc.signals import View
from hashsvc.signals.pdq import pdq
from tests.conftest import generated_photo
from tests.signals.poses import REFERENCE
from tests.vectors.make_pdq_formula import SIZES, pixels

VECTORS = Path(__file__).parents[1] / "vectors"
FORMULA = json.loads((VECTORS / "pdq_formula.json").read_text())
FILES = json.loads((VECTORS / "pdq" / "expected.json").read_text())["vectors"]


def differing(ours: bytes, theirs: str) -> int:
    return (int.from_bytes(ours) ^ int(theirs, 16)).bit_count()


@pytest.mark.parametrize("vector", FORMULA, ids=lambda each: f"{each['height']}x{each['width']}")
def test_pixels_give_the_reference_bits(vector: dict[str, Any]) -> None:
    codes, quality = pdq(pixels(vector["height"], vector["width"]))
    ours = [codes[view].hex() for view in REFERENCE.values()]
    assert ours == vector["poses"]
    assert quality == vector["quality"]


def test_vectors_cover_small_odd_and_sampled_sizes() -> None:
    assert [(each["height"], each["width"]) for each in FORMULA] == list(SIZES)
    assert any(max(size) > 512 for size in SIZES)


@pytest.mark.parametrize("name", FILES)
def test_files_give_the_reference_bits(name: str) -> None:
    path, vector = VECTORS / "pdq" / name, FILES[name]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == vector["sha256"]
    with Image.open(path) as image:
        codes, quality = pdq(np.asarray(image.convert("RGB")))
    # Meta's rule for another JPEG decoder is 10 bits where the quality is at least 80.
    allowed = 10 if vector["quality"] >= 80 else 40
    for pose, theirs in vector["dihedral"].items():
        view = View.WHOLE if pose == "original" else REFERENCE[pose]
        assert differing(codes[view], theirs) <= allowed
    assert abs(quality - vector["quality"]) <= 2


TURNED = {
    View.ROT90: lambda pixels: np.rot90(pixels, 1),
    View.ROT180: lambda pixels: np.rot90(pixels, 2),
    View.ROT270: lambda pixels: np.rot90(pixels, 3),
    View.MIRROR: np.fliplr,
    View.MIRROR_ROT90: lambda pixels: np.rot90(np.fliplr(pixels), 1),
    View.MIRROR_ROT180: lambda pixels: np.rot90(np.fliplr(pixels), 2),
    View.MIRROR_ROT270: lambda pixels: np.rot90(np.fliplr(pixels), 3),
}


@pytest.mark.parametrize("view", TURNED)
def test_a_view_is_named_by_how_the_image_is_turned(view: View) -> None:
    """A view is named by counterclockwise quarter turns after mirroring left to right."""
    photo = np.asarray(generated_photo(5, (512, 512)))
    codes, _ = pdq(photo)
    really, _ = pdq(TURNED[view](photo))
    assert differing(codes[view], really[View.WHOLE].hex()) <= 20
    assert differing(codes[View.WHOLE], really[View.WHOLE].hex()) > 60


def test_a_plain_image_has_no_quality() -> None:
    assert pdq(np.full((100, 100), 77, dtype=np.uint8))[1] == 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (2, 2), (63, 65)])
def test_any_shape_has_a_code(shape: tuple[int, int]) -> None:
    codes, _ = pdq(np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8))
    assert {len(code) for code in codes.values()} == {32}
