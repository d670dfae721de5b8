"""A bank, a case in it, and PINs that cost little to hash."""

import argon2
import pytest

from hashsvc.bank import Bank, pins
from hashsvc.store import Database
from tests.helpers.set_clock import SetClock


@pytest.fixture(autouse=True)
def costly_hasher(monkeypatch: pytest.MonkeyPatch) -> argon2.PasswordHasher:
    """Hash PINs at little cost in each test, and return the hasher that the service uses."""
    costly = pins.HASHER
    cheap = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(pins, "HASHER", cheap)
    return costly


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def bank(database: Database, clock: SetClock) -> Bank:
    return Bank(database, clock)


@pytest.fixture
def number(bank: Bank) -> str:
    """The number of an open case."""
    return bank.open_case(adult=True, actor="intake").number
