"""A mail with an unknown outcome is shown, listed, and settled by an analyst."""

import pytest

from hashsvc.access import Role
from hashsvc.api import Services
from tests.api.helpers import Call, OpenCase, work_off
from tests.helpers.set_clock import SetClock
from tests.helpers.site import Site
from tests.removal.steps import leave_unsure

ANALYST = Role.ANALYST
LIST = "/v1/removal-requests"
LOOKED = {"was_sent": True, "reason": "It is in the mail server's log."}


@pytest.fixture
def path(call: Call, services: Services, site: Site, case: OpenCase) -> str:
    """The address of an approved request."""
    image = site.add_image("/copy.jpg", case.photo)
    call(Role.SCANNER, "POST", "/v1/scans", json={"urls": [image]})
    work_off(services)
    (match,) = (each["match"] for each in call(ANALYST, "GET", "/v1/matches").json())
    call(ANALYST, "POST", f"/v1/matches/{match}/verdict", json={"confirmed": True})
    made = call(ANALYST, "POST", LIST, json={"match": match}).json()["request"]
    call(ANALYST, "POST", f"{LIST}/{made}/moves", json={"to": "approved"})
    return f"{LIST}/{made}"


def test_an_unsure_mail_is_shown_and_listed_until_it_is_settled(
    call: Call, services: Services, path: str, clock: SetClock
) -> None:
    request = path.rpartition("/")[2]
    assert call(ANALYST, "GET", path).json()["mailing"] is None
    assert call(ANALYST, "GET", LIST, params={"mailing": "unsure"}).json() == []
    began = services.clock()
    leave_unsure(services.database, request, began)
    clock.advance(60)

    mailing = call(ANALYST, "GET", path).json()["mailing"]
    assert mailing["request"] == request
    assert mailing["begun_at"] == mailing["unsure_from"] == began.isoformat().replace("+00:00", "Z")
    (listed,) = call(ANALYST, "GET", LIST, params={"mailing": "unsure"}).json()
    assert (listed["request"], listed["state"]) == (request, "approved")
    refused = call(ANALYST, "POST", f"{path}/moves", json={"to": "sent"})
    assert refused.status_code == 409
    assert "settle the mail" in refused.json()["detail"]

    settled = call(ANALYST, "POST", f"{path}/mail-settlements", json=LOOKED).json()
    assert (settled["state"], settled["mailing"]) == ("sent", None)
    assert settled["events"][-1]["reason"] == LOOKED["reason"]
    assert call(ANALYST, "GET", LIST, params={"mailing": "unsure"}).json() == []
    again = call(ANALYST, "POST", f"{path}/mail-settlements", json=LOOKED)
    assert again.status_code == 409


@pytest.mark.parametrize(
    "body", [{}, {"was_sent": True}, {"reason": "I asked."}, LOOKED | {"x": 1}]
)
def test_a_settlement_says_whether_it_was_sent_and_how_one_knows(
    call: Call, path: str, body: dict[str, object]
) -> None:
    assert call(ANALYST, "POST", f"{path}/mail-settlements", json=body).status_code == 422
