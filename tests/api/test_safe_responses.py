"""Every response has headers that keep it out of caches, frames and other sites."""

import re
from collections.abc import Mapping

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from hashsvc.access import Role
from tests.api.helpers import Call

RESPONSES = [
    (None, "GET", "/", 200),
    (None, "GET", "/health", 200),
    (None, "GET", "/ready", 200),
    (None, "GET", "/docs", 200),
    (None, "GET", "/openapi.json", 200),
    (None, "GET", "/static-offline-docs/swagger-ui.css", 200),
    (None, "GET", "/nothing", 404),
    (None, "PUT", "/health", 405),
    (None, "GET", "/v1/keys", 401),
    (Role.INTAKE, "GET", "/v1/keys", 403),
    (Role.ADMIN, "GET", "/v1/keys", 200),
    (Role.ADMIN, "POST", "/v1/keys", 422),
    (Role.ADMIN, "DELETE", "/v1/keys/" + "0f" * 16, 404),
    (None, "GET", "/fail", 500),
]


def policy_of(headers: Mapping[str, str]) -> dict[str, str]:
    """Return a Content-Security-Policy's directives."""
    parts = (each.strip().partition(" ") for each in headers["content-security-policy"].split(";"))
    return {name: value for name, _, value in parts}


@pytest.fixture(autouse=True)
def _failing(app: FastAPI) -> None:
    def fail() -> None:
        raise RuntimeError

    app.add_api_route("/fail", fail, include_in_schema=False)


@pytest.mark.parametrize(("role", "method", "path", "status"), RESPONSES)
def test_every_response_has_safe_headers(
    role: Role | None, method: str, path: str, status: int, call: Call
) -> None:
    answer = call(role, method, path, headers={"Origin": "https://elsewhere.example"})
    assert answer.status_code == status
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    policy = policy_of(answer.headers)
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    if path != "/docs":
        assert policy["default-src"] == "'none'"
        assert "script-src" not in policy
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert not {"server", "set-cookie", "location"} & set(answer.headers)


def test_the_refusal_of_an_image_has_safe_headers(call: Call) -> None:
    answer = call(Role.INTAKE, "POST", "/v1/cases", content=b"\xff\xd8\xff")
    assert answer.status_code == 415
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("preflight", [True, False])
def test_no_other_site_may_call(call: Call, preflight: bool) -> None:
    headers = {"Origin": "https://elsewhere.example"}
    if preflight:
        headers["Access-Control-Request-Method"] = "POST"
    answer = call(Role.INTAKE, "OPTIONS" if preflight else "GET", "/v1/cases", headers=headers)
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [(role, path, status) for role, method, path, status in RESPONSES if method == "GET"],
)
def test_head_answers_like_get_without_a_body(
    role: Role | None, path: str, status: int, call: Call
) -> None:
    full, head = call(role, "GET", path), call(role, "HEAD", path)
    assert head.status_code == status
    assert head.content == b""
    assert head.headers == full.headers


def test_the_documentation_loads_nothing_from_elsewhere(client: TestClient) -> None:
    answer = client.get("/docs")
    policy = policy_of(answer.headers)
    assert policy["default-src"] == "'self'"
    assert all("http" not in value and "*" not in value for value in policy.values())
    loaded = re.findall(r"""(?:src|href)=["']([^"']+)""", answer.text)
    assert {each.rpartition(".")[2] for each in loaded} == {"js", "css", "png"}
    for each in loaded:
        assert re.match(r"/[^/]", each), each
        assert client.get(each).status_code == 200
    # The page has an inline script. The policy allows it here and nowhere else.
    assert "SwaggerUIBundle(" in answer.text
    assert "'unsafe-inline'" in policy["script-src"]
    assert "/openapi.json" in answer.text
