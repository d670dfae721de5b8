"""PDQ has the bits, quality and threshold of python-threatexchange, which makes lists in use."""

import numpy as np
import pytest
from PIL import Image

from hashsvc.matching import Tier, compare
from hashsvc.signals import PDQ, Signal, Signature, View, ViewedSignal, sign_image
from tests.conftest import generated_photo
from tests.signals.forged import saved

PdqSignal = pytest.importorskip(
    "threatexchange.signal_type.pdq.signal",
    reason="NOT TESTED: the extra `oracle` (threatexchange, needs a compiler) is not installed.",
).PdqSignal


def upright(signature: Signature) -> str:
    """Return the PDQ bits of the upright image."""
    (code,) = (
        each.signal.code for each in signature.whole().signals if each.signal.algorithm == PDQ.name
    )
    return code.hex()


def listed(code: bytes) -> Signature:
    """Return the signature of an image on a list, which has nothing but its PDQ code."""
    return Signature(100, (ViewedSignal(Signal(PDQ.name, code), View.WHOLE),))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("size", [(512, 512), (511, 300), (64, 65), (200, 509)])
def test_files_of_up_to_512_pixels_have_its_bits(
    form: str, mode: str, size: tuple[int, int]
) -> None:
    for seed in range(5):
        data = saved(generated_photo(seed, size).convert(mode), form)
        assert upright(sign_image(data, exact=True)) == PdqSignal.hash_from_bytes(data)


def test_both_reject_the_same_plain_images() -> None:
    grey, photo = Image.new("RGB", (400, 300), "grey"), generated_photo(1, (400, 300))
    has_one = {}
    for strength in np.linspace(0.12, 0.17, 40):
        data = saved(Image.blend(grey, photo, strength), "PNG")
        # python-threatexchange gives no bits for an image below its minimum quality.
        has_one[sign_image(data, exact=True).quality] = PdqSignal.hash_from_bytes(data) != ""
    assert has_one == {quality: quality >= PDQ.min_quality for quality in has_one}
    assert has_one.keys() >= {PDQ.min_quality - 1, PDQ.min_quality}


@pytest.mark.parametrize("distance", [0, 1, 30, 31, 32, 33, 256])
def test_it_matches_at_the_same_distances(distance: int) -> None:
    rng = np.random.default_rng(distance)
    code = rng.bytes(32)
    flips = np.zeros(256, dtype=np.uint8)
    flips[rng.choice(256, distance, replace=False)] = 1
    other = (np.frombuffer(code, np.uint8) ^ np.packbits(flips)).tobytes()
    theirs = PdqSignal.compare_hash(code.hex(), other.hex())
    indexed = PdqSignal.get_index_cls().build([(code.hex(), "content")]).query(other.hex())
    ours = compare(listed(code), listed(other))
    assert ours.findings[0].distance == theirs.distance.distance == distance
    assert (ours.tier is Tier.CERTAIN) == theirs.match == bool(indexed) == (distance <= 31)
