"""The audit log has an entry for every call that reads or changes cases, matches or keys."""

import re
from datetime import timedelta

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select

from hashsvc.access import Role
from hashsvc.api import Services
from hashsvc.bank import ImageList
from hashsvc.matching.suppressing import suppress
from hashsvc.signals import sign_image
from hashsvc.store import cases, matches, quarantines
from hashsvc.store.ids import KeyId, MatchId
from hashsvc.store.tables import audit_entry
from tests.api.deeds import ADMIN, ANALYST, DEEDS, INTAKE, LEAVE_NOTHING, PHOTOS, SCANNER
from tests.api.helpers import Call, OpenCase, content_of, work_off
from tests.conftest import generated_photo, jpeg
from tests.helpers.site import Site
from tests.removal.steps import leave_unsure


@pytest.fixture
def known(
    call: Call,
    client: TestClient,
    services: Services,
    site: Site,
    case: OpenCase,
    second_analyst: str,
    second_admin: str,
) -> dict[str, str]:
    """The id of one thing of each kind, including a match without a verdict."""
    known = {"number": case.number, "content": case.content}
    image = site.add_image("/copy.jpg", case.photo)
    known["scan"] = call(SCANNER, "POST", "/v1/scans", json={"urls": [image]}).json()["scan"]
    watch = {"scan": known["scan"], "every_h": 1, "days": 1}
    known["watch"] = call(SCANNER, "POST", "/v1/watches", json=watch).json()["watch"]
    work_off(services)
    (known["match"],) = (each["match"] for each in call(ANALYST, "GET", "/v1/matches").json())
    other = call(INTAKE, "POST", "/v1/cases", json={"adult": True}).json()["number"]
    header = {"Authorization": f"Bearer {second_analyst}"}
    asked = client.post(f"/v1/cases/{other}/pin-resets", headers=header).json()
    pending = [content_of(each) for each in PHOTOS[1:3]]
    for each in PHOTOS[1:3]:
        services.lists.add(ImageList.PROTECTED, sign_image(each), actor="test")
    path = f"/v1/cases/{case.number}/contents"
    assert call(INTAKE, "POST", path, json={"contents": pending}).is_success
    flooded = call(INTAKE, "POST", "/v1/cases", json={"adult": True}).json()["number"]
    flood = content_of(jpeg(generated_photo(8)))
    path = f"/v1/cases/{flooded}/contents"
    assert call(INTAKE, "POST", path, json={"contents": [flood]}).is_success
    now = services.clock()
    with services.database.write() as connection:
        match = matches.by_id(connection, MatchId(known["match"]))
        dismissed = suppress(connection, match, everywhere=False, actor=KeyId("0f" * 16), now=now)
        # The quarantine begins after the match was found, so the match is not in it.
        later = now + timedelta(hours=1)
        for number in (case.number, flooded):
            of = cases.case_by_number(connection, number).id
            first = cases.contents_of(connection, of)[0].id
            assert quarantines.begin(connection, first, since=later, now=later)
    signed = sign_image(PHOTOS[3])
    header = {"Authorization": f"Bearer {second_admin}"}
    export = client.post("/v1/exports", headers=header).json()["export"]
    approved = call(ADMIN, "POST", "/v1/exports").json()["export"]
    client.post(f"/v1/exports/{approved}/approval", headers=header)
    keys = {each["role"]: each["key"] for each in call(ADMIN, "GET", "/v1/keys").json()}
    return known | {
        "suppression": dismissed,
        "flood_content": flood["content"],
        "other_number": other,
        "reset": asked["reset"],
        "pending_content": pending[0]["content"],
        "pending_2_content": pending[1]["content"],
        "label": services.lists.add(ImageList.COMMON, signed, actor="test"),
        "protected_label": services.lists.add(ImageList.PROTECTED, signed, actor="test"),
        "export": export,
        "approved_export": approved,
        "key": keys["scanner"],
        "platform": "here",
        "litigate_kind": "litigate",
    }


