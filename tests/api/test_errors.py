"""Every error is a problem (RFC 9457) that states a rule and repeats nothing the caller sent."""

import sqlite3
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from sqlalchemy.exc import IntegrityError

from hashsvc import access, audit, bank, matching, removal, scanning, signals, store
from hashsvc.access import Role
from hashsvc.api import errors
from hashsvc.bank import new_case_number
from hashsvc.sandbox import SandboxError
from hashsvc.scanning.errors import BadListError
from hashsvc.store.errors import BackupError, LockedError, OpenError, RotationError, SchemaError
from tests.api.helpers import Call

INTAKE, ANALYST, ADMIN = Role.INTAKE, Role.ANALYST, Role.ADMIN

# It looks like an id, a token, part of a signal and a word, so that it passes many checks.
CANARY = "c0ffee0dd5" * 3 + "aa"
SHORT = CANARY[:16]

ROOMS = (
    errors.ApiError,
    audit.AuditError,
    access.AccessError,
    bank.BankError,
    matching.MatchingError,
    removal.RemovalError,
    scanning.ScanError,
    signals.SignalsError,
    store.StoreError,
)
NEVER_IN_A_ROUTE = {
    BackupError: "raised by commands only",
    RotationError: "raised by commands only",
    LockedError: "stops the service from starting",
    OpenError: "stops the service from starting",
    SchemaError: "stops the service from starting",
    BadListError: "raised by commands only",
    scanning.BadUrlError: "becomes an invalid line of a batch",
    scanning.FetchError: "becomes the state of a scan item or the outcome of a re-check",
    signals.ImageError: "no route opens images",
    scanning.ProxyError: "stops the service from starting",
    scanning.IsolationError: "keeps the renderer from rendering; `/ready` says why",
    removal.BadBundleError: "raised by commands only",
    access.SetupError: "stops the service from starting",
}


def kinds_of(base: type[Exception]) -> Iterator[type[Exception]]:
    """Yield the errors of a room, except those in NEVER_IN_A_ROUTE and their subclasses."""
    for kind in base.__subclasses__():
        if kind not in NEVER_IN_A_ROUTE:
            yield kind
            yield from kinds_of(kind)


def raising(app: FastAPI, error: BaseException) -> None:
    """Give the app a route that raises an error."""

    def fail() -> None:
        raise error

    app.add_api_route("/fail", fail)


def test_every_error_of_every_room_has_a_status() -> None:
    kinds = {kind for room in ROOMS for kind in kinds_of(room)}
    # The rooms that use the sandbox turn its other errors into errors of their own.
    assert kinds | {SandboxError} == set(errors.STATUSES)


@pytest.mark.parametrize("kind", errors.STATUSES, ids=lambda kind: kind.__name__)
def test_an_error_is_a_problem(
    kind: type[Exception], app: FastAPI, client: TestClient, logged: Callable[[], str]
) -> None:
    raising(app, kind("The rule and the limit."))
    answer = client.get("/fail")
    status = errors.STATUSES[kind]
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers.get("WWW-Authenticate") == ("Bearer" if status == 401 else None)
    problem = answer.json()
    kind_named = problem.pop("type").removeprefix("urn:hashsvc:").replace("-", "")
    assert kind_named + "error" == kind.__name__.lower()
    assert problem == {
        "title": status.phrase,
        "status": status,
        "detail": "The rule and the limit.",
    }
    assert logged() == ""


def test_a_subclass_of_an_error_has_its_status(app: FastAPI, client: TestClient) -> None:
    class LostCaseError(bank.UnknownCaseError):
        """The case no longer exists."""

    raising(app, LostCaseError("It was there."))
    answer = client.get("/fail")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:hashsvc:lost-case")


