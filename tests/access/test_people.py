"""Wrong settings for people's sign-in are refused when the service starts."""

from typing import Any

import pytest

from hashsvc.access import SetupError
from hashsvc.access.people import People
from hashsvc.settings import Settings
from hashsvc.store import Database
from tests.helpers.set_clock import SetClock

GOOD = {
    "oidc_issuer": "http://127.0.0.1:9/realm",
    "oidc_audience": "hashsvc",
    "oidc_grants": ("case-workers=analyst",),
}


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"oidc_audience": None}, "HASHSVC_OIDC_AUDIENCE"),
        ({"oidc_issuer": "http://people.example"}, "https://"),
        ({"oidc_issuer": "people.example"}, "https://"),
        ({"oidc_issuer": ""}, "https://"),
        ({"oidc_grants": ("analyst",)}, "value=role"),
        ({"oidc_grants": ("x=boss",)}, "analyst"),
        ({"oidc_grants": ("=analyst",)}, "value=role"),
        ({"oidc_grants": ("x=analyst@",)}, "value=role"),
    ],
    ids=str,
)
def test_a_wrong_setting_is_named(
    wrong: dict[str, Any], rule: str, settings: Settings, database: Database
) -> None:
    assert People.of(settings.model_copy(update=GOOD), database, SetClock()) is not None
    with pytest.raises(SetupError, match=rule):
        People.of(settings.model_copy(update=GOOD | wrong), database, SetClock())


def test_grants_are_read_from_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HASHSVC_OIDC_GRANTS", "a b=analyst, c=d=intake")
    assert Settings().oidc_grants == ("a b=analyst", "c=d=intake")
