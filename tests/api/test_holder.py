"""A holder needs a number and a PIN, not a key. No response reveals whether a number exists."""

import statistics
import time
from collections.abc import Iterator
from typing import Any

import argon2
import httpx2
import pytest
from fastapi.testclient import TestClient

from hashsvc.access import Role
from hashsvc.api import Services, create_app, holder_messages
from hashsvc.bank import CaseView, HolderView, new_case_number, pins
from hashsvc.removal import State
from hashsvc.settings import Settings
from tests.api.helpers import Call, OpenCase, content_of, work_off
from tests.conftest import generated_photo, jpeg
from tests.helpers.set_clock import SetClock
from tests.helpers.site import Site

INTAKE, ANALYST, SCANNER = Role.INTAKE, Role.ANALYST, Role.SCANNER
CALLS = ("state", "contents", "withdraw", "renew")


def send(call: Call, what: str, number: str, pin: str, **more: Any) -> httpx2.Response:
    """Call as a holder, without a key."""
    return call(None, "POST", f"/v1/holder/{what}", json={"number": number, "pin": pin} | more)


def more_for(what: str) -> dict[str, Any]:
    """Return the fields that a call needs besides number and PIN."""
    if what == "contents":
        return {"contents": [content_of(jpeg(generated_photo(3)))]}
    return {"whole_case": True} if what == "withdraw" else {}


def other_than(pin: str) -> str:
    return f"{(int(pin) + 1) % 10**8:08}"


def visible(answer: httpx2.Response) -> tuple[Any, ...]:
    """Return everything that a caller sees of a response."""
    return answer.status_code, sorted(answer.headers.items()), answer.content


def messages_of(answer: httpx2.Response) -> dict[str, str]:
    """Return the texts of a holder's messages by key."""
    return {each["key"]: each["text"] for each in answer.json()["messages"]}


def test_a_holder_sees_contents_matches_and_requests(
    call: Call, services: Services, site: Site, case: OpenCase, clock: SetClock
) -> None:
    state = send(call, "state", case.number, case.pin)
    assert state.status_code == 200
    assert set(state.json()) == {
        "opened_on", "ends_on", "ends_soon", "contents", "matches", "requests", "messages",
    }  # fmt: skip
    assert state.json()["contents"] == [
        {"content": case.content, "quality": 100, "added_on": "2026-01-05", "pending": False}
    ]
    assert (state.json()["ends_on"], state.json()["ends_soon"]) == ("2028-01-05", False)
    assert messages_of(state) == {
        "case.ends": "This case ends on 2028-01-05. All of it is deleted then, unless you renew "
        "it first.",
        "matches.none": "No copies have been found so far.",
    }

    image = site.add_image("/copy.jpg", case.photo)
    call(SCANNER, "POST", "/v1/scans", json={"urls": [image]})
    work_off(services)
    (match,) = call(ANALYST, "GET", "/v1/matches").json()
    state = send(call, "state", case.number, case.pin)
    assert state.json()["matches"] == {"suspected": 1}
    assert messages_of(state)["matches.suspected"].endswith("still has to check: 1.")
    call(ANALYST, "POST", f"/v1/matches/{match['match']}/verdict", json={"confirmed": True})
    made = call(ANALYST, "POST", "/v1/removal-requests", json={"match": match["match"]}).json()
    path = f"/v1/removal-requests/{made['request']}"
    for state_after in ("approved", "sent"):
        call(ANALYST, "POST", f"{path}/moves", json={"to": state_after})
    clock.advance(24 * 3600)
    call(ANALYST, "POST", f"{path}/rechecks")
    state = send(call, "state", case.number, case.pin)
    (request,) = state.json()["requests"]
    platform = f"127.0.0.1:{site.port}"
    assert request["state"] == "sent"
    assert request["message"] == {
        "key": "request.sent",
        "values": {"platform": platform, "day": "2026-01-05"},
        "text": f"On 2026-01-05 we asked {platform} to remove an image. It has not answered yet.",
    }
    # A holder is not shown where the image is, how similar it is, or who reviewed it.
    for private in ("/copy.jpg", match["match"], made["request"], case.number, case.pin, "pdq1"):
        assert private not in state.text