@pytest.mark.parametrize(
    ("method", "path", "status", "kind", "allow"),
    [
        ("GET", "/v1/nothing", 404, "not-found", None),
        ("GET", "/v1/cases/", 404, "not-found", None),
        ("GET", "//v1/keys", 404, "not-found", None),
        ("GET", "/static-offline-docs/../../app.py", 404, "not-found", None),
        ("GET", "/static-offline-docs/%2e%2e/core.py", 404, "not-found", None),
        ("GET", "/static-offline-docs/%00", 404, "not-found", None),
        ("PUT", "/v1/cases/7K3M-X9QD-5", 405, "method-not-allowed", "DELETE, GET, HEAD"),
        ("OPTIONS", "/v1/keys", 405, "method-not-allowed", "GET, HEAD, POST"),
        ("TRACE", "/health", 405, "method-not-allowed", "GET, HEAD"),
        ("POST", "/", 405, "method-not-allowed", "GET, HEAD"),
        ("POST", "/static-offline-docs/favicon.png", 405, "method-not-allowed", "GET, HEAD"),
        ("DELETE", "/v1/lookups", 405, "method-not-allowed", "POST"),
    ],
)
def test_unknown_paths_and_methods_are_problems(
    method: str, path: str, status: int, kind: str, allow: str | None, client: TestClient
) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers.get("Allow") == allow
    problem = answer.json()
    assert (problem["type"], problem["status"]) == (f"urn:hashsvc:{kind}", status)
    assert problem["title"] == HTTPStatus(status).phrase
    assert problem["detail"]


