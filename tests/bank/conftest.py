"""A bank, and contents as their holder would submit them."""

import random

import argon2
import pytest

from hashsvc.bank import Bank, NewContent, pins
from hashsvc.signals import PROFILES, Signal, Signature, View, ViewedSignal
from hashsvc.store import Database
from hashsvc.store.ids import PublicContentId
from tests.store.conftest import Clock

REAL_PINS = pins.HASHER
ALL = ("pdq1", "phash1", "dhash1")


def signature(
    seed: int, *algorithms: str, quality: int = 100, view: View = View.WHOLE
) -> Signature:
    """Return a signature of random codes, the same for the same seed."""
    rng = random.Random(seed)
    return Signature(
        quality,
        tuple(
            ViewedSignal(Signal(name, rng.randbytes(PROFILES[name].bits // 8)), view)
            for name in algorithms or ALL
        ),
    )


def new_content(seed: int, signed: Signature | None = None) -> NewContent:
    return NewContent(PublicContentId(f"{seed:032x}"), signed or signature(seed))


@pytest.fixture(autouse=True)
def _quick_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash PINs with little effort where that is not what is tested."""
    quick = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(pins, "HASHER", quick)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bank(database: Database, clock: Clock) -> Bank:
    return Bank(database, clock)


@pytest.fixture
def number(bank: Bank) -> str:
    """The number of an open case."""
    return bank.open_case(adult=True, actor="intake").number
