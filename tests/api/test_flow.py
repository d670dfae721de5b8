"""Over HTTP, a case goes from opening to the removal of an image, and can be withdrawn."""

import re
from typing import Any

import pytest
from PIL import Image, ImageOps
from sqlalchemy import text

from hashsvc.access import Role
from hashsvc.api import Services
from hashsvc.bank import MAX_CONTENTS, MAX_SIGNALS
from hashsvc.signals import sign_image
from tests.api.helpers import Call, OpenCase, body_of, content_of, work_off
from tests.conftest import generated_photo, jpeg
from tests.helpers.set_clock import SetClock
from tests.helpers.site import Site

INTAKE, ANALYST, SCANNER, ADMIN = Role.INTAKE, Role.ANALYST, Role.SCANNER, Role.ADMIN


def report(call: Call, services: Services, *urls: str) -> dict[str, Any]:
    """Submit URLs, scan them, and return the finished scan."""
    made = call(SCANNER, "POST", "/v1/scans", json={"urls": urls})
    assert made.status_code == 202
    work_off(services)
    return dict(call(SCANNER, "GET", f"/v1/scans/{made.json()['scan']}").json())


def confirmed(call: Call, services: Services, url: str) -> str:
    """Scan a URL, confirm its one match, and return the match's id."""
    scan = report(call, services, url)["scan"]
    (match,) = call(ANALYST, "GET", "/v1/matches", params={"scan": scan}).json()
    path = f"/v1/matches/{match['match']}/verdict"
    assert call(ANALYST, "POST", path, json={"confirmed": True}).status_code == 200
    return str(match["match"])


def sent(call: Call, match: str) -> str:
    """Send the removal request for a match, and return its path."""
    made = call(ANALYST, "POST", "/v1/removal-requests", json={"match": match})
    assert made.status_code == 201
    path = f"/v1/removal-requests/{made.json()['request']}"
    for state in ("approved", "sent"):
        moved = call(ANALYST, "POST", f"{path}/moves", json={"to": state})
        assert (moved.status_code, moved.json()["state"]) == (200, state)
    return path


def test_a_case_is_a_number_a_pin_and_contents(call: Call, clock: SetClock) -> None:
    opened = call(INTAKE, "POST", "/v1/cases", json={"adult": True})
    assert opened.status_code == 201
    assert set(opened.json()) == {"number", "pin"}
    number = opened.json()["number"]
    assert re.fullmatch(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]", number)
    assert re.fullmatch(r"[0-9]{8}", opened.json()["pin"])
    contents = [content_of(jpeg(generated_photo(seed))) for seed in (1, 2)]
    clock.advance(60)
    added = call(INTAKE, "POST", f"/v1/cases/{number}/contents", json={"contents": contents})
    assert added.status_code == 201
    assert added.json() == {
        "number": number,
        "opened_on": "2026-01-05",
        "ends_on": "2028-01-05",
        "contents": [
            {
                "content": each["content"],
                "quality": each["quality"],
                "added_on": "2026-01-06",
                "pending": False,
            }
            for each in contents
        ],
    }
    for role in (INTAKE, ANALYST):
        assert call(role, "GET", f"/v1/cases/{number}").json() == added.json()


def test_a_minor_is_referred_and_nothing_stored(call: Call, services: Services) -> None:
    answer = call(INTAKE, "POST", "/v1/cases", json={"adult": False})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:hashsvc:minor")
    assert "116000" in answer.json()["detail"]
    with services.database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM bank_case")).scalar_one() == 0