@pytest.mark.parametrize(
    ("body", "where", "rule"),
    [
        ({}, ["body", "contents"], "Field required"),
        ({"contents": []}, ["body", "contents"], "at least 1 item"),
        ({"contents": [{"quality": 101}]}, ["body", "contents", 0, "quality"], "equal to 100"),
        ({"contents": [{"quality": "50"}]}, ["body", "contents", 0, "content"], "Field required"),
        ({"contents": [{"image": ""}]}, ["body", "contents", 0], "not permitted"),
    ],
)
def test_a_broken_rule_is_named_with_its_place(
    body: object, where: list[object], rule: str, call: Call
) -> None:
    answer = call(INTAKE, "POST", f"/v1/cases/{new_case_number()}/contents", json=body)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert set(problem) == {"type", "title", "status", "detail", "errors", "error_count"}
    assert problem["type"] == "urn:hashsvc:invalid"
    assert problem["error_count"] == len(problem["errors"])
    assert all(set(each) == {"where", "rule"} for each in problem["errors"])
    assert any(each["where"] == where and rule in each["rule"] for each in problem["errors"])


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"adult": tru}',
        b'{"adult": "\xff"}',
        b'{"adult": ' + b"9" * 5000 + b"}",
        b'{"adult": ' + b" " * 30_000 + b"[" * 1_100,
        b'{"adult": true} {}',
    ],
    ids=["cut", "word", "not UTF-8", "number", "depth", "two"],
)
def test_json_that_cannot_be_read_is_invalid(body: bytes, call: Call) -> None:
    headers = {"Content-Type": "application/json"}
    answer = call(INTAKE, "POST", "/v1/cases", content=body, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:hashsvc:invalid")
    assert [each["rule"] for each in answer.json()["errors"]] == ["JSON decode error"]


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(CANARY),
        KeyError(CANARY),
        sqlite3.OperationalError(CANARY),
        IntegrityError("INSERT INTO signal …", {"code": CANARY}, Exception(CANARY)),
        ExceptionGroup(CANARY, [ValueError(CANARY)]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_only_the_log_names_the_class_of_an_unexpected_error(
    error: Exception, app: FastAPI, client: TestClient, logged: Callable[[], str]
) -> None:
    raising(app, error)
    answer = client.get("/fail")
    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:hashsvc:unexpected",
        "title": "Internal Server Error",
        "status": 500,
        "detail": "The service failed unexpectedly. The operator can find the error in the log.",
    }
    log = logged()
    assert "api.unexpected" in log
    assert type(error).__name__ in log
    assert CANARY not in log
    assert "Traceback" not in log


def test_an_error_in_the_middle_of_a_response_is_not_leaked_either(
    app: FastAPI, client: TestClient, logged: Callable[[], str]
) -> None:
    def half() -> Iterator[bytes]:
        yield b"half"
        raise RuntimeError(CANARY)

    app.add_api_route("/half", lambda: StreamingResponse(half()), response_model=None)
    client.get("/half")
    log = logged()
    assert "RuntimeError" in log
    assert CANARY not in log
    assert "Traceback" not in log


def signature(**changed: object) -> dict[str, object]:
    """Return the body of a valid lookup with some fields changed."""
    signal = {"signal": f"phash1:{SHORT}", "view": "whole"}
    return {"quality": 90, "signals": [signal]} | changed


def signed(**changed: object) -> dict[str, object]:
    """Return the body of a lookup with some fields of its one signal changed."""
    return signature(signals=[{"signal": f"phash1:{SHORT}", "view": "whole"} | changed])


CASE = f"/v1/cases/{new_case_number()}"
JSON = {"Content-Type": "application/json"}
SENT: list[tuple[Role | None, str, str, dict[str, Any]]] = [
    # in the path
    (ANALYST, "GET", f"/{CANARY}", {}),
    (ANALYST, "GET", f"/v1/scans/{CANARY}/", {}),
    (ANALYST, "GET", f"/v1/scans/{CANARY}", {}),
    (ANALYST, "GET", f"/v1/scans/{CANARY}0", {}),
    (ANALYST, "GET", f"/v1/matches/{CANARY}", {}),
    (ANALYST, "GET", f"/v1/removal-requests/{CANARY}/notice", {}),
    (ANALYST, "PUT", f"/v1/matches/{CANARY}", {}),
    (ANALYST, "GET", f"/static-offline-docs/{CANARY}", {}),
    (INTAKE, "GET", f"/v1/cases/{SHORT}", {}),
    (INTAKE, "GET", f"/v1/cases/{CANARY}", {}),
    (INTAKE, "DELETE", f"{CASE}/contents/{CANARY}", {}),
    (ADMIN, "DELETE", f"/v1/keys/{CANARY}", {}),
    # in the query
    (ANALYST, "GET", "/v1/matches", {"params": {"state": CANARY}}),
    (ANALYST, "GET", "/v1/matches", {"params": {"limit": CANARY}}),
    (ANALYST, "GET", "/v1/matches", {"params": {"scan": f"{CANARY}0"}}),
    (ANALYST, "GET", "/v1/matches/", {"params": {CANARY: CANARY}}),
    (ANALYST, "GET", "/v1/scans/x", {"params": {CANARY: CANARY}}),
    # in a header
    (None, "GET", "/v1/keys", {"headers": {"Authorization": f"Bearer {CANARY}"}}),
    (None, "GET", "/v1/keys", {"headers": {"Authorization": CANARY}}),
    (None, "GET", "/v1/keys", {"headers": {"Authorization": f"Basic {CANARY}"}}),
    (None, "GET", "/v1/keys", {"headers": {"X-API-Key": CANARY, "Cookie": f"key={CANARY}"}}),
    (ANALYST, "GET", "/v1/scans/x", {"headers": {CANARY: CANARY, "Origin": f"http://{CANARY}"}}),
    (ANALYST, "GET", "/v1/matches/", {"headers": {"Host": f"{CANARY}.example"}}),
    (ANALYST, "PUT", "/v1/matches", {"headers": {"Host": f"[{CANARY}"}}),
    (INTAKE, "POST", "/v1/cases", {"content": b"x", "headers": {"Content-Type": CANARY}}),
    (ANALYST, CANARY, "/v1/matches", {}),
    # in the body
    (INTAKE, "POST", "/v1/cases", {"content": CANARY.encode()}),
    (INTAKE, "POST", "/v1/cases", {"content": CANARY.encode(), "headers": JSON}),
    (INTAKE, "POST", "/v1/cases", {"content": f'{{"{CANARY}'.encode(), "headers": JSON}),
    (INTAKE, "POST", "/v1/cases", {"content": f'{{"a": {CANARY}}}'.encode(), "headers": JSON}),
    (INTAKE, "POST", "/v1/cases", {"content": b"\xff\xd8\xff" + CANARY.encode()}),
    (INTAKE, "POST", "/v1/cases", {"files": {"file": (f"{CANARY}.jpg", CANARY.encode())}}),
    (INTAKE, "POST", "/v1/cases", {"json": [CANARY]}),
    (INTAKE, "POST", "/v1/cases", {"json": {"adult": CANARY}}),
    (INTAKE, "POST", "/v1/cases", {"json": {"adult": True, CANARY: CANARY}}),
    (INTAKE, "POST", "/v1/cases", {"json": {"adult": {CANARY: [CANARY]}}}),
    (INTAKE, "POST", "/v1/cases", {"json": {"adult": True, "name": CANARY}}),
    (INTAKE, "POST", f"{CASE}/contents", {"json": {"contents": [signature(content=CANARY)]}}),
    (INTAKE, "POST", f"{CASE}/contents", {"json": {"contents": [signature(content="x" + CANARY)]}}),
    (INTAKE, "POST", f"{CASE}/contents", {"json": {"contents": [signature(**{CANARY: 1})]}}),
    (ANALYST, "POST", "/v1/lookups", {"json": signature(quality=CANARY)}),
    (ANALYST, "POST", "/v1/lookups", {"json": signature(signals=CANARY)}),
    (ANALYST, "POST", "/v1/lookups", {"json": signed(signal=CANARY)}),
    (ANALYST, "POST", "/v1/lookups", {"json": signed(signal=f"pdq1:{CANARY}")}),
    (ANALYST, "POST", "/v1/lookups", {"json": signed(signal=f"phash1:{SHORT}F")}),
    (ANALYST, "POST", "/v1/lookups", {"json": signed(signal=f"phash9:{SHORT}")}),
    (ANALYST, "POST", "/v1/lookups", {"json": signed(signal=f"abc9:{CANARY}")}),
    (ANALYST, "POST", "/v1/lookups", {"json": signed(view=CANARY)}),
    (ANALYST, "POST", "/v1/lookups", {"json": signed(**{CANARY: 1})}),
    (ANALYST, "POST", "/v1/scans", {"json": {"urls": [5000 * CANARY]}}),
    (ANALYST, "POST", "/v1/scans", {"json": {"urls": {CANARY: CANARY}}}),
    (ANALYST, "POST", "/v1/scans", {"json": {"urls": [[f"http://{CANARY}/"]]}}),
    (ANALYST, "POST", "/v1/matches/x/verdict", {"json": {"confirmed": CANARY}}),
    (ANALYST, "POST", f"/v1/matches/{CANARY}/verdict", {"json": {"confirmed": True}}),
    (ANALYST, "POST", "/v1/removal-requests", {"json": {"match": CANARY}}),
    (ANALYST, "POST", "/v1/removal-requests", {"json": {"match": f"{CANARY}/"}}),
    (ANALYST, "POST", f"/v1/removal-requests/{CANARY}/moves", {"json": {"to": CANARY}}),
    (ANALYST, "POST", f"/v1/removal-requests/{CANARY}/moves", {"json": {"to": "sent"}}),
    (ADMIN, "POST", "/v1/keys", {"json": {"role": CANARY}}),
]


def test_no_error_repeats_what_the_caller_sent(
    call: Call, logged: Callable[[], str], subtests: pytest.Subtests
) -> None:
    for role, method, path, how in SENT:
        with subtests.test(role=role, method=method, path=path, how=how):
            answer = call(role, method, path, **how)
            assert 400 <= answer.status_code < 500
            assert answer.headers["Content-Type"] == "application/problem+json"
            response = f"{answer.headers!r} {answer.text} {logged()}".lower()
            assert SHORT not in response


def test_an_invalid_line_is_named_by_its_number(call: Call, logged: Callable[[], str]) -> None:
    lines = [
        f"http://{CANARY}.example/{CANARY}",
        CANARY,
        f"ftp://{CANARY}.example/",
        f"http://{CANARY}:x/",
        f"http://user:{CANARY}@host.example/",
        f"http://host.example/\n{CANARY}",
        "http://host.example/" + CANARY * 70,
    ]
    answer = call(ANALYST, "POST", "/v1/scans", json={"urls": lines})
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 1
    assert [each["line"] for each in answer.json()["invalid_lines"]] == [2, 3, 4, 5, 6, 7]
    assert SHORT not in answer.text + logged()
