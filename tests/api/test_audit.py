"""Whoever reads a case, a match, a request, URLs or keys, or changes one, is in the audit log."""

import pytest
from sqlalchemy import select

from benchmarks.site import Site
from hashsvc.api import Role, Services
from hashsvc.store.tables import audit_entry
from tests.api.conftest import Call, OpenCase, work_off

INTAKE, ANALYST, SCANNER, ADMIN = Role.INTAKE, Role.ANALYST, Role.SCANNER, Role.ADMIN


@pytest.fixture
def known(call: Call, services: Services, site: Site, case: OpenCase) -> dict[str, str]:
    """The ids of a case, a scan, a match, a request and keys."""
    image = site.add_image("/copy.jpg", case.photo)
    scan = call(SCANNER, "POST", "/v1/scans", json={"urls": [image]}).json()["scan"]
    work_off(services)
    (match,) = (each["match"] for each in call(ANALYST, "GET", "/v1/matches").json())
    call(ANALYST, "POST", f"/v1/matches/{match}/verdict", json={"confirmed": True})
    made = call(ANALYST, "POST", "/v1/removal-requests", json={"match": match}).json()
    keys = {each["role"]: each["key"] for each in call(ADMIN, "GET", "/v1/keys").json()}
    return {"number": case.number, "content": case.content, "scan": scan, "match": match} | {
        "request": made["request"],
        **keys,
    }


def entries(services: Services) -> list[tuple[str, str, str]]:
    """Return actor, action and subject of every entry."""
    query = select(audit_entry.c.actor, audit_entry.c.action, audit_entry.c.subject)
    with services.database.read() as connection:
        rows = connection.execute(query.order_by(audit_entry.c.seq)).all()
    return [tuple(each) for each in rows]  # type: ignore[misc]


CALLS: list[tuple[Role, str, str, list[tuple[str, str]]]] = [
    (INTAKE, "GET", "/v1/cases/{number}", [("case.read", "{number}")]),
    (ANALYST, "GET", "/v1/cases/{number}", [("case.read", "{number}")]),
    (ANALYST, "GET", "/v1/matches", [("match.list", "1")]),
    (ANALYST, "GET", "/v1/matches?state=dismissed", [("match.list", "0")]),
    (ANALYST, "GET", "/v1/matches/{match}", [("match.read", "{match}")]),
    (ANALYST, "GET", "/v1/removal-requests", [("request.list", "1")]),
    (ANALYST, "GET", "/v1/removal-requests/{request}", [("request.read", "{request}")]),
    (ANALYST, "GET", "/v1/removal-requests/{request}/notice", [("request.read", "{request}")]),
    (SCANNER, "GET", "/v1/scans/{scan}/items", [("scan.items", "{scan}")]),
    (SCANNER, "POST", "/v1/scans/{scan}/cancel", [("scan.cancel", "{scan}")]),
    (ADMIN, "GET", "/v1/keys", [("key.list", "4")]),
    (ADMIN, "DELETE", "/v1/keys/{scanner}", [("key.revoke", "{scanner}")]),
    (
        INTAKE,
        "DELETE",
        "/v1/cases/{number}",
        [("content.withdraw", "{content}"), ("case.withdraw", "{number}")],
    ),
]


def test_a_call_leaves_its_entry(
    call: Call, services: Services, known: dict[str, str], subtests: pytest.Subtests
) -> None:
    for role, method, path, expected in CALLS:
        with subtests.test(role=role, method=method, path=path):
            before = entries(services)
            assert call(role, method, path.format_map(known)).is_success
            added = entries(services)[len(before) :]
            assert added == [
                (known[role], action, subject.format_map(known)) for action, subject in expected
            ]


def test_a_refused_call_leaves_none(call: Call, services: Services, known: dict[str, str]) -> None:
    before = entries(services)
    for role, path in (
        (SCANNER, f"/v1/matches/{known['match']}"),
        (ANALYST, f"/v1/matches/{'0f' * 16}"),
        (ANALYST, f"/v1/removal-requests/{'0f' * 16}"),
        (ADMIN, f"/v1/cases/{known['number']}"),
    ):
        assert call(role, "GET", path).status_code in {403, 404}
    assert entries(services) == before


def test_verification_compares_with_what_was_signed(
    call: Call, services: Services, known: dict[str, str]
) -> None:
    services.witness.checkpoint()
    first = call(ADMIN, "GET", "/v1/audit/verification").json()["entries"]
    # The check is an entry itself.
    assert call(ADMIN, "GET", "/v1/audit/verification").json()["entries"] == first + 1
    with services.database.write() as connection:
        connection.execute(audit_entry.delete().where(audit_entry.c.seq >= 5))
        connection.exec_driver_sql("UPDATE sqlite_sequence SET seq = 4 WHERE name = 'audit_entry'")
    answer = call(ADMIN, "GET", "/v1/audit/verification")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:hashsvc:broken-chain")
    assert "entry 5: it is missing" in answer.json()["detail"]
    anchor = services.settings.data_dir / "audit.anchor"
    anchor.write_text("canary\n")
    answer = call(ADMIN, "GET", "/v1/audit/verification")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:hashsvc:malformed")
    assert "canary" not in answer.text
