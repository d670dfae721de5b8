"""Every stage of region signals is as near to the vectors of the fixed format as its rule asks."""

import copy
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.vectors.make_reg1_formula import PICTURES, describe, pixels

FILE = Path(__file__).parents[1] / "vectors" / "reg1_formula.json"
VECTORS = json.loads(FILE.read_text())
RULE, EXPECTED = VECTORS["rule"], VECTORS["pictures"]

Described = dict[str, Any]


def failures(port: Described, expected: Described) -> set[str]:
    """Return the names of the parts of the rule that a port (another implementation) breaks."""
    broken = {
        "pictures": not same_pictures(port, expected),
        "blobs": not all(
            any(same_blob(mine, theirs) for mine in port["strongest"])
            for theirs in expected["strongest"]
        ),
        "counts": any(
            abs(port[count] - expected[count]) > max(1, RULE["count_off"] * expected[count])
            for count in ("blobs", "patches", "more", "mirrored")
        ),
        "kept": any(
            these and shared(these, those) < RULE["kept_share"]
            for these, those in (
                (port["kept"], expected["kept"]),
                (expected["kept"], port["kept"]),
            )
        ),
    }
    return {part for part, is_broken in broken.items() if is_broken}


def same_pictures(port: Described, expected: Described) -> bool:
    mine, theirs = (
        [each["luma"], *each["halvings"], *each["first_octave"]] for each in (port, expected)
    )
    return len(mine) == len(theirs) and all(
        (one["height"], one["width"]) == (other["height"], other["width"])
        and near(one["samples"], other["samples"], RULE["sample_off"])
        for one, other in zip(mine, theirs, strict=True)
    )


def near(mine: list[Any], theirs: list[Any], tolerance: float) -> bool:
    """Return whether all values differ by at most the tolerance."""
    return np.allclose(np.array(mine), np.array(theirs), rtol=0, atol=tolerance)


def alike(mine: Described, theirs: Described, names: tuple[str, ...]) -> bool:
    """Return whether the named values of a blob or patch differ by at most `blob_off` pixels."""
    values = [[each[name] for name in names] for each in (mine, theirs)]
    return near(values[0], values[1], RULE["blob_off"])


def same_blob(mine: Described, theirs: Described) -> bool:
    if mine["level"] != theirs["level"]:
        return False
    turned = (mine["angles"][0] - theirs["angles"][0] + np.pi) % (2 * np.pi) - np.pi
    if not alike(mine, theirs, ("y", "x", "sigma")) or abs(turned) > RULE["angle_off"]:
        return False
    patch, other = mine["patch"], theirs["patch"]
    if patch is None or other is None:
        return patch is other
    return (
        patch["level"] == other["level"]
        and alike(patch, other, ("y", "x", "spacing"))
        and abs(patch["flat"] - other["flat"]) <= RULE["flat_off"]
        and near(patch["waves"], other["waves"], RULE["wave_off"])
    )


def shared(these: list[str], those: list[str]) -> float:
    """Return the share of `these` codes that are within `kept_bits` bits of one of `those`."""
    near_one = [
        any((int(code, 16) ^ int(each, 16)).bit_count() <= RULE["kept_bits"] for each in those)
        for code in these
    ]
    return sum(near_one) / len(near_one)


def name(vector: Described) -> str:
    return f"{vector['kind']}-{vector['height']}x{vector['width']}"


@pytest.mark.parametrize("vector", EXPECTED, ids=name)
def test_each_stage_equals_the_vector(vector: Described) -> None:
    image = pixels(vector["kind"], vector["height"], vector["width"])
    assert hashlib.sha256(image.tobytes()).hexdigest() == vector["sha256_of_pixels"]
    assert failures(describe(image, strongest=20), vector) == set()


def test_vectors_cover_small_large_flat_and_faint_pictures() -> None:
    assert [(each["kind"], each["height"], each["width"]) for each in EXPECTED] == list(PICTURES)
    assert any(max(each["height"], each["width"]) > 1024 for each in EXPECTED)
    assert any(each["blobs"] == 0 for each in EXPECTED)
    assert sum(len(each["kept"]) for each in EXPECTED) > 400
    assert FILE.stat().st_size < 300_000


def halvings_off(port: Described) -> None:
    port["halvings"][2]["samples"][3][2] += 0.06


def a_halving_less(port: Described) -> None:
    del port["halvings"][-1]


def smoothing_off(port: Described) -> None:
    port["first_octave"][3]["samples"][0][2] -= 0.06


def half_a_pixel_off(port: Described) -> None:
    for blob in port["strongest"]:
        blob["y"] += 0.5


def turned_the_other_way(port: Described) -> None:
    for blob in port["strongest"]:
        blob["angles"][0] *= -1


def waves_down_and_across_exchanged(port: Described) -> None:
    waves = port["strongest"][0]["patch"]["waves"]
    waves[0][2], waves[1][2] = waves[1][2], waves[0][2]


def five_bits_off(port: Described) -> None:
    for number in range(0, len(port["kept"]), 10):
        port["kept"][number] = f"{int(port['kept'][number], 16) ^ 0b11111:064x}"


def some_codes_missing(port: Described) -> None:
    for number in range(0, len(port["kept"]), 20):
        port["kept"][number] = port["kept"][1]


def too_many(port: Described) -> None:
    port["more"] = round(port["more"] * 1.03)


@pytest.mark.parametrize(
    ("spoil", "part"),
    [
        (halvings_off, "pictures"),
        (a_halving_less, "pictures"),
        (smoothing_off, "pictures"),
        (half_a_pixel_off, "blobs"),
        (turned_the_other_way, "blobs"),
        (waves_down_and_across_exchanged, "blobs"),
        (five_bits_off, "kept"),
        (some_codes_missing, "kept"),
        (too_many, "counts"),
    ],
)
def test_a_wrong_port_does_not_pass(spoil: Callable[[Described], None], part: str) -> None:
    (vector,) = (each for each in EXPECTED if name(each) == "clouds-900x1600")
    port = copy.deepcopy(vector)
    assert failures(port, vector) == set()
    spoil(port)
    assert failures(port, vector) == {part}
