"""A call adds all of its contents or none. Plain images and views except `whole` are refused."""

import io

import pytest
from PIL import Image

from hashsvc import audit
from hashsvc.bank import (
    MAX_SIGNALS,
    Bank,
    BankError,
    ContentExistsError,
    NotSubmittableError,
    TooPlainError,
)
from hashsvc.settings import Settings
from hashsvc.signals import PROFILES, Profile, Signal, Signature, View, ViewedSignal, sign_image
from hashsvc.store import Database, cases
from hashsvc.store.cases import Content
from tests.helpers.cases import new_content, signals_of, signature
from tests.helpers.database import rows_of

MANY = Profile(name="many1", bits=256, threshold=50, many_per_image=True)


def contents_of(database: Database, number: str) -> list[Content]:
    with database.read() as connection:
        return cases.contents_of(connection, cases.case_by_number(connection, number).id)


def with_many(count: int) -> Signature:
    many = (
        ViewedSignal(Signal(MANY.name, number.to_bytes(32)), View.WHOLE) for number in range(count)
    )
    return Signature(100, (*signature(1, "pdq1").signals, *many))


def test_the_stored_signals_are_the_submitted_ones(
    bank: Bank, database: Database, number: str
) -> None:
    submitted = [new_content(1), new_content(2, signature(2, "pdq1", quality=50))]
    bank.add_contents(number, submitted, actor="intake")
    stored = contents_of(database, number)
    assert [(each.public_id, each.quality, each.added_on) for each in stored] == [
        (submitted[0].public_id, 100, "2026-01-05"),
        (submitted[1].public_id, 50, "2026-01-05"),
    ]
    for content, new in zip(stored, submitted, strict=True):
        assert [
            (each.algorithm, each.view, each.code) for each in signals_of(database, content.id)
        ] == [(each.signal.algorithm, "whole", each.signal.code) for each in new.signature.signals]
    with database.read() as connection:
        assert audit.verify(connection) == 3
    view = bank.view(number, actor="intake")
    assert [(each.content, each.quality, each.added_on) for each in view.contents] == [
        (each.public_id, each.quality, each.added_on) for each in stored
    ]


ONE_OF_EACH = "one signal of each whole-image algorithm"
PDQ_TWICE = Signature(100, (*signature(1).signals, *signature(2, "pdq1").signals))
PHASH_TWICE = Signature(100, (*signature(1).signals, *signature(1, "phash1").signals))
REFUSED: dict[str, tuple[Signature, type[BankError], str]] = {
    "quality 49": (signature(1, quality=49), TooPlainError, "49 of 100. Below 50"),
    "quality 0": (signature(1, quality=0), TooPlainError, "0 of 100"),
    "no signal": (Signature(100, ()), NotSubmittableError, "must have a pdq1 signal"),
    "no pdq1": (signature(1, "phash1", "dhash1"), NotSubmittableError, "must have a pdq1 signal"),
    "pdq1 twice": (PDQ_TWICE, NotSubmittableError, ONE_OF_EACH),
    "phash1 twice, the same": (
        PHASH_TWICE,
        NotSubmittableError,
        ONE_OF_EACH,
    ),
    **{
        f"view {view}": (
            Signature(100, (*signature(1).signals, *signature(2, "pdq1", view=view).signals)),
            NotSubmittableError,
            "view `whole` only",
        )
        for view in View
        if view is not View.WHOLE
    },
    "too many": (
        Signature(100, MAX_SIGNALS * signature(1, "pdq1").signals + signature(2, "pdq1").signals),
        NotSubmittableError,
        f"at most {MAX_SIGNALS} signals",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_if_one_content_is_refused_none_is_added(
    bank: Bank, settings: Settings, number: str, name: str
) -> None:
    refused, error, message = REFUSED[name]
    before = rows_of(settings.data_dir)
    contents = [new_content(7), new_content(8, refused), new_content(9)]
    with pytest.raises(error, match=message):
        bank.add_contents(number, contents, actor="intake")
    assert rows_of(settings.data_dir) == before
    bank.add_contents(number, [contents[0], contents[2]], actor="intake")


@pytest.mark.parametrize("regions", [MAX_SIGNALS - 1, MAX_SIGNALS])
def test_a_content_may_have_region_signals_up_to_the_limit(
    bank: Bank,
    database: Database,
    number: str,
    monkeypatch: pytest.MonkeyPatch,
    regions: int,
) -> None:
    monkeypatch.setitem(PROFILES, MANY.name, MANY)
    content = new_content(1, with_many(regions))
    if regions + 1 > MAX_SIGNALS:
        with pytest.raises(NotSubmittableError, match=f"at most {MAX_SIGNALS}"):
            bank.add_contents(number, [content], actor="intake")
        return
    bank.add_contents(number, [content], actor="intake")
    (stored,) = contents_of(database, number)
    assert len(signals_of(database, stored.id)) == MAX_SIGNALS


@pytest.mark.parametrize("place", ["same call", "same case", "another case", "withdrawn"])
def test_a_contents_id_is_used_only_once(
    bank: Bank, settings: Settings, number: str, place: str
) -> None:
    other = bank.open_case(adult=True, actor="intake").number
    taken = new_content(1)
    if place != "same call":
        bank.add_contents(number if place == "same case" else other, [taken], actor="intake")
    if place == "withdrawn":
        bank.withdraw_content(other, taken.public_id, actor="intake")
    before = rows_of(settings.data_dir)
    again = new_content(1, signature(5))
    contents = [new_content(2), again] + [taken] * (place == "same call")
    with pytest.raises(ContentExistsError, match="taken"):
        bank.add_contents(number, contents, actor="intake")
    assert rows_of(settings.data_dir) == before


FLAT = [
    (colour, kind) for colour in ("white", "black", "red", "#030958") for kind in ("PNG", "JPEG")
]


@pytest.mark.parametrize(("colour", "kind"), FLAT)
def test_a_surface_of_one_colour_is_refused_whatever_quality_is_claimed(
    bank: Bank, number: str, colour: str, kind: str
) -> None:
    file = io.BytesIO()
    Image.new("RGB", (400, 300), colour).save(file, kind)
    claimed = Signature(100, sign_image(file.getvalue()).whole().signals)
    with pytest.raises(TooPlainError, match="one colour"):
        bank.add_contents(number, [new_content(9, claimed)], actor="intake")


@pytest.mark.parametrize(
    ("algorithm", "set_bits", "refused"),
    [
        ("pdq1", 95, True), ("pdq1", 96, False), ("pdq1", 160, False), ("pdq1", 161, True),
        ("phash1", 15, True), ("phash1", 16, False), ("phash1", 48, False), ("phash1", 49, True),
        ("dhash1", 0, False),
    ],
)  # fmt: skip
def test_a_code_must_have_about_half_of_its_bits_set(
    bank: Bank, number: str, algorithm: str, set_bits: int, refused: bool
) -> None:
    half = {
        name: ((1 << PROFILES[name].bits // 2) - 1).to_bytes(PROFILES[name].bits // 8)
        for name in ("pdq1", "phash1", "dhash1")
    }
    half[algorithm] = ((1 << set_bits) - 1).to_bytes(PROFILES[algorithm].bits // 8)
    signals = tuple(ViewedSignal(Signal(name, code), View.WHOLE) for name, code in half.items())
    content = new_content(9, Signature(100, signals))
    if refused:
        with pytest.raises(TooPlainError):
            bank.add_contents(number, [content], actor="intake")
    else:
        bank.add_contents(number, [content], actor="intake")
