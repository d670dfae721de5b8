"""Fixtures: a service in this process, called over HTTP with a key of any role."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import argon2
import httpx2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from hashsvc.access import Role, create_key
from hashsvc.api import Services, create_app
from hashsvc.bank import pins
from hashsvc.clock import utc_now
from hashsvc.settings import Settings
from hashsvc.signals import sign_image
from hashsvc.store import Database
from tests.api.helpers import Call, OpenCase, content_of
from tests.conftest import generated_photo, jpeg
from tests.helpers.set_clock import SetClock
from tests.helpers.site import Site


@pytest.fixture(autouse=True)
def _quick_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash PINs with little effort. tests/bank tests how PINs are stored."""
    quick = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(pins, "HASHER", quick)


@pytest.fixture
def clock() -> SetClock:
    """Return the service's clock, half a minute before midnight, so that tests pass midnight."""
    return SetClock(datetime(2026, 1, 5, 23, 59, 30, tzinfo=UTC))


@pytest.fixture(scope="session")
def new_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a service that was set up and not used yet."""
    folder = tmp_path_factory.mktemp("new") / "data"
    database = Database.of(Settings(data_dir=folder, _env_file=None))
    database.migrate()
    database.close()
    return folder


@pytest.fixture
def services(settings: Settings, clock: SetClock, new_data: Path) -> Services:
    """The services of an instance without cases."""
    # Copying a migrated database is faster than migrating a new one.
    shutil.copytree(new_data, settings.data_dir)
    return Services.build(settings, clock)


@pytest.fixture
def app(services: Services) -> FastAPI:
    """The service's application."""
    return create_app(services)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """A client of the running service. An exception that leaves the application fails the test."""
    with TestClient(app, follow_redirects=False) as opened:
        yield opened


@pytest.fixture
def tokens(services: Services) -> dict[Role, str]:
    """The token of a key for each role."""
    database = services.database
    return {role: create_key(database, role, actor="test", clock=utc_now).token for role in Role}


@pytest.fixture
def second_analyst(services: Services) -> str:
    """The token of another analyst of the same organisation."""
    return create_key(services.database, Role.ANALYST, actor="test", clock=utc_now).token


@pytest.fixture
def second_admin(services: Services) -> str:
    """The token of another administrator."""
    return create_key(services.database, Role.ADMIN, actor="test", clock=utc_now).token


@pytest.fixture
def call(client: TestClient, tokens: dict[Role, str]) -> Call:
    """A function that calls the service with a key of a role, or with none."""

    def request(role: Role | None, method: str, path: str, **how: Any) -> httpx2.Response:
        headers = dict(how.pop("headers", {}))
        if role is not None:
            headers = {"Authorization": f"Bearer {tokens[role]}"} | headers
        return client.request(method, path, headers=headers, **how)

    return request


@pytest.fixture
def logged(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> Callable[[], str]:
    """A function that returns everything logged or printed so far."""
    seen: list[str] = []

    def read() -> str:
        seen.extend(capfd.readouterr())
        return "".join(seen) + caplog.text

    return read


@pytest.fixture
def case(call: Call) -> OpenCase:
    """A case with one photo, opened over HTTP."""
    photo = jpeg(generated_photo(1))
    record = content_of(photo)
    opened = call(Role.INTAKE, "POST", "/v1/cases", json={"adult": True}).json()
    path = f"/v1/cases/{opened['number']}/contents"
    assert call(Role.INTAKE, "POST", path, json={"contents": [record]}).status_code == 201
    return OpenCase(
        opened["number"], opened["pin"], record["content"], photo, sign_image(photo).whole()
    )


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """A web site on loopback. Tests add the pages and images that they need."""
    with Site() as running:
        yield running