def entries(services: Services) -> list[tuple[str, str, str]]:
    """Return the actor, action and subject of every entry."""
    query = select(audit_entry.c.actor, audit_entry.c.action, audit_entry.c.subject)
    with services.database.read() as connection:
        rows = connection.execute(query.order_by(audit_entry.c.seq)).all()
    return [(each.actor, each.action, each.subject) for each in rows]


def test_every_call_leaves_its_entries_and_no_others(
    call: Call,
    services: Services,
    case: OpenCase,
    known: dict[str, str],
    tokens: dict[Role, str],
    subtests: pytest.Subtests,
) -> None:
    actors: dict[Role | None, set[str]] = {}
    for role in Role:
        before = entries(services)
        call(role, "POST", "/v1/cases", json={"adult": False})
        assert entries(services) == before
    for deed in DEEDS:
        with subtests.test(deed.method, path=deed.path):
            if deed.path.endswith("/mail-settlements"):
                leave_unsure(services.database, known["request"], services.clock())
            before = entries(services)
            body = deed.body
            if deed.who is None:
                body = {"number": case.number, "pin": case.pin} | (body or {})
            elif body is not None:
                body = {
                    name: known.get(value[1:-1], value) if isinstance(value, str) else value
                    for name, value in body.items()
                }
            how = {} if body is None else {"json": body}
            answer = call(deed.who, deed.method, deed.path.format_map(known), **how)
            assert answer.is_success, answer.text
            if deed.path == "/v1/removal-requests" and deed.method == "POST":
                known["request"] = answer.json()["request"]
            added = entries(services)[len(before) :]
            expected = [(action, subject.format_map(known)) for action, subject in deed.left]
            assert [each[1] for each in added] == [each[0] for each in expected]
            for (actor, _, subject), (_, named) in zip(added, expected, strict=True):
                if named == "…":
                    # A subject is an id, a case number or a count.
                    assert re.fullmatch(
                        r"[0-9a-f]{32}|[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]|\d+", subject
                    )
                else:
                    assert subject == named
                actors.setdefault(deed.who, set()).add(actor)
    # The actor is the key's id: one for each role.
    assert all(len(each) == 1 for each in actors.values())
    listed = {each["key"] for each in call(ADMIN, "GET", "/v1/keys").json()}
    assert {each for role, (each,) in actors.items() if role} <= listed
    assert actors[None] == {"holder"}
    assert services.log_signer.verify() == len(entries(services))


def test_every_route_is_tested(app: FastAPI) -> None:
    def bare(path: str) -> str:
        # The last word of a name such as `pending_content` is the kind of thing.
        return re.sub(r"{(?:\w+_)?(\w+)}", r"{\1}", path.partition("?")[0])

    document = app.openapi()["paths"]
    routes = {(method.upper(), path) for path in document for method in document[path]}
    tried = {(each.method, bare(each.path)) for each in DEEDS}
    assert tried | LEAVE_NOTHING == routes
    assert not tried & LEAVE_NOTHING


def test_a_wrong_pin_is_audited_without_the_case_number(
    call: Call, services: Services, case: OpenCase
) -> None:
    before = entries(services)
    body = {"number": case.number, "pin": f"{(int(case.pin) + 1) % 10**8:08}"}
    call(None, "POST", "/v1/holder/state", json=body)
    ((actor, action, subject),) = entries(services)[len(before) :]
    assert (actor, action) == ("holder", "pin.wrong")
    assert re.fullmatch("[0-9a-f]{32}", subject)


def test_a_refused_call_leaves_no_entry(
    call: Call, services: Services, known: dict[str, str]
) -> None:
    before = entries(services)
    for role, path in (
        (SCANNER, f"/v1/matches/{known['match']}"),
        (ANALYST, f"/v1/matches/{'0f' * 16}"),
        (ANALYST, f"/v1/removal-requests/{'0f' * 16}"),
        (ADMIN, f"/v1/cases/{known['number']}"),
    ):
        assert call(role, "GET", path).status_code in {403, 404}
    assert entries(services) == before


def test_verification_compares_the_log_with_its_checkpoints(
    call: Call, services: Services, known: dict[str, str]
) -> None:
    services.log_signer.checkpoint()
    first = call(ADMIN, "GET", "/v1/audit/verification").json()["entries"]
    # The verification itself adds an entry.
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