def test_a_holder_is_warned_before_the_end_and_can_renew(
    call: Call, case: OpenCase, clock: SetClock
) -> None:
    clock.advance(701 * 24 * 3600)
    state = send(call, "state", case.number, case.pin)
    assert state.json()["ends_soon"]
    assert "case.ends-soon" in messages_of(state)
    renewed = send(call, "renew", case.number, case.pin)
    assert (renewed.status_code, renewed.json()) == (200, {"ends_on": "2029-12-06"})
    assert not send(call, "state", case.number, case.pin).json()["ends_soon"]


def test_a_holder_adds_and_withdraws(call: Call, case: OpenCase) -> None:
    added = content_of(jpeg(generated_photo(2)))
    answer = send(call, "contents", case.number, case.pin, contents=[added])
    assert answer.status_code == 201
    assert [each["content"] for each in answer.json()["contents"]] == [
        case.content,
        added["content"],
    ]
    again = send(call, "contents", case.number, case.pin, contents=[added])
    assert (again.status_code, again.json()["type"]) == (409, "urn:hashsvc:content-exists")
    gone = send(call, "withdraw", case.number, case.pin, content=case.content)
    assert (gone.status_code, gone.content) == (204, b"")
    left = send(call, "state", case.number, case.pin).json()["contents"]
    assert [each["content"] for each in left] == [added["content"]]
    twice = send(call, "withdraw", case.number, case.pin, content=case.content)
    assert (twice.status_code, twice.json()["type"]) == (404, "urn:hashsvc:unknown-content")
    assert send(call, "withdraw", case.number, case.pin, whole_case=True).status_code == 204
    assert send(call, "state", case.number, case.pin).status_code == 404
    assert call(INTAKE, "GET", f"/v1/cases/{case.number}").status_code == 404


@pytest.mark.parametrize(
    "more",
    [{}, {"whole_case": False}, {"whole_case": True, "content": "0f" * 16}, {"whole_case": "yes"}],
)
def test_a_withdrawal_must_name_one_content_or_the_whole_case(
    call: Call, case: OpenCase, more: dict[str, object]
) -> None:
    assert send(call, "withdraw", case.number, case.pin, **more).status_code == 422
    assert len(send(call, "state", case.number, case.pin).json()["contents"]) == 1


@pytest.mark.parametrize("what", CALLS)
def test_an_unknown_case_and_a_wrong_pin_get_the_same_response(
    what: str, call: Call, case: OpenCase
) -> None:
    more = more_for(what)
    answers = [
        visible(send(call, what, number, pin, **more))
        for number, pin in (
            (case.number, other_than(case.pin)),
            (new_case_number(), case.pin),
            (new_case_number(), other_than(case.pin)),
            (case.number[:-1] + "U", case.pin),
            ("x", case.pin),
            ("", case.pin),
        )
    ]
    assert answers[0][0] == 404
    assert b"urn:hashsvc:wrong-pin" in answers[0][2]
    assert len(set(map(str, answers))) == 1


@pytest.mark.parametrize("what", CALLS)
def test_they_get_the_same_response_after_too_many_guesses_too(
    what: str, call: Call, case: OpenCase
) -> None:
    more, unknown = more_for(what), new_case_number()
    for number in (case.number, unknown):
        for _ in range(5):
            assert send(call, what, number, other_than(case.pin), **more).status_code == 404
    first, second = (
        send(call, what, number, case.pin, **more) for number in (case.number, unknown)
    )
    assert visible(first) == visible(second)
    assert (first.status_code, first.headers["Retry-After"]) == (429, "30")
    assert first.json()["type"] == "urn:hashsvc:too-many-guesses"


@pytest.mark.parametrize(
    ("number", "pin"),
    [
        ("{number}", "1234567"),
        ("{number}", "123456789"),
        ("{number}", "1234567x"),
        ("{number}", ""),
        ("{number}", "１２３４５６７８"),
        ("{number}", 40718263),
        ("{number}", None),
        ("1" * 21, "40718263"),
        (None, "40718263"),
    ],
)
def test_text_that_is_not_a_pin_does_not_count_as_a_guess(
    call: Call, case: OpenCase, number: str | None, pin: object
) -> None:
    typed = number and number.format(number=case.number)
    for _ in range(6):
        body = {"number": typed, "pin": pin}
        answer = call(None, "POST", "/v1/holder/state", json=body)
        assert answer.status_code == 422
        assert case.number not in answer.text
    assert send(call, "state", case.number, case.pin).status_code == 200