def wrong_contents() -> dict[str, tuple[int, Any]]:
    """Return contents that a case refuses, with the status of each refusal."""
    photo = jpeg(generated_photo(2))
    good, views = content_of(photo), body_of(sign_image(photo))["signals"]
    pdq, others = good["signals"][0], good["signals"][1:]
    return {
        "no content": (422, []),
        "too many": (422, [good] * (MAX_CONTENTS + 1)),
        "other views": (422, [good, good | {"content": "a" * 32, "signals": views}]),
        "no PDQ": (422, [good | {"signals": others}]),
        "PDQ twice": (422, [good | {"signals": [pdq, pdq]}]),
        "too many signals": (422, [good | {"signals": [pdq] * (MAX_SIGNALS + 1)}]),
        "too plain": (422, [good, good | {"content": "a" * 32, "quality": 49}]),
        "one id twice": (409, [good, good]),
        "a short code": (422, [good | {"signals": [pdq | {"signal": "pdq1:" + 16 * "0"}]}]),
        "a name": (422, [good | {"name": "photo.jpg"}]),
    }


def test_contents_are_added_all_or_none(
    call: Call, case: OpenCase, subtests: pytest.Subtests
) -> None:
    path = f"/v1/cases/{case.number}"
    for wrong, (status, contents) in wrong_contents().items():
        with subtests.test(wrong=wrong):
            answer = call(INTAKE, "POST", f"{path}/contents", json={"contents": contents})
            assert answer.status_code == status
            left = call(INTAKE, "GET", path).json()["contents"]
            assert [each["content"] for each in left] == [case.content]


def test_a_content_id_is_used_once_in_all_cases(call: Call, case: OpenCase) -> None:
    taken = content_of(jpeg(generated_photo(2))) | {"content": case.content}
    other = call(INTAKE, "POST", "/v1/cases", json={"adult": True}).json()["number"]
    path = f"/v1/cases/{other}/contents"
    answer = call(INTAKE, "POST", path, json={"contents": [taken]})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:hashsvc:content-exists")
    # A content of another case gets the same answer as one that does not exist.
    for content in (case.content, "0f" * 16):
        answer = call(INTAKE, "DELETE", f"{path}/{content}")
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:hashsvc:unknown-content")


def test_a_lookup_shows_the_tier_and_evidence_only_to_analysts(call: Call, case: OpenCase) -> None:
    copy = body_of(sign_image(jpeg(ImageOps.mirror(generated_photo(1)), quality=60)))
    other = body_of(sign_image(jpeg(generated_photo(2))))
    found = call(SCANNER, "POST", "/v1/lookups", json=copy)
    assert found.status_code == 200
    (answer,) = found.json()
    assert set(answer) == {"pseudonym", "tier", "evidence"}
    assert (answer["tier"], answer["evidence"]) == ("certain", None)
    (shown,) = call(ANALYST, "POST", "/v1/lookups", json=copy).json()
    assert shown["tier"] == shown["evidence"]["tier"] == "certain"
    assert shown["evidence"]["why"].startswith("pdq1 of the mirror image differs in")
    assert shown["evidence"]["findings"][0]["view"] == "mirror"
    for role in (SCANNER, ANALYST):
        assert call(role, "POST", "/v1/lookups", json=other).json() == []


def test_a_scan_is_followed_to_its_end(call: Call, services: Services, site: Site) -> None:
    pages = [site.add_page(f"/{number}", []) for number in range(3)]
    urls = [pages[0], "no url", pages[1] + "#top", pages[1], site.url + "/gone", pages[2]]
    made = call(SCANNER, "POST", "/v1/scans", json={"urls": urls})
    assert made.status_code == 202
    path = f"/v1/scans/{made.json()['scan']}"
    assert {name: made.json()[name] for name in ("accepted", "duplicates", "invalid_lines")} == {
        "accepted": 4,
        "duplicates": 1,
        "invalid_lines": [{"line": 2, "rule": "A URL begins with http:// or https://."}],
    }
    before = call(ANALYST, "GET", path).json()
    assert (before["total"], before["finished"], before["items"]) == (4, 0, {"queued": 4})
    assert services.scanner.work_once()
    stopped = call(SCANNER, "POST", f"{path}/cancel").json()
    assert stopped["cancelled"]
    assert stopped["items"] == {"done": 1, "cancelled": 3}
    work_off(services)
    assert call(SCANNER, "GET", path).json() == stopped
    again = report(call, services, *urls)
    assert (again["finished"], again["items"]) == (4, {"done": 3, "dead": 1})


