"""A key expires on time, its last day of use is known, and its token is shown only once."""

from collections.abc import Callable

import httpx2
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, event

from hashsvc.access import Role
from hashsvc.api import Services
from tests.api.helpers import Call
from tests.helpers.set_clock import SetClock

ADMIN = Role.ADMIN
Phone = Callable[[], httpx2.Response]
DAY = 24 * 3600


@pytest.fixture
def listed(call: Call) -> Callable[[str], dict[str, object]]:
    """A function that returns a key's entry in the list of keys."""

    def of(key: str) -> dict[str, object]:
        found = {each["key"]: each for each in call(ADMIN, "GET", "/v1/keys").json()}
        return dict(found[key])

    return of


def phone(client: TestClient, token: str) -> Phone:
    """Return a function that calls the service with a scanner's token."""
    headers = {"Authorization": f"Bearer {token}"}
    return lambda: client.get(f"/v1/scans/{'0f' * 16}", headers=headers)


@pytest.mark.parametrize(("days", "seconds", "good"), [
    (1, DAY - 1, True), (1, DAY, False), (30, 30 * DAY - 1, True), (None, 4000 * DAY, True),
])  # fmt: skip
def test_a_key_is_good_until_it_expires(
    days: int | None, seconds: int, good: bool, call: Call, client: TestClient, clock: SetClock
) -> None:
    body = {"role": "scanner", "expires_in_days": days}
    made = call(ADMIN, "POST", "/v1/keys", json=body).json()
    look = phone(client, made["token"])
    assert look().status_code == 404
    clock.advance(seconds)
    answer = look()
    assert answer.status_code == (404 if good else 401)
    if not good:
        # An expired key gets the same response as an unknown one.
        unknown = phone(client, "hsk_unknown")()
        assert (answer.content, answer.headers) == (unknown.content, unknown.headers)


@pytest.mark.parametrize("days", [0, -1, 36_501, "x", 1.5])
def test_an_invalid_lifetime_is_refused(days: object, call: Call) -> None:
    body = {"role": "scanner", "expires_in_days": days}
    assert call(ADMIN, "POST", "/v1/keys", json=body).status_code == 422


def test_the_list_shows_everything_but_the_token(
    call: Call, listed: Callable[[str], dict[str, object]], clock: SetClock
) -> None:
    made = call(ADMIN, "POST", "/v1/keys", json={"role": "scanner", "expires_in_days": 2}).json()
    assert listed(made["key"]) == {
        "key": made["key"],
        "role": "scanner",
        "organisation": "0" * 32,
        "created_at": "2026-01-05T23:59:30Z",
        "expires_at": "2026-01-07T23:59:30Z",
        "revoked_at": None,
        "last_used_on": None,
        "is_person": False,
    }
    assert made["expires_at"] == "2026-01-07T23:59:30Z"
    assert made["token"] not in call(ADMIN, "GET", "/v1/keys").text


def test_the_last_day_of_use_is_listed(
    call: Call,
    client: TestClient,
    listed: Callable[[str], dict[str, object]],
    clock: SetClock,
) -> None:
    made = call(ADMIN, "POST", "/v1/keys", json={"role": "scanner"}).json()
    look = phone(client, made["token"])
    look()
    assert listed(made["key"])["last_used_on"] == "2026-01-05"
    clock.advance(60)
    look()
    assert listed(made["key"])["last_used_on"] == "2026-01-06"


def test_the_last_day_of_use_is_written_once_a_day(
    call: Call, client: TestClient, services: Services, clock: SetClock
) -> None:
    made = call(ADMIN, "POST", "/v1/keys", json={"role": "scanner"}).json()
    look = phone(client, made["token"])
    written: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("UPDATE api_key"):
            written.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        for day in range(3):
            for _ in range(4):
                look()
            assert len(written) == day + 1
            clock.advance(DAY)
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def test_a_refused_key_does_not_count_as_used(
    call: Call, client: TestClient, listed: Callable[[str], dict[str, object]], clock: SetClock
) -> None:
    made = call(ADMIN, "POST", "/v1/keys", json={"role": "scanner", "expires_in_days": 1}).json()
    clock.advance(DAY)
    assert phone(client, made["token"])().status_code == 401
    assert listed(made["key"])["last_used_on"] is None


def test_a_revoked_key_is_refused_at_once(call: Call, client: TestClient) -> None:
    made = call(ADMIN, "POST", "/v1/keys", json={"role": "scanner"}).json()
    look = phone(client, made["token"])
    assert look().status_code == 404
    assert call(ADMIN, "DELETE", f"/v1/keys/{made['key']}").status_code == 204
    assert look().status_code == 401
