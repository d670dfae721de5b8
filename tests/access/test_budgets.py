"""A key has a budget for each kind of call, and an address shares a budget with its network."""

import time

import pytest
from limits.storage import MemoryStorage

from hashsvc.access import TooManyCallsError
from hashsvc.access.budgets import Budget, Budgets
from hashsvc.settings import Settings
from tests.helpers.waiting import wait_until


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings that allow two calls per address and a hundred submissions per key in a minute."""
    small = {"limit_submissions_per_minute": 100, "limit_holder_calls_per_minute": 2}
    return settings.model_copy(update=small)


def test_a_submission_over_the_budget_spends_nothing(settings: Settings) -> None:
    budgets = Budgets(settings)
    budgets.spend(Budget.SUBMISSIONS, "key", cost=60)
    with pytest.raises(TooManyCallsError):
        budgets.spend(Budget.SUBMISSIONS, "key", cost=41)
    budgets.spend(Budget.SUBMISSIONS, "key", cost=40)


@pytest.mark.parametrize(
    ("addresses", "are_one"),
    [
        (("192.0.2.1", "192.0.2.1", "192.0.2.1"), True),
        (("192.0.2.1", "192.0.2.2", "192.0.2.3"), False),
        (("2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::3"), True),
        (("2001:db8:0:1::1", "2001:db8:0:2::1", "2001:db8:0:3::1"), False),
        (("testclient", "testclient", "testclient"), True),
    ],
)
def test_an_address_is_counted_with_its_network(
    addresses: tuple[str, ...], are_one: bool, settings: Settings
) -> None:
    budgets = Budgets(settings)
    for address in addresses[:-1]:
        budgets.spend_for_address(address)
    if are_one:
        with pytest.raises(TooManyCallsError, match="2 calls with a PIN in a minute") as raised:
            budgets.spend_for_address(addresses[-1])
        assert addresses[-1] not in str(raised.value)
        assert 1 <= raised.value.retry_after_s <= 60
    else:
        budgets.spend_for_address(addresses[-1])


def test_addresses_are_forgotten_after_a_minute(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = MemoryStorage()
    budgets = Budgets(settings, address_storage=storage)

    def is_remembered() -> bool:
        return any("192.0.2.1" in key for key in list(storage.storage))

    budgets.spend_for_address("192.0.2.1")
    assert is_remembered()
    began = time.time()
    monkeypatch.setattr(time, "time", lambda: began + 61)
    budgets.spend_for_address("192.0.2.2")
    wait_until(lambda: not is_remembered())
