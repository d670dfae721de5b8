"""Keys see their own organisation's things. Those of others seem not to exist."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient

from hashsvc.access import Role, create_key, create_organisation
from hashsvc.api import Services
from hashsvc.bank import new_case_number
from hashsvc.clock import utc_now
from hashsvc.matching.suppressing import suppress
from hashsvc.store import matches, quarantines
from hashsvc.store.ids import DEFAULT_ORGANISATION
from tests.api.helpers import Call, OpenCase, body_of, content_of, work_off
from tests.api.role_table import MAY_CALL
from tests.conftest import generated_photo, jpeg
from tests.helpers.site import Site

INTAKE, ANALYST, SCANNER, ADMIN = Role.INTAKE, Role.ANALYST, Role.SCANNER, Role.ADMIN


@pytest.fixture
def theirs(client: TestClient, services: Services) -> Call:
    """A function that calls the service with a key of another organisation."""
    made = create_organisation(services.database, "Theirs", actor="test", clock=utc_now)
    tokens = {
        role: create_key(
            services.database, role, actor="test", clock=utc_now, organisation_id=made.id
        ).token
        for role in Role
    }

    def request(role: Role, method: str, path: str, **how: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {tokens[role]}"}
        return client.request(method, path, headers=headers, **how)

    return request


@pytest.fixture
def known(call: Call, services: Services, site: Site, case: OpenCase) -> dict[str, str]:
    """The ids of our case, scan, confirmed match and request."""
    image = site.add_image("/copy.jpg", case.photo)
    scan = call(SCANNER, "POST", "/v1/scans", json={"urls": [image]}).json()["scan"]
    work_off(services)
    (match,) = (each["match"] for each in call(ANALYST, "GET", "/v1/matches").json())
    call(ANALYST, "POST", f"/v1/matches/{match}/verdict", json={"confirmed": True})
    made = call(ANALYST, "POST", "/v1/removal-requests", json={"match": match}).json()
    reset = call(ANALYST, "POST", f"/v1/cases/{case.number}/pin-resets").json()["reset"]
    watched = {"scan": scan, "every_h": 24, "days": 30}
    watch = call(SCANNER, "POST", "/v1/watches", json=watched).json()["watch"]
    now = services.clock()
    with services.database.write() as connection:
        found = matches.by_id(connection, match)
        assert found.reviewed_by is not None
        dismissed = suppress(connection, found, everywhere=False, actor=found.reviewed_by, now=now)
        assert quarantines.begin(connection, found.content_id, since=now, now=now)
    return {
        "suppression": dismissed,
        "number": case.number,
        "content": case.content,
        "scan": scan,
        "watch": watch,
        "match": match,
        "request": made["request"],
        "reset": reset,
        "kind": "notify",
    }


def missing() -> dict[str, str]:
    """Return ids of the same kinds, of things that do not exist."""
    kinds = ("content", "scan", "watch", "match", "request", "reset", "suppression")
    ids = dict.fromkeys(kinds, "0f" * 16)
    return ids | {"number": new_case_number(), "kind": "notify"}


CONTENT = content_of(jpeg(generated_photo(9)))
SEEN = {"outcome": "still-there", "reason": "I looked."}
SETTLED = {"was_sent": True, "reason": "It is in the mail server's log."}
SCOPED: list[tuple[Role, str, str, Any]] = [
    (INTAKE, "GET", "/v1/cases/{number}", None),
    (ANALYST, "GET", "/v1/cases/{number}", None),
    (INTAKE, "POST", "/v1/cases/{number}/contents", {"contents": [CONTENT]}),
    (INTAKE, "DELETE", "/v1/cases/{number}/contents/{content}", None),
    (INTAKE, "DELETE", "/v1/cases/{number}", None),
    (ANALYST, "POST", "/v1/cases/{number}/pin-resets", None),
    (ANALYST, "POST", "/v1/cases/{number}/pin-resets/{reset}/approval", None),
    (ANALYST, "POST", "/v1/pending-contents/{content}/release", None),
    (ANALYST, "POST", "/v1/pending-contents/{content}/rejection", None),
    (SCANNER, "GET", "/v1/scans/{scan}", None),
    (ANALYST, "GET", "/v1/scans/{scan}", None),
    (SCANNER, "GET", "/v1/scans/{scan}/items", None),
    (ANALYST, "GET", "/v1/scans/{scan}/results", None),
    (ANALYST, "GET", "/v1/scans/{scan}/events", None),
    (SCANNER, "POST", "/v1/scans/{scan}/cancel", None),
    (SCANNER, "POST", "/v1/scans/{scan}/resume", None),
    (SCANNER, "POST", "/v1/scans/{scan}/retry", None),
    (SCANNER, "DELETE", "/v1/watches/{watch}", None),
    (ANALYST, "GET", "/v1/matches/{match}", None),
    (ANALYST, "POST", "/v1/matches/{match}/verdict", {"confirmed": True}),
    (ANALYST, "POST", "/v1/matches/{match}/verdict", {"confirmed": False}),
    (ANALYST, "GET", "/v1/matches/{match}/why", None),
    (ANALYST, "DELETE", "/v1/suppressions/{suppression}", None),
    (ANALYST, "POST", "/v1/quarantine/{content}/release", None),
    (ANALYST, "POST", "/v1/quarantine/{content}/dismissal", None),
    (ANALYST, "GET", "/v1/cases/{number}/lowest-tier", None),
    (ANALYST, "PUT", "/v1/cases/{number}/lowest-tier", {"lowest_tier": "certain"}),
    (ANALYST, "POST", "/v1/removal-requests", {"match": "{match}"}),
    (ANALYST, "GET", "/v1/removal-requests/{request}", None),
    (ANALYST, "GET", "/v1/removal-requests/{request}/notice", None),
    (ANALYST, "POST", "/v1/removal-requests/{request}/moves", {"to": "approved"}),
    (ANALYST, "POST", "/v1/removal-requests/{request}/moves", {"to": "gone"}),
    (ANALYST, "POST", "/v1/removal-requests/{request}/rechecks", None),
    (ANALYST, "POST", "/v1/removal-requests/{request}/observations", SEEN),
    (ANALYST, "POST", "/v1/removal-requests/{request}/mails", {"dry_run": True}),
    (ANALYST, "POST", "/v1/removal-requests/{request}/mail-settlements", SETTLED),
    (ANALYST, "POST", "/v1/removal-requests/{request}/complaints", {}),
    (ANALYST, "POST", "/v1/removal-requests/{request}/referrals", {}),
    (ANALYST, "POST", "/v1/removal-requests/{request}/orders", {}),
    (ANALYST, "POST", "/v1/removal-requests/{request}/escalations", {}),
    (ANALYST, "GET", "/v1/matches/{match}/actors", None),
    (ANALYST, "GET", "/v1/removal-requests/{request}/evidence", None),
    (ANALYST, "GET", "/v1/cases/{number}/evidence", None),
    (ANALYST, "GET", "/v1/cases/{number}/consents", None),
    (INTAKE, "POST", "/v1/cases/{number}/consents", {"kind": "share"}),
    (INTAKE, "DELETE", "/v1/cases/{number}/consents/{kind}", None),
]


def test_another_organisation_s_things_seem_not_to_exist(
    theirs: Call, known: dict[str, str], subtests: pytest.Subtests
) -> None:
    for role, method, path, body in SCOPED:

        def answer(
            ids: dict[str, str],
            role: Role = role,
            method: str = method,
            path: str = path,
            body: Any = body,
        ) -> tuple[Any, ...]:
            sent = {"match": ids["match"]} if body == {"match": "{match}"} else body
            found = theirs(role, method, path.format_map(ids), json=sent)
            return found.status_code, sorted(found.headers.items()), found.content

        with subtests.test(role=role, method=method, path=path):
            assert answer(known) == answer(missing())
            assert answer(known)[0] == 404


def test_every_scoped_path_is_in_the_table() -> None:
    """Scoped paths have the id of a case, scan, match or request in them. Keys are not scoped."""
    tried = {(method, path) for _, method, path, _ in SCOPED}
    scoped = {call for call in MAY_CALL if "{" in call[1] and ADMIN not in MAY_CALL[call]}
    # All organisations share the platforms.
    scoped = {call for call in scoped if "{platform}" not in call[1]}
    assert scoped <= tried


def test_calls_of_another_organisation_change_nothing(
    call: Call, theirs: Call, known: dict[str, str], case: OpenCase
) -> None:
    before = call(ANALYST, "GET", f"/v1/removal-requests/{known['request']}").json()
    for role, method, path, body in SCOPED:
        sent = {"match": known["match"]} if body == {"match": "{match}"} else body
        theirs(role, method, path.format_map(known), json=sent)
    assert call(ANALYST, "GET", f"/v1/removal-requests/{known['request']}").json() == before
    left = call(INTAKE, "GET", f"/v1/cases/{case.number}").json()["contents"]
    assert [each["content"] for each in left] == [case.content]
    assert call(ANALYST, "GET", f"/v1/matches/{known['match']}").json()["state"] == "confirmed"
    state = call(None, "POST", "/v1/holder/state", json={"number": case.number, "pin": case.pin})
    assert state.status_code == 200


@pytest.mark.parametrize(
    "path", ["/v1/matches", "/v1/removal-requests", "/v1/suppressions", "/v1/quarantine"]
)
def test_lists_show_only_the_caller_s_organisation(
    path: str, call: Call, theirs: Call, known: dict[str, str]
) -> None:
    assert len(call(ANALYST, "GET", path).json()) == 1
    assert theirs(ANALYST, "GET", path).json() == []
    if path == "/v1/matches":
        assert theirs(ANALYST, "GET", path, params={"scan": known["scan"]}).json() == []


def test_a_match_belongs_to_the_organisation_of_the_case_not_of_the_scan(
    call: Call, theirs: Call, services: Services, site: Site, case: OpenCase
) -> None:
    image = site.add_image("/copy.jpg", case.photo)
    scan = theirs(SCANNER, "POST", "/v1/scans", json={"urls": [image]}).json()["scan"]
    work_off(services)
    for role in (SCANNER, ANALYST):
        progress = theirs(role, "GET", f"/v1/scans/{scan}").json()
        assert (progress["items"], progress["matches"]) == ({"done": 1}, {})
    assert theirs(ANALYST, "GET", "/v1/matches").json() == []
    (match,) = call(ANALYST, "GET", "/v1/matches").json()
    assert (match["case"], match["image_url"]) == (case.number, image)
    assert call(ANALYST, "GET", f"/v1/scans/{scan}").status_code == 404
    call(ANALYST, "POST", f"/v1/matches/{match['match']}/verdict", json={"confirmed": True})
    made = call(ANALYST, "POST", "/v1/removal-requests", json={"match": match["match"]})
    assert made.status_code == 201
    assert theirs(ANALYST, "GET", "/v1/removal-requests").json() == []


def test_a_request_stays_with_its_organisation_after_the_case_is_deleted(
    call: Call, theirs: Call, known: dict[str, str], case: OpenCase
) -> None:
    path = f"/v1/removal-requests/{known['request']}"
    for state in ("approved", "sent"):
        call(ANALYST, "POST", f"{path}/moves", json={"to": state})
    call(INTAKE, "DELETE", f"/v1/cases/{case.number}")
    assert call(ANALYST, "GET", path).json()["state"] == "withdrawn"
    assert theirs(ANALYST, "GET", path).status_code == 404


def test_two_organisations_work_side_by_side(
    call: Call, theirs: Call, services: Services, site: Site, case: OpenCase
) -> None:
    """Both have a case with the same image. Each gets its own match and no sign of the other."""
    number = theirs(INTAKE, "POST", "/v1/cases", json={"adult": True}).json()["number"]
    record = {"contents": [content_of(case.photo)]}
    assert theirs(INTAKE, "POST", f"/v1/cases/{number}/contents", json=record).is_success
    image = site.add_image("/copy.jpg", case.photo)
    scan = call(SCANNER, "POST", "/v1/scans", json={"urls": [image]}).json()["scan"]
    work_off(services)
    assert call(SCANNER, "GET", f"/v1/scans/{scan}").json()["matches"] == {"suspected": 1}
    for who, own in ((call, case.number), (theirs, number)):
        assert [each["case"] for each in who(ANALYST, "GET", "/v1/matches").json()] == [own]
    # A lookup finds both cases. Each analyst sees evidence only for their own case.
    for who in (call, theirs):
        found = who(ANALYST, "POST", "/v1/lookups", json=body_of(case.signature)).json()
        assert sorted(each["evidence"] is not None for each in found) == [False, True]


def test_administrators_create_organisations(call: Call) -> None:
    made = call(ADMIN, "POST", "/v1/organisations", json={"name": "  A body  "})
    assert made.status_code == 201
    assert made.json()["name"] == "A body"
    again = call(ADMIN, "POST", "/v1/organisations", json={"name": "A body"})
    assert (again.status_code, again.json()["type"]) == (409, "urn:hashsvc:name-taken")
    assert "A body" not in again.text
    listed = call(ADMIN, "GET", "/v1/organisations").json()
    assert {(each["organisation"], each["name"]) for each in listed} == {
        (DEFAULT_ORGANISATION, "default"),
        (made.json()["organisation"], "A body"),
    }
    for name in ("", "   ", "x" * 201, None, 5):
        body = {"name": name}
        assert call(ADMIN, "POST", "/v1/organisations", json=body).status_code == 422


def test_a_key_needs_an_existing_organisation(
    call: Call, client: TestClient, case: OpenCase
) -> None:
    made = call(ADMIN, "POST", "/v1/organisations", json={"name": "A body"}).json()
    body = {"role": "analyst", "organisation": made["organisation"]}
    key = call(ADMIN, "POST", "/v1/keys", json=body)
    assert key.status_code == 201
    assert key.json()["organisation"] == made["organisation"]
    header = {"Authorization": f"Bearer {key.json()['token']}"}
    assert client.get(f"/v1/cases/{case.number}", headers=header).status_code == 404
    unknown = call(ADMIN, "POST", "/v1/keys", json=body | {"organisation": "0f" * 16})
    assert (unknown.status_code, unknown.json()["type"]) == (404, "urn:hashsvc:unknown-row")
    default = call(ADMIN, "POST", "/v1/keys", json={"role": "analyst"}).json()
    assert default["organisation"] == DEFAULT_ORGANISATION


def test_a_scan_and_a_case_belong_to_the_key_s_organisation(
    theirs: Call, call: Call, logged: Callable[[], str]
) -> None:
    number = theirs(INTAKE, "POST", "/v1/cases", json={"adult": True}).json()["number"]
    scan = theirs(ANALYST, "POST", "/v1/scans", json={"urls": ["http://x.example/"]}).json()["scan"]
    for path in (f"/v1/cases/{number}", f"/v1/scans/{scan}"):
        assert theirs(ANALYST, "GET", path).status_code == 200
        assert call(ANALYST, "GET", path).status_code == 404
