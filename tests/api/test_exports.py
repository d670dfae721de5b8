"""An export of all PDQ codes needs two administrators, happens only once, and is audited."""

import json
from collections.abc import Callable

import httpx2
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from hashsvc.access import Role
from hashsvc.api import Services
from hashsvc.signals import PDQ, Signature, sign_image
from hashsvc.store import exports
from hashsvc.store.tables import audit_entry
from tests.api.helpers import Call, OpenCase, body_of, content_of
from tests.conftest import generated_photo, jpeg
from tests.helpers.set_clock import SetClock

ADMIN, ANALYST, INTAKE = Role.ADMIN, Role.ANALYST, Role.INTAKE
Phone = Callable[[str, str], httpx2.Response]


@pytest.fixture
def other(client: TestClient, second_admin: str) -> Phone:
    """A function that calls with the key of another administrator."""
    headers = {"Authorization": f"Bearer {second_admin}"}
    return lambda method, path: client.request(method, path, headers=headers)


@pytest.fixture
def asked(call: Call) -> str:
    """The path of a requested export."""
    made = call(ADMIN, "POST", "/v1/exports")
    assert made.status_code == 201
    assert set(made.json()) == {"export", "expires_at"}
    return f"/v1/exports/{made.json()['export']}"


def pdq_of(signature: Signature) -> set[str]:
    return {str(each.signal) for each in signature.signals if each.signal.profile is PDQ}


def refused(answer: httpx2.Response, status: int, kind: str) -> bool:
    return (answer.status_code, answer.json()["type"]) == (status, f"urn:hashsvc:{kind}")


def test_two_administrators_take_the_pdq_codes_and_nothing_else(
    call: Call, other: Phone, asked: str, case: OpenCase
) -> None:
    second = sign_image(jpeg(generated_photo(2))).whole()
    contents = {"contents": [content_of(jpeg(generated_photo(2)))]}
    call(INTAKE, "POST", f"/v1/cases/{case.number}/contents", json=contents)
    assert other("POST", f"{asked}/approval").status_code == 204
    taken = call(ADMIN, "GET", asked)
    assert taken.status_code == 200
    assert taken.headers["Content-Type"].startswith("application/x-ndjson")
    assert taken.headers["Cache-Control"] == "no-store"
    lines = [json.loads(line) for line in taken.text.splitlines()]
    assert all(set(each) == {"signal"} for each in lines)
    signals = [each["signal"] for each in lines]
    assert set(signals) == pdq_of(case.signature) | pdq_of(second)
    assert signals == sorted(signals)
    assert case.number not in taken.text
    assert case.content not in taken.text


def test_one_administrator_alone_takes_nothing(call: Call, asked: str, case: OpenCase) -> None:
    assert refused(call(ADMIN, "GET", asked), 409, "not-approved")
    assert refused(call(ADMIN, "POST", f"{asked}/approval"), 409, "same-key")
    assert refused(call(ADMIN, "GET", asked), 409, "not-approved")


def test_an_export_is_taken_once_with_the_key_that_requested_it(
    call: Call, other: Phone, asked: str
) -> None:
    other("POST", f"{asked}/approval")
    assert refused(other("GET", asked), 404, "unknown-export")
    assert call(ADMIN, "GET", asked).status_code == 200
    assert refused(call(ADMIN, "GET", asked), 404, "unknown-export")
    assert refused(other("POST", f"{asked}/approval"), 404, "unknown-export")


def test_an_export_is_approved_once(other: Phone, asked: str) -> None:
    assert other("POST", f"{asked}/approval").status_code == 204
    assert refused(other("POST", f"{asked}/approval"), 404, "unknown-export")


@pytest.mark.parametrize(("seconds", "lasts"), [(24 * 3600 - 1, True), (24 * 3600, False)])
@pytest.mark.parametrize("approved", [True, False])
def test_an_export_expires_after_a_day(
    call: Call, other: Phone, asked: str, clock: SetClock, seconds: int, lasts: bool, approved: bool
) -> None:
    if approved:
        other("POST", f"{asked}/approval")
    clock.advance(seconds)
    if approved:
        assert call(ADMIN, "GET", asked).status_code == (200 if lasts else 404)
    else:
        assert other("POST", f"{asked}/approval").status_code == (204 if lasts else 404)