def test_items_are_read_page_by_page(call: Call, services: Services, site: Site) -> None:
    urls = [site.add_page(f"/{number}", []) for number in range(5)] + [site.url + "/gone"]
    path = f"/v1/scans/{report(call, services, *urls)['scan']}/items"
    items: list[dict[str, Any]] = []
    for expected in (2, 2, 2, 0):
        params = {"limit": 2, "after": items[-1]["id"] if items else 0}
        page = call(SCANNER, "GET", path, params=params).json()
        assert len(page) == expected
        items += page
    assert [each["url"] for each in items] == urls
    assert [(each["state"], each["reason"]) for each in items[-2:]] == [
        ("done", None),
        ("dead", "http-404"),
    ]


@pytest.mark.parametrize(
    ("path", "params", "status"),
    [
        ("/v1/matches", {"limit": 0}, 422),
        ("/v1/matches", {"limit": 1}, 200),
        ("/v1/matches", {"limit": 1000}, 200),
        ("/v1/matches", {"limit": 1001}, 422),
        ("/v1/removal-requests", {"limit": 1001}, 422),
        (f"/v1/scans/{'0f' * 16}/items", {"limit": 1001}, 422),
        (f"/v1/scans/{'0f' * 16}/items", {"after": -1}, 422),
        (f"/v1/scans/{'0f' * 16}/items", {"after": 2**63 - 1}, 404),
        (f"/v1/scans/{'0f' * 16}/items", {"after": 2**63}, 422),
    ],
)
def test_a_list_has_limits(path: str, params: dict[str, int], status: int, call: Call) -> None:
    assert call(ANALYST, "GET", path, params=params).status_code == status


@pytest.mark.parametrize("word", ["true", "yes", 1, 1.0, "", None, [True]])
def test_a_verdict_must_be_a_boolean(word: object, call: Call) -> None:
    assert call(INTAKE, "POST", "/v1/cases", json={"adult": word}).status_code == 422
    path = f"/v1/matches/{'0f' * 16}/verdict"
    assert call(ANALYST, "POST", path, json={"confirmed": word}).status_code == 422
    assert call(ANALYST, "POST", path, json={"confirmed": True}).status_code == 404


def test_more_urls_than_the_setting_are_refused(call: Call, services: Services) -> None:
    limit = services.settings.max_urls_per_scan
    urls = ["http://h.example/"] * (limit + 1)
    answer = call(SCANNER, "POST", "/v1/scans", json={"urls": urls})
    assert answer.status_code == 413
    assert str(limit) in answer.json()["detail"]
    assert call(SCANNER, "POST", "/v1/scans", json={"urls": urls[:-1]}).status_code == 202


def test_from_the_report_to_the_verdict(
    call: Call, services: Services, site: Site, case: OpenCase
) -> None:
    copy = site.add_image("/copy.jpg", jpeg(generated_photo(1).resize((400, 300)), quality=70))
    quarter_turn = generated_photo(1).transpose(Image.Transpose.ROTATE_90)
    turned = site.add_image("/turned.jpg", jpeg(quarter_turn))
    other = site.add_image("/other.jpg", jpeg(generated_photo(3)))
    page = site.add_page("/page", [copy, other, turned])
    scan = report(call, services, page)
    assert (scan["items"], scan["matches"]) == ({"done": 1}, {"suspected": 2})
    found = call(ANALYST, "GET", "/v1/matches", params={"scan": scan["scan"]}).json()
    assert {each["image_url"] for each in found} == {copy, turned}
    for each in found:
        assert (each["case"], each["content"]) == (case.number, case.content)
        assert (each["state"], each["tier"], each["page_url"]) == ("suspected", "certain", page)
        assert each["why"] == each["evidence"]["why"]
        assert call(ANALYST, "GET", f"/v1/matches/{each['match']}").json() == each
    # Scanning the same page again finds nothing new.
    assert report(call, services, page)["matches"] == {}

    first, second = (f"/v1/matches/{each['match']}/verdict" for each in found)
    yes = call(ANALYST, "POST", first, json={"confirmed": True}).json()
    assert yes["state"] == "confirmed"
    assert yes["reviewed_by"] is not None
    assert call(ANALYST, "POST", first, json={"confirmed": True}).json() == yes
    changed_mind = call(ANALYST, "POST", first, json={"confirmed": False})
    assert changed_mind.status_code == 409
    assert "already confirmed" in changed_mind.json()["detail"]
    no = call(ANALYST, "POST", second, json={"confirmed": False}).json()
    assert no["state"] == "dismissed"
    by_state = {
        state: call(ANALYST, "GET", "/v1/matches", params={"state": state}).json()
        for state in ("suspected", "confirmed", "dismissed")
    }
    assert by_state == {"suspected": [], "confirmed": [yes], "dismissed": [no]}
    refused = call(ANALYST, "POST", "/v1/removal-requests", json={"match": no["match"]})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:hashsvc:not-confirmed")


