"""Common images are refused, and protected images wait for an analyst. No search finds them."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from hashsvc.access import Role, create_key, create_organisation
from hashsvc.api import Services
from hashsvc.clock import utc_now
from hashsvc.signals import sign_image
from hashsvc.store.tables import audit_entry
from tests.api.helpers import Call, OpenCase, body_of, content_of, work_off
from tests.conftest import generated_photo, jpeg
from tests.helpers.common_images import common_image
from tests.helpers.site import Site

INTAKE, ANALYST, SCANNER, ADMIN = Role.INTAKE, Role.ANALYST, Role.SCANNER, Role.ADMIN
PHOTO = jpeg(generated_photo(5))


@pytest.fixture
def number(call: Call) -> str:
    """The number of a case without contents."""
    return str(call(INTAKE, "POST", "/v1/cases", json={"adult": True}).json()["number"])


def add(call: Call, number: str, *photos: bytes) -> Any:
    """Submit contents, and return the response and the id of the last content."""
    contents = [content_of(photo) for photo in photos]
    answer = call(INTAKE, "POST", f"/v1/cases/{number}/contents", json={"contents": contents})
    return answer, contents[-1]["content"]


def list_image(call: Call, kind: str, photo: bytes, role: Role = ADMIN) -> str:
    """Put a photo on a list, and return its label."""
    made = call(role, "POST", f"/v1/lists/{kind}/images", json=body_of(sign_image(photo)))
    assert made.status_code == 201
    assert set(made.json()) == {"label"}
    return str(made.json()["label"])


def found(call: Call, photo: bytes) -> int:
    """Return how many contents a lookup finds."""
    return len(call(SCANNER, "POST", "/v1/lookups", json=body_of(sign_image(photo))).json())


def actions(services: Services) -> list[str]:
    with services.database.read() as connection:
        return list(connection.execute(select(audit_entry.c.action)).scalars())


@pytest.mark.parametrize("name", ["heart", "smiling face, light on dark", "like a QR code, 25"])
def test_a_common_image_is_refused_with_the_reason(call: Call, number: str, name: str) -> None:
    answer, _ = add(call, number, PHOTO, common_image(name))
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:hashsvc:common-image")
    assert answer.json()["detail"].startswith("Image 2 is one that many people have")
    # If one is refused, none is added.
    assert call(INTAKE, "GET", f"/v1/cases/{number}").json()["contents"] == []


def test_an_image_on_the_operator_s_own_list_is_refused_too(call: Call, number: str) -> None:
    label = list_image(call, "common", PHOTO)
    answer, _ = add(call, number, jpeg(generated_photo(5).resize((320, 240)), 60))
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:hashsvc:common-image")
    assert call(ADMIN, "DELETE", f"/v1/lists/common/images/{label}").status_code == 204
    answer, _ = add(call, number, PHOTO)
    assert answer.status_code == 201


def test_a_holder_s_common_image_is_refused_too(call: Call, case: OpenCase) -> None:
    body = {"number": case.number, "pin": case.pin, "contents": [content_of(common_image("heart"))]}
    answer = call(None, "POST", "/v1/holder/contents", json=body)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:hashsvc:common-image")


def test_a_protected_image_waits_until_it_is_released(
    call: Call, services: Services, site: Site, number: str
) -> None:
    label = list_image(call, "protected", PHOTO, ANALYST)
    answer, content = add(call, number, PHOTO)
    assert answer.status_code == 201
    assert [each["pending"] for each in answer.json()["contents"]] == [True]
    (waiting,) = call(ANALYST, "GET", "/v1/pending-contents").json()
    assert waiting == {
        "content": content,
        "case": number,
        "reason": "protected",
        "label": label,
        "pending_since": "2026-01-05",
    }
    image = site.add_image("/held.jpg", PHOTO)
    scan = call(ANALYST, "POST", "/v1/scans", json={"urls": [image]}).json()["scan"]
    work_off(services)
    assert call(ANALYST, "GET", f"/v1/scans/{scan}").json()["matches"] == {}
    assert found(call, PHOTO) == 0

    assert call(ANALYST, "POST", f"/v1/pending-contents/{content}/release").status_code == 204
    assert found(call, PHOTO) == 1
    assert call(ANALYST, "GET", "/v1/pending-contents").json() == []
    contents = call(INTAKE, "GET", f"/v1/cases/{number}").json()["contents"]
    assert [each["pending"] for each in contents] == [False]
    again = call(ANALYST, "POST", f"/v1/pending-contents/{content}/release")
    assert (again.status_code, again.json()["type"]) == (404, "urn:hashsvc:unknown-pending")
    assert {"content.hold", "content.release"} <= set(actions(services))


def test_a_restarted_service_does_not_find_pending_contents(
    call: Call, services: Services, number: str
) -> None:
    list_image(call, "protected", PHOTO)
    add(call, number, PHOTO)
    again = Services.build(services.settings, services.clock)
    again.bank_index.catch_up()
    assert again.bank_index.find(sign_image(PHOTO)) == []
    again.database.close()


def test_a_rejected_content_is_deleted(call: Call, services: Services, number: str) -> None:
    list_image(call, "protected", PHOTO)
    _, content = add(call, number, PHOTO)
    assert call(ANALYST, "POST", f"/v1/pending-contents/{content}/rejection").status_code == 204
    assert call(INTAKE, "GET", f"/v1/cases/{number}").json()["contents"] == []
    assert call(ANALYST, "GET", "/v1/pending-contents").json() == []
    assert found(call, PHOTO) == 0
    assert actions(services)[-5:].count("content.reject") == 1


def test_a_pending_content_can_be_withdrawn(call: Call, number: str) -> None:
    list_image(call, "protected", PHOTO)
    _, content = add(call, number, PHOTO)
    assert call(INTAKE, "DELETE", f"/v1/cases/{number}/contents/{content}").status_code == 204
    assert call(ANALYST, "GET", "/v1/pending-contents").json() == []
    add(call, number, PHOTO)
    assert call(INTAKE, "DELETE", f"/v1/cases/{number}").status_code == 204
    assert call(ANALYST, "GET", "/v1/pending-contents").json() == []


def test_other_contents_of_a_submission_do_not_wait(call: Call, number: str) -> None:
    list_image(call, "protected", PHOTO)
    other = jpeg(generated_photo(6))
    answer, _ = add(call, number, PHOTO, other)
    assert [each["pending"] for each in answer.json()["contents"]] == [True, False]
    assert (found(call, PHOTO), found(call, other)) == (0, 1)


def test_a_holder_sees_that_an_image_is_pending(call: Call, number: str, case: OpenCase) -> None:
    list_image(call, "protected", PHOTO)
    body = {"number": case.number, "pin": case.pin, "contents": [content_of(PHOTO)]}
    state = call(None, "POST", "/v1/holder/contents", json=body).json()
    assert [each["pending"] for each in state["contents"]] == [False, True]
    assert "contents.pending" in {each["key"] for each in state["messages"]}


def test_analysts_of_another_organisation_do_not_see_pending_contents(
    call: Call, client: TestClient, services: Services, number: str
) -> None:
    list_image(call, "protected", PHOTO)
    _, content = add(call, number, PHOTO)
    made = create_organisation(services.database, "Theirs", actor="test", clock=utc_now)
    key = create_key(
        services.database, ANALYST, actor="test", clock=utc_now, organisation_id=made.id
    )
    header = {"Authorization": f"Bearer {key.token}"}
    assert client.get("/v1/pending-contents", headers=header).json() == []
    for what in ("release", "rejection"):
        theirs = client.post(f"/v1/pending-contents/{content}/{what}", headers=header)
        missing = client.post(f"/v1/pending-contents/{'0f' * 16}/{what}", headers=header)
        assert (theirs.status_code, theirs.content) == (404, missing.content)
    assert len(call(ANALYST, "GET", "/v1/pending-contents").json()) == 1


def test_a_list_shows_labels_and_no_signals(call: Call) -> None:
    keys = {each["role"]: each["key"] for each in call(ADMIN, "GET", "/v1/keys").json()}
    label = list_image(call, "protected", PHOTO, ANALYST)
    answer = call(ADMIN, "GET", "/v1/lists/protected/images")
    (image,) = answer.json()
    assert image.pop("signals_kept") > 8
    assert image == {
        "label": label,
        "added_by": keys["analyst"],
        "added_at": "2026-01-05T23:59:30Z",
    }
    codes = [each.signal.code.hex() for each in sign_image(PHOTO).signals]
    assert not [code for code in codes if code[:12] in answer.text]
    assert call(ADMIN, "GET", "/v1/lists/common/images").json() == []
    assert call(ADMIN, "GET", "/v1/lists/other/images").status_code == 422


def test_a_list_takes_signals_and_no_description(call: Call) -> None:
    body = body_of(sign_image(PHOTO))
    for wrong in (
        body | {"name": "a photo"},
        body | {"label": "0f" * 16},
        body | {"signals": [each for each in body["signals"] if "pdq1" not in each["signal"]]},
        body | {"signals": body["signals"][:1] * 2},
    ):
        answer = call(ADMIN, "POST", "/v1/lists/common/images", json=wrong)
        assert answer.status_code == 422


@pytest.mark.parametrize("kind", ["common", "protected"])
def test_an_image_that_is_not_on_a_list_cannot_be_removed(call: Call, kind: str) -> None:
    other = list_image(call, "common" if kind == "protected" else "protected", PHOTO)
    for label in (other, "0f" * 16):
        answer = call(ADMIN, "DELETE", f"/v1/lists/{kind}/images/{label}")
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:hashsvc:unknown-label")
