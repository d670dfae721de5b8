"""A comparison has one sentence for each algorithm: why two images match or do not match."""

import pytest

from hashsvc.matching import explain
from hashsvc.signals import POSSIBLE_REGIONS, Signal, Signature, View, ViewedSignal, sign_image
from tests.conftest import generated_photo, jpeg
from tests.matching.signatures import regional, signature


def test_each_algorithm_has_a_sentence() -> None:
    compared = explain(signature(pdq1=0, phash1=0, dhash1=0), signature(pdq1=31, phash1=9))
    assert compared.evidence.tier == "certain"
    assert compared.reasons == (
        "pdq1: 31 of 256 bits differ in the whole view; at most 31 may differ.",
        "phash1: 9 of 64 bits differ in the whole view, the nearest view; at most 8 may differ.",
        "dhash1: only one of the images has such signals.",
    )


@pytest.mark.parametrize(("first", "second"), [(49, 100), (100, 49), (49, 49)])
def test_a_plain_image_is_named(first: int, second: int) -> None:
    compared = explain(signature(first, pdq1=0), signature(second, pdq1=0))
    plain = [each for each in compared.reasons if "too plain" in each]
    assert [each.split()[1] for each in plain] == ["first"] * (first < 50) + ["second"] * (
        second < 50
    )
    assert compared.evidence.tier is None


@pytest.mark.parametrize("shared", [0, 1, POSSIBLE_REGIONS - 1, POSSIBLE_REGIONS])
def test_regions_are_counted(shared: int) -> None:
    content = regional([0] * 8)
    compared = explain(content, regional([68] * shared + [69] * (8 - shared)))
    (reason,) = compared.reasons
    assert reason.startswith(f"reg1: {shared} ")
    assert ("are needed" in reason) is (shared < POSSIBLE_REGIONS)


def test_missing_views_are_named() -> None:
    turned = Signature(100, [ViewedSignal(Signal("reg1", bytes(32)), View.ROT90)])
    assert explain(regional([0]), turned).reasons == ("reg1: the images have no view in common.",)


def test_no_sentence_contains_a_signal() -> None:
    first, second = (sign_image(jpeg(generated_photo(seed))) for seed in (1, 2))
    sentences = " ".join([*explain(first, second).reasons, *explain(first, first).reasons])
    for each in (*first.signals, *second.signals):
        assert each.signal.code.hex()[:8] not in sentences