def test_from_the_request_to_gone_and_back(
    call: Call, services: Services, site: Site, case: OpenCase, clock: SetClock
) -> None:
    image = site.add_image("/copy.jpg", case.photo)
    page = site.add_page("/page", [image])
    match = confirmed(call, services, page)
    made = call(ANALYST, "POST", "/v1/removal-requests", json={"match": match}).json()
    assert (made["state"], made["image_url"], made["page_url"]) == ("draft", image, page)
    assert image in made["notice_text"]
    assert case.number not in made["notice_text"]
    path = f"/v1/removal-requests/{made['request']}"
    notice = call(ANALYST, "GET", f"{path}/notice")
    assert notice.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert notice.text == made["notice_text"]
    too_early = call(ANALYST, "POST", f"{path}/moves", json={"to": "sent"})
    assert too_early.status_code == 409
    assert "approved" in too_early.json()["detail"]
    assert call(ANALYST, "POST", f"{path}/rechecks").status_code == 409
    assert call(ANALYST, "POST", f"{path}/moves", json={"to": "gone"}).status_code == 409

    assert sent(call, match) == path
    clock.advance(100)
    check = call(ANALYST, "POST", f"{path}/rechecks").json()
    assert (check["outcome"], check["request"]["state"]) == ("still-there", "sent")
    site.take_off(image)
    clock.advance(100)
    check = call(ANALYST, "POST", f"{path}/rechecks").json()
    assert (check["outcome"], check["request"]["state"]) == ("image-gone", "sent")
    assert check["request"]["removed_after_s"] is None
    clock.advance(1000)
    check = call(ANALYST, "POST", f"{path}/rechecks").json()
    assert (check["outcome"], check["request"]["state"]) == ("image-gone", "gone")
    assert check["request"]["removed_after_s"] == 200
    assert call(ANALYST, "GET", path).json() == check["request"]

    site.add_image("/copy.jpg", case.photo)
    check = call(ANALYST, "POST", f"{path}/rechecks").json()
    assert (check["outcome"], check["request"]["state"]) == ("still-there", "reappeared")
    states = [each["state"] for each in check["request"]["events"]]
    assert states == ["draft", "approved", "sent", "sent", "sent", "gone", "reappeared"]
    listed = call(ANALYST, "GET", "/v1/removal-requests", params={"state": "reappeared"}).json()
    assert [each["request"] for each in listed] == [made["request"]]
    assert "notice_text" not in listed[0]
    assert call(ANALYST, "GET", "/v1/removal-requests", params={"state": "sent"}).json() == []