def test_head_does_not_use_up_an_export(call: Call, other: Phone, asked: str) -> None:
    other("POST", f"{asked}/approval")
    assert call(ADMIN, "HEAD", asked).status_code == 405
    assert call(ADMIN, "GET", asked).status_code == 200


def test_pending_and_withdrawn_contents_are_not_exported(
    call: Call, other: Phone, asked: str, case: OpenCase
) -> None:
    photos = [jpeg(generated_photo(seed)) for seed in (2, 3)]
    call(ANALYST, "POST", "/v1/lists/protected/images", json=body_of(sign_image(photos[0])))
    contents = [content_of(photo) for photo in photos]
    path = f"/v1/cases/{case.number}/contents"
    call(INTAKE, "POST", path, json={"contents": contents})
    call(INTAKE, "DELETE", f"{path}/{case.content}")
    other("POST", f"{asked}/approval")
    (line,) = call(ADMIN, "GET", asked).text.splitlines()
    assert {json.loads(line)["signal"]} == pdq_of(sign_image(photos[1]).whole())


def test_the_size_of_a_page_does_not_change_the_export(
    call: Call, services: Services, case: OpenCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = [content_of(jpeg(generated_photo(seed, (200, 150)))) for seed in range(2, 6)]
    call(INTAKE, "POST", f"/v1/cases/{case.number}/contents", json={"contents": contents})
    with services.database.read() as connection:
        whole = list(exports.codes(connection, PDQ.name))
        assert len(whole) == 5
        for page in range(1, 7):
            monkeypatch.setattr(exports, "PAGE", page)
            assert list(exports.codes(connection, PDQ.name)) == whole


def test_each_step_is_in_the_audit_log(
    call: Call, other: Phone, asked: str, services: Services, case: OpenCase
) -> None:
    other("POST", f"{asked}/approval")
    call(ADMIN, "GET", asked)
    columns = (audit_entry.c.actor, audit_entry.c.action, audit_entry.c.subject)
    query = select(*columns).where(audit_entry.c.action.like("export.%")).order_by("seq")
    with services.database.read() as connection:
        rows = [tuple(each) for each in connection.execute(query)]
    export = asked.rpartition("/")[2]
    assert [each[1:] for each in rows] == [
        ("export.request", export),
        ("export.approve", export),
        ("export.take", export),
        ("export.codes", "1"),
    ]
    assert rows[0][0] == rows[2][0] != rows[1][0]


@pytest.mark.parametrize("path", ["child", "parent", "siblings", "grandchild"])
def test_one_administrator_with_several_keys_cannot_approve_alone(
    call: Call, client: TestClient, other: Phone, path: str
) -> None:
    def made_with(token: str | None) -> str:
        how = {} if token is None else {"headers": {"Authorization": f"Bearer {token}"}}
        role = ADMIN if token is None else None
        return str(call(role, "POST", "/v1/keys", json={"role": "admin"}, **how).json()["token"])

    def ask(method: str, where: str, token: str | None) -> httpx2.Response:
        if token is None:
            return call(ADMIN, method, where)
        return client.request(method, where, headers={"Authorization": f"Bearer {token}"})

    first: str | None = None
    second: str | None = made_with(None)
    if path == "parent":
        first, second = second, first
    elif path == "siblings":
        first = made_with(None)
    elif path == "grandchild":
        second = made_with(second)
    export = f"/v1/exports/{ask('POST', '/v1/exports', first).json()['export']}"
    answer = ask("POST", f"{export}/approval", second)
    assert refused(answer, 409, "same-key")
    assert "hashsvc keys create" in answer.json()["detail"]
    assert refused(ask("GET", export, first), 409, "not-approved")
    # Another administrator, whose key was created on the service's machine, can approve it.
    assert other("POST", f"{export}/approval").status_code == 204
