"""A signal's text and code convert to each other, and its `repr` does not show its code."""

import io
from collections.abc import Callable

import imagehash
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hashsvc.signals import (
    DHASH,
    OTHERS,
    PHASH,
    PROFILES,
    SIGNED,
    Profile,
    Signal,
    SignalFormatError,
    Signature,
    View,
    sign_image,
)
from hashsvc.signals.profiles import WHASH, WIDE_DHASH, WIDE_PHASH, WIDE_WHASH
from hashsvc.signals.types import SignalGroup
from tests.conftest import generated_photo, jpeg


@st.composite
def signals(draw: st.DrawFn) -> Signal:
    profile = draw(st.sampled_from(list(PROFILES.values())))
    size = profile.bits // 8
    return Signal(profile.name, draw(st.binary(min_size=size, max_size=size)))


@given(signals())
def test_text_and_code_are_inverse(signal: Signal) -> None:
    assert Signal.parse(str(signal)) == signal


@given(signals(), st.data())
def test_distance_counts_the_flipped_bits(signal: Signal, data: st.DataObject) -> None:
    bits = signal.profile.bits
    flipped = data.draw(st.sets(st.integers(0, bits - 1), max_size=bits))
    mask = sum(1 << bit for bit in flipped)
    other = Signal(signal.algorithm, (int.from_bytes(signal.code) ^ mask).to_bytes(bits // 8))
    assert signal.distance(other) == other.distance(signal) == len(flipped)


@st.composite
def groups(draw: st.DrawFn) -> SignalGroup:
    profile, view = draw(st.sampled_from(list(PROFILES.values()))), draw(st.sampled_from(View))
    size = profile.bits // 8 * draw(st.integers(1, 5))
    return SignalGroup(profile.name, view, draw(st.binary(min_size=size, max_size=size)))


@given(st.integers(0, 100), st.lists(groups()))
def test_groups_of_signals_make_a_signature_in_their_order(
    quality: int, all_: list[SignalGroup]
) -> None:
    signature = Signature.from_groups(quality, all_)
    assert signature.quality == quality
    assert len(signature.signals) == sum(len(group) for group in all_)
    assert b"".join(each.signal.code for each in signature.signals) == b"".join(
        group.codes for group in all_
    )
    assert [(each.signal.algorithm, each.view) for each in signature.signals] == [
        (group.algorithm, group.view) for group in all_ for _ in range(len(group))
    ]


@given(groups())
def test_a_group_does_not_show_its_codes(group: SignalGroup) -> None:
    assert group.codes.hex() not in repr(group)
    assert repr(group.codes) not in repr(group)


@given(signals())
def test_a_signal_does_not_show_its_code(signal: Signal) -> None:
    assert signal.code.hex() not in repr(signal)
    assert signal.code.hex() not in repr(((signal,), {"signal": signal}))


@pytest.mark.parametrize(
    "text", ["", "pdq1", "pdq1:", "pdq1:00", "pdq2:" + "0" * 64, "PDQ1:" + "0" * 64,
             "pdq1:" + "F" * 64, "phash1:" + "0" * 15, "pdq1:" + "0" * 65, " phash1:" + "0" * 16]
)  # fmt: skip
def test_invalid_text_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(SignalFormatError) as caught:
        Signal.parse(text)
    assert "0000" not in str(caught.value)
    assert "FFFF" not in str(caught.value)


def test_signals_of_two_algorithms_have_no_distance() -> None:
    with pytest.raises(SignalFormatError):
        Signal("phash1", bytes(8)).distance(Signal("dhash1", bytes(8)))


@pytest.mark.parametrize(
    ("profile", "way", "size"),
    [
        (PHASH, imagehash.phash, 8),
        (DHASH, imagehash.dhash, 8),
        (WHASH, imagehash.whash, 8),
        (WIDE_PHASH, imagehash.phash, 16),
        (WIDE_DHASH, imagehash.dhash, 16),
        (WIDE_WHASH, imagehash.whash, 16),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_hashes_read_like_those_of_imagehash(
    profile: Profile, way: Callable[..., imagehash.ImageHash], size: int
) -> None:
    data = jpeg(generated_photo(7, (2500, 1800)))
    signed = sign_image(data, exact=True, also=OTHERS).whole()
    (text,) = (str(each.signal) for each in signed.signals if each.signal.algorithm == profile.name)
    with Image.open(io.BytesIO(data)) as image:
        assert text == f"{profile.name}:{way(image, hash_size=size)}"


def test_only_the_whole_view_is_kept_by_a_bank() -> None:
    framed = Image.new("RGB", (900, 700), "white")
    framed.paste(generated_photo(8), (100, 100))
    signature = sign_image(jpeg(framed))
    assert View.TRIMMED in {each.view for each in signature.signals}
    whole = signature.whole()
    assert {each.view for each in whole.signals} == {View.WHOLE}
    assert {each.signal.algorithm for each in whole.signals} == {each.name for each in SIGNED}


@given(st.integers(0, 100), st.lists(groups()))
def test_a_signature_from_groups_equals_one_from_signals(
    quality: int, all_: list[SignalGroup]
) -> None:
    packed = Signature.from_groups(quality, all_)
    singly = Signature(quality, packed.signals)
    assert (singly, hash(singly)) == (packed, hash(packed))
    assert singly.groups == packed.groups
    assert packed != Signature(101, packed.signals)
    assert not all_ or packed != Signature(quality, packed.signals[1:])


@given(st.lists(groups()))
def test_codes_and_views_are_those_of_the_signals(all_: list[SignalGroup]) -> None:
    signature = Signature.from_groups(80, all_)
    for profile in PROFILES.values():
        mine = [each for each in signature.signals if each.signal.profile is profile]
        codes = signature.codes(profile)
        assert codes.shape == (len(mine), profile.bits // 8)
        assert codes.tobytes() == b"".join(each.signal.code for each in mine)
        views = signature.views().get(profile.name, {})
        assert views.keys() == {each.view for each in mine}
        for view, of_view in views.items():
            assert of_view.tobytes() == b"".join(
                each.signal.code for each in mine if each.view is view
            )


@given(groups())
def test_a_signature_does_not_show_its_codes(group: SignalGroup) -> None:
    shown = repr(Signature.from_groups(80, [group]))
    assert group.codes.hex() not in shown
    assert repr(group.codes) not in shown


@pytest.mark.parametrize(
    ("algorithm", "codes"), [("phash1", b""), ("phash1", bytes(12)), ("md5", bytes(16))]
)
def test_a_group_must_have_whole_codes_of_a_known_algorithm(algorithm: str, codes: bytes) -> None:
    with pytest.raises(SignalFormatError):
        SignalGroup(algorithm, View.WHOLE, codes)