def test_a_withdrawn_content_is_not_found_again(
    call: Call, services: Services, site: Site, case: OpenCase
) -> None:
    second = content_of(jpeg(generated_photo(2)))
    path = f"/v1/cases/{case.number}"
    call(INTAKE, "POST", f"{path}/contents", json={"contents": [second]})
    match = confirmed(call, services, site.add_image("/copy.jpg", case.photo))
    request = sent(call, match)
    mine, other = body_of(case.signature), {key: second[key] for key in ("quality", "signals")}
    for each in (mine, other):
        assert len(call(SCANNER, "POST", "/v1/lookups", json=each).json()) == 1

    assert call(INTAKE, "DELETE", f"{path}/contents/{case.content}").status_code == 204
    assert call(SCANNER, "POST", "/v1/lookups", json=mine).json() == []
    assert len(call(SCANNER, "POST", "/v1/lookups", json=other).json()) == 1
    assert call(ANALYST, "GET", f"/v1/matches/{match}").status_code == 404
    assert call(ANALYST, "GET", "/v1/matches").json() == []
    # A sent request stays on record, without its case.
    assert call(ANALYST, "GET", request).json()["state"] == "withdrawn"
    assert call(ANALYST, "POST", f"{request}/rechecks").status_code == 409
    left = call(INTAKE, "GET", path).json()["contents"]
    assert [each["content"] for each in left] == [second["content"]]

    assert call(INTAKE, "DELETE", path).status_code == 204
    assert call(SCANNER, "POST", "/v1/lookups", json=other).json() == []
    for method, below in [("GET", ""), ("DELETE", ""), ("DELETE", f"/contents/{case.content}")]:
        assert call(INTAKE, method, path + below).status_code == 404
    again = call(INTAKE, "POST", f"{path}/contents", json={"contents": [second]})
    assert again.status_code == 404
    assert report(call, services, site.url + "/copy.jpg")["matches"] == {}


def test_a_running_scan_does_not_match_a_withdrawn_case(
    call: Call, services: Services, site: Site, case: OpenCase
) -> None:
    urls = [site.add_image(f"/{number}.jpg", case.photo) for number in range(2)]
    scan = call(SCANNER, "POST", "/v1/scans", json={"urls": urls}).json()["scan"]
    assert services.scanner.work_once()
    assert call(SCANNER, "GET", f"/v1/scans/{scan}").json()["matches"] == {"suspected": 1}
    call(INTAKE, "DELETE", f"/v1/cases/{case.number}")
    work_off(services)
    after = call(SCANNER, "GET", f"/v1/scans/{scan}").json()
    assert (after["items"], after["matches"]) == ({"done": 2}, {})


def test_no_response_contains_a_signal(
    call: Call, services: Services, site: Site, case: OpenCase
) -> None:
    image = site.add_image("/copy.jpg", case.photo)
    request = sent(call, confirmed(call, services, image))
    scan = report(call, services, image)["scan"]
    answers = [
        call(INTAKE, "GET", f"/v1/cases/{case.number}"),
        call(ANALYST, "POST", "/v1/lookups", json=body_of(sign_image(case.photo))),
        call(SCANNER, "POST", "/v1/lookups", json=body_of(case.signature)),
        call(ANALYST, "GET", f"/v1/scans/{scan}/items"),
        call(ANALYST, "GET", "/v1/matches"),
        call(ANALYST, "GET", request),
        call(ANALYST, "POST", f"{request}/rechecks"),
        call(ADMIN, "GET", "/v1/keys"),
        call(None, "GET", "/"),
    ]
    codes = [each.signal.code.hex() for each in sign_image(case.photo).signals]
    for answer in answers:
        assert answer.status_code == 200
        assert not [code for code in codes if code[:16] in answer.text.lower()]


def test_the_audit_log_is_checked_from_end_to_end(
    call: Call, services: Services, case: OpenCase
) -> None:
    before = call(ADMIN, "GET", "/v1/audit/verification")
    assert before.status_code == 200
    call(ANALYST, "GET", f"/v1/cases/{case.number}")
    after = call(ADMIN, "GET", "/v1/audit/verification")
    # The earlier verification and the reading of the case added one entry each.
    assert after.json()["entries"] == before.json()["entries"] + 2
    with services.database.write() as connection:
        connection.execute(text("UPDATE audit_entry SET actor = 'nobody' WHERE seq = 2"))
    broken = call(ADMIN, "GET", "/v1/audit/verification")
    assert (broken.status_code, broken.json()["type"]) == (409, "urn:hashsvc:broken-chain")
    assert "entry 2" in broken.json()["detail"]
