"""A key has a budget for each kind of call. Over budget, it gets 429 and a Retry-After."""

import time
from collections.abc import Iterator

import httpx2
import pytest
from fastapi.testclient import TestClient

from hashsvc.access import Role, create_key
from hashsvc.api import Services, create_app
from hashsvc.bank import new_case_number
from hashsvc.clock import utc_now
from hashsvc.settings import Settings
from hashsvc.store.ids import random_id
from tests.helpers.set_clock import SetClock

SMALL = {
    "limit_lookups_per_minute": 3,
    "limit_lookups_per_day": 5,
    "limit_submissions_per_minute": 100,
    "limit_scans_per_minute": 2,
    "limit_reads_per_minute": 4,
    "limit_holder_calls_per_minute": 2,
}
LOOKUP = {"quality": 90, "signals": [{"signal": "pdq1:" + 32 * "5a", "view": "whole"}]}
CONTENT = {"quality": 90, "signals": LOOKUP["signals"]}


class Phone:
    """Calls the service with one key."""

    def __init__(self, client: TestClient, services: Services, role: Role) -> None:
        token = create_key(services.database, role, actor="test", clock=utc_now).token
        self._headers = {"Authorization": f"Bearer {token}"}
        self._client = client

    def __call__(self, method: str, path: str, body: object = None) -> httpx2.Response:
        return self._client.request(method, path, headers=self._headers, json=body)


@pytest.fixture
def services(settings: Settings, clock: SetClock) -> Services:
    return Services.build(settings.model_copy(update=SMALL), clock)


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    with TestClient(create_app(services)) as opened:
        yield opened


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Make the counters of calls believe that so many seconds have passed."""
    began = time.time()
    monkeypatch.setattr(time, "time", lambda: began + seconds)


@pytest.mark.parametrize(
    ("role", "most", "method", "path", "body", "rule"),
    [
        (Role.SCANNER, 3, "POST", "/v1/lookups", LOOKUP, "3 lookups in a minute"),
        (Role.ANALYST, 2, "POST", "/v1/scans", {"urls": ["x"]}, "2 scans in a minute"),
        (Role.ANALYST, 4, "GET", "/v1/matches", None, "4 other calls in a minute"),
        (Role.ADMIN, 4, "GET", "/v1/audit/verification", None, "4 other calls in a minute"),
        (Role.INTAKE, 100, "POST", "/v1/cases", {"adult": False}, "100 cases and contents"),
    ],
)
def test_a_key_over_its_budget_has_to_wait(
    role: Role,
    most: int,
    method: str,
    path: str,
    body: object,
    rule: str,
    client: TestClient,
    services: Services,
) -> None:
    phone = Phone(client, services, role)
    assert {phone(method, path, body).status_code for _ in range(most)} <= {200, 202, 422}
    refused = phone(method, path, body)
    assert refused.status_code == 429
    assert refused.json()["type"] == "urn:hashsvc:too-many-calls"
    assert rule in refused.json()["detail"]
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    # Another key of the role has its own budget.
    assert Phone(client, services, role)(method, path, body).status_code != 429


def test_each_kind_of_call_has_a_budget_of_its_own(client: TestClient, services: Services) -> None:
    phone = Phone(client, services, Role.ANALYST)
    while phone("POST", "/v1/lookups", LOOKUP).status_code == 200:
        continue
    assert phone("POST", "/v1/scans", {"urls": ["x"]}).status_code == 202
    assert phone("GET", "/v1/matches").status_code == 200


def test_contents_are_counted_instead_of_calls(client: TestClient, services: Services) -> None:
    phone = Phone(client, services, Role.INTAKE)
    path = f"/v1/cases/{phone('POST', '/v1/cases', {'adult': True}).json()['number']}/contents"

    def add(count: int) -> int:
        contents = [CONTENT | {"content": random_id()} for _ in range(count)]
        return phone("POST", path, {"contents": contents}).status_code

    assert [add(60), add(39), add(1)] == [201, 201, 429]
    unknown = f"/v1/cases/{new_case_number()}/contents"
    body = {"contents": [CONTENT | {"content": random_id()}]}
    assert phone("POST", unknown, body).status_code == 429


def test_budgets_recover_with_time(
    client: TestClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = Phone(client, services, Role.SCANNER)

    def looked_up() -> list[int]:
        return [phone("POST", "/v1/lookups", LOOKUP).status_code for _ in range(4)]

    assert looked_up() == [200, 200, 200, 429]
    later(monkeypatch, 61)
    # The budget for a day is five.
    assert looked_up() == [200, 200, 429, 429]
    answer = phone("POST", "/v1/lookups", LOOKUP)
    assert "5 lookups in a day" in answer.json()["detail"]
    assert 86_000 < int(answer.headers["Retry-After"]) <= 86_400


def test_a_refused_key_spends_nothing(client: TestClient, services: Services) -> None:
    """A key of another role, or an unknown key, is refused before its calls are counted."""
    phone = Phone(client, services, Role.INTAKE)
    assert {phone("POST", "/v1/lookups", LOOKUP).status_code for _ in range(9)} == {403}
    answers = {client.get("/v1/matches", headers={"Authorization": "Bearer x"}) for _ in range(9)}
    assert {each.status_code for each in answers} == {401}