def test_number_and_pin_may_be_typed_as_people_do(call: Call, case: OpenCase) -> None:
    number = case.number.lower().replace("-", " ")
    for pin in (f"{case.pin[:4]} {case.pin[4:]}", f"{case.pin[:4]}-{case.pin[4:]}"):
        assert send(call, "state", number, pin).status_code == 200


def test_the_pin_is_only_read_from_the_body(call: Call, case: OpenCase) -> None:
    both = {"number": case.number, "pin": case.pin}
    for how in (
        {"params": both},
        {"params": both, "json": {}},
        {"headers": {"X-Case-Pin": case.pin}, "json": {"number": case.number}},
    ):
        assert call(None, "POST", "/v1/holder/state", **how).status_code == 422
    assert call(None, "GET", "/v1/holder/state", params=both).status_code == 405


def test_a_key_is_neither_needed_nor_enough(call: Call, case: OpenCase) -> None:
    for role in Role:
        body = {"number": case.number, "pin": other_than(case.pin)}
        answer = call(role, "POST", "/v1/holder/renew", json=body)
        assert answer.status_code == 404


@pytest.fixture
def few(settings: Settings, clock: SetClock) -> Iterator[TestClient]:
    """A client of a service that allows five calls with a PIN per address and minute."""
    small = settings.model_copy(update={"limit_holder_calls_per_minute": 5})
    with TestClient(create_app(Services.build(small, clock))) as client:
        yield client


def test_an_address_has_a_budget_whatever_numbers_it_tries(few: TestClient) -> None:
    def tried() -> httpx2.Response:
        body = {"number": new_case_number(), "pin": "40718263"}
        return few.post("/v1/holder/state", json=body)

    assert [tried().status_code for _ in range(5)] == [404] * 5
    answer = tried()
    assert (answer.status_code, answer.json()["type"]) == (429, "urn:hashsvc:too-many-calls")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert "testclient" not in answer.text


def test_every_state_has_a_message() -> None:
    assert {f"request.{state}" for state in State} <= set(holder_messages.TEXTS)
    view = CaseView(number="", opened_on="2026-01-05", ends_on=None, ends_soon=False, contents=())
    holding = HolderView(view, {"suspected": 1, "confirmed": 2, "dismissed": 3}, [])
    said = [each.text for each in holder_messages.of_case(holding)]
    assert said == [
        "This case stays until you withdraw it.",
        "There are no images in this case, so we are not looking for any.",
        "Copies found: 2.",
        "Possible copies that a person still has to check: 1.",
        "Similar images that turned out not to be copies: 3.",
    ]


def test_two_analysts_can_issue_a_new_pin(
    call: Call, client: TestClient, services: Services, case: OpenCase, second_analyst: str
) -> None:
    path = f"/v1/cases/{case.number}/pin-resets"
    asked = call(ANALYST, "POST", path)
    assert asked.status_code == 201
    assert set(asked.json()) == {"reset", "expires_at"}
    approval = f"{path}/{asked.json()['reset']}/approval"
    alone = call(ANALYST, "POST", approval)
    assert (alone.status_code, alone.json()["type"]) == (409, "urn:hashsvc:same-key")
    header = {"Authorization": f"Bearer {second_analyst}"}
    given = client.post(approval, headers=header)
    assert given.status_code == 200
    assert set(given.json()) == {"pin"}
    assert send(call, "state", case.number, given.json()["pin"]).status_code == 200
    assert send(call, "state", case.number, case.pin).status_code == 404
    again = client.post(approval, headers=header)
    assert (again.status_code, again.json()["type"]) == (404, "urn:hashsvc:unknown-reset")


@pytest.mark.soak
def test_an_unknown_case_and_a_wrong_pin_take_the_same_time(
    call: Call, case: OpenCase, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The medians of 200 alternating calls each differ by less than a tenth."""
    monkeypatch.setattr(pins, "HASHER", argon2.PasswordHasher())
    known: list[float] = []
    unknown: list[float] = []
    for _ in range(200):
        for number, times in ((case.number, known), (new_case_number(), unknown)):
            # Let the service forget earlier wrong PINs, so that it makes no caller wait.
            clock.advance(8 * 24 * 3600)
            began = time.perf_counter()
            assert send(call, "renew", number, other_than(case.pin)).status_code == 404
            times.append(time.perf_counter() - began)
    assert statistics.median(known) == pytest.approx(statistics.median(unknown), rel=0.1)
