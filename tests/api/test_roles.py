"""Every route names the roles that may call it, and refuses all other keys."""

import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.testclient import TestClient

from hashsvc.access import Role, create_key, revoke_key
from hashsvc.api import Services
from hashsvc.api.auth import roles_of
from hashsvc.bank import new_case_number
from hashsvc.clock import utc_now
from tests.api.helpers import Call
from tests.api.role_table import FOR_HOLDERS, MAY_CALL

ADMIN = Role.ADMIN
OPEN_TO_ALL = {
    ("GET", "/"),
    ("GET", "/health"),
    ("GET", "/ready"),
    ("GET", "/docs"),
    ("GET", "/openapi.json"),
    ("any", "/static-offline-docs"),
}


def checks_of(dependant: Dependant) -> Iterator[frozenset[Role]]:
    """Yield the roles of each dependency that checks roles."""
    roles = roles_of(dependant.call)
    if roles is not None:
        yield roles
    for each in dependant.dependencies:
        yield from checks_of(each)


def walk(app: FastAPI) -> dict[tuple[str, str], list[frozenset[Role]]]:
    """Return every method and path of the app with its role checks; HEAD is left out."""
    found: dict[tuple[str, str], list[frozenset[Role]]] = {}
    for route in iter_route_contexts(app.routes):
        is_api = isinstance(route.original_route, APIRoute)
        checks = list(checks_of(route.dependant)) if is_api else []
        for method in (route.methods or {"any"}) - {"HEAD"}:
            assert (method, route.path) not in found
            found[method, str(route.path)] = checks
    return found


def filled(path: str) -> str:
    """Return a route's path with a valid value for each parameter."""
    path = path.replace("{number}", new_case_number())
    return re.sub(r"{\w+}", "0f" * 16, path.replace("{kind}", "common"))


def test_every_route_is_in_the_table_with_its_roles(app: FastAPI) -> None:
    checked = {place: checks for place, checks in walk(app).items() if checks}
    assert checked == {place: [frozenset(roles)] for place, roles in MAY_CALL.items()}


def test_only_a_few_routes_check_no_role(app: FastAPI) -> None:
    unchecked = {place for place, checks in walk(app).items() if not checks}
    assert unchecked == OPEN_TO_ALL | FOR_HOLDERS


@pytest.mark.parametrize(("method", "path"), MAY_CALL)
def test_a_route_admits_its_roles_and_no_other_key(
    method: str, path: str, call: Call, services: Services
) -> None:
    revoked = create_key(services.database, Role.ADMIN, actor="test", clock=utc_now)
    revoke_key(services.database, revoked.key_id, actor="test", clock=utc_now)
    body: dict[str, dict[str, str]] = {"json": {}} if method == "POST" else {}
    for role in Role:
        status = call(role, method, filled(path), **body).status_code
        if role in MAY_CALL[method, path]:
            assert status in {200, 201, 404, 422}, role
        else:
            assert status == 403, role
    for header in (
        {},
        {"Authorization": "Bearer hsk_unknown"},
        {"Authorization": f"Bearer {revoked.token}"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer ünknown".encode("latin-1")},
        {"Authorization": "Basic aHNrXzpoc2tf"},
        {"X-API-Key": "hsk_unknown"},
    ):
        answer = call(None, method, filled(path), headers=header, **body)
        assert answer.status_code == 401, header
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_in_the_url_is_not_accepted(call: Call, tokens: dict[Role, str]) -> None:
    for name in ("token", "key", "access_token", "authorization"):
        answer = call(None, "GET", "/v1/keys", params={name: tokens[Role.ADMIN]})
        assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/", "/health", "/ready", "/docs", "/openapi.json"])
def test_open_routes_need_no_key(path: str, client: TestClient) -> None:
    assert client.get(path).status_code == 200


def test_a_new_key_works_at_once_and_a_revoked_one_never_again(call: Call) -> None:
    made = call(ADMIN, "POST", "/v1/keys", json={"role": "intake"})
    assert made.status_code == 201
    assert made.json()["role"] == "intake"
    key, header = made.json()["key"], {"Authorization": f"Bearer {made.json()['token']}"}
    assert call(None, "POST", "/v1/cases", json={"adult": True}, headers=header).is_success
    assert call(ADMIN, "DELETE", f"/v1/keys/{key}").status_code == 204
    answer = call(None, "POST", "/v1/cases", json={"adult": True}, headers=header)
    assert answer.status_code == 401
    assert call(ADMIN, "DELETE", f"/v1/keys/{key}").status_code == 404
    listed = {each["key"]: each for each in call(ADMIN, "GET", "/v1/keys").json()}
    assert listed[key]["revoked_at"] is not None


@pytest.mark.parametrize("role", ["", "root", "ADMIN", None, ["admin"]])
def test_a_key_needs_an_existing_role(role: object, call: Call) -> None:
    assert call(ADMIN, "POST", "/v1/keys", json={"role": role}).status_code == 422
    assert len(call(ADMIN, "GET", "/v1/keys").json()) == len(Role)
