"""Analysts correct matching by dismissals and lowest tiers, and see why images match."""

from collections.abc import Callable
from typing import Any

import pytest
from PIL import ImageOps

from hashsvc.access import Role
from hashsvc.api import Services
from hashsvc.bank import Housekeeping
from hashsvc.settings import Settings
from hashsvc.signals import Signature, View, sign_image
from tests.api.helpers import Call, OpenCase, body_of, content_of, work_off
from tests.api.marks import found_in
from tests.conftest import generated_photo, jpeg
from tests.helpers.site import Site
from tests.helpers.waiting import wait_until

INTAKE, ANALYST, SCANNER = Role.INTAKE, Role.ANALYST, Role.SCANNER
CANARY = "canary-of-a-url"


def scan(call: Call, services: Services, *urls: str) -> None:
    assert call(SCANNER, "POST", "/v1/scans", json={"urls": list(urls)}).status_code == 202
    work_off(services)


def verdict(call: Call, match: str, **body: object) -> dict[str, Any]:
    answer = call(ANALYST, "POST", f"/v1/matches/{match}/verdict", json=body)
    assert answer.is_success, answer.text
    return dict(answer.json())


def listed(call: Call, **params: object) -> list[dict[str, Any]]:
    return list(call(ANALYST, "GET", "/v1/matches", params=params).json())


def open_case(call: Call, photo: bytes) -> str:
    number = call(INTAKE, "POST", "/v1/cases", json={"adult": True}).json()["number"]
    path = f"/v1/cases/{number}/contents"
    body = {"contents": [content_of(photo)]}
    assert call(INTAKE, "POST", path, json=body).status_code == 201
    return str(number)


def test_a_case_opened_today_is_matched_with_what_was_scanned_before(
    call: Call, services: Services, site: Site
) -> None:
    photo = jpeg(generated_photo(21))
    image = site.add_image("/early.jpg", jpeg(ImageOps.mirror(generated_photo(21)), 70))
    scan(call, services, image)
    assert listed(call) == []
    number = open_case(call, photo)
    wait_until(lambda: bool(listed(call)))
    (match,) = listed(call)
    assert (match["case"], match["image_url"], match["state"]) == (number, image, "suspected")


@pytest.mark.parametrize("everywhere", [False, True])
def test_a_dismissed_other_image_is_not_recorded_again(
    call: Call, services: Services, site: Site, case: OpenCase, everywhere: bool
) -> None:
    scan(call, services, site.add_image("/one.jpg", case.photo))
    (match,) = listed(call)
    shown = verdict(
        call, match["match"], confirmed=False, reason="other-image", everywhere=everywhere
    )
    assert (shown["state"], shown["reason"]) == ("dismissed", "other-image")
    scan(call, services, site.add_image("/same-bytes.jpg", case.photo))
    assert len(listed(call)) == 1
    (found,) = call(ANALYST, "GET", "/v1/suppressions").json()
    assert (found["match"], found["content"]) == (
        match["match"],
        None if everywhere else case.content,
    )
    path = f"/v1/suppressions/{found['suppression']}"
    assert call(ANALYST, "DELETE", path).status_code == 204
    # Images seen in the meantime are found, because they were kept.
    wait_until(lambda: len(listed(call)) == 2)
    assert {each["state"] for each in listed(call)} == {"suspected"}
    assert call(ANALYST, "DELETE", path).status_code == 404


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (
            {"confirmed": True, "reason": "other"},
            "Only a dismissal has a reason: set `confirmed` to false, or leave `reason` out.",
        ),
        ({"confirmed": False, "everywhere": True}, "`everywhere` needs the reason `other-image`."),
        (
            {"confirmed": False, "reason": "other", "everywhere": True},
            "`everywhere` needs the reason `other-image`.",
        ),
        ({"confirmed": False, "reason": CANARY}, "Input should be 'other-image' or 'other'"),
    ],
)
def test_a_contradictory_verdict_is_refused(call: Call, body: dict[str, object], rule: str) -> None:
    answer = call(ANALYST, "POST", f"/v1/matches/{'0f' * 16}/verdict", json=body)
    assert answer.status_code == 422
    assert [each["rule"] for each in answer.json()["errors"]] == [rule]
    assert CANARY not in answer.text


def test_a_flood_is_listed_separately_and_released(
    call: Call, services: Services, site: Site, case: OpenCase
) -> None:
    flood = services.settings.flood_matches + 1
    urls = [site.add_image(f"/flood{number}.jpg", case.photo) for number in range(flood)]
    scan(call, services, *urls)
    assert listed(call, limit=1000) == []
    apart = listed(call, quarantined=True, limit=1000)
    assert len(apart) == flood
    assert {each["quarantined"] for each in apart} == {True}
    (found,) = call(ANALYST, "GET", "/v1/quarantine").json()
    assert (found["content"], found["case"]) == (case.content, case.number)
    assert found["waiting_matches"] == flood
    path = f"/v1/quarantine/{case.content}"
    assert call(ANALYST, "POST", f"{path}/release").status_code == 204
    assert len(listed(call, limit=1000)) == flood
    assert call(ANALYST, "POST", f"{path}/dismissal").status_code == 404


def test_matches_below_the_lowest_tier_are_not_recorded(
    call: Call, services: Services, site: Site, case: OpenCase
) -> None:
    host = {"host": "127.0.0.1", "lowest_tier": "certain"}
    assert call(ANALYST, "PUT", "/v1/lowest-tiers", json=host).status_code == 204
    assert call(ANALYST, "GET", "/v1/lowest-tiers").json() == [host]
    path = f"/v1/cases/{case.number}/lowest-tier"
    assert call(ANALYST, "GET", path).json() == {"lowest_tier": "possible"}
    assert call(ANALYST, "PUT", path, json={"lowest_tier": "likely"}).status_code == 204
    assert call(ANALYST, "GET", path).json() == {"lowest_tier": "likely"}
    scan(call, services, site.add_image("/certain.jpg", case.photo))
    assert [each["tier"] for each in listed(call)] == ["certain"]
    assert (
        call(ANALYST, "PUT", "/v1/lowest-tiers", json=host | {"host": "No Host"}).status_code == 422
    )


def test_why_compares_again_and_hides_distances_beyond_the_threshold(
    call: Call, services: Services, site: Site, case: OpenCase
) -> None:
    copy = jpeg(ImageOps.mirror(generated_photo(1)), 60)
    scan(call, services, site.add_image("/mirrored.jpg", copy))
    (match,) = listed(call)
    shown = call(ANALYST, "GET", f"/v1/matches/{match['match']}/why").json()
    assert shown["candidate_kept"] is True
    compared = shown["comparison"]
    assert (compared["tier"], compared["why"]) == (match["tier"], match["why"])
    assert compared["findings"][0]["view"] == "mirror"
    for each in compared["findings"]:
        assert (each["distance"] is not None) is each["matches"]
    assert any(not each["matches"] for each in compared["findings"])
    keeps_none = services.settings.model_copy(update={"candidate_days": 0})
    Housekeeping(keeps_none, services.database, services.bank, services.clock).run_once()
    shown = call(ANALYST, "GET", f"/v1/matches/{match['match']}/why").json()
    assert shown == {"candidate_kept": False, "comparison": None}


def test_two_sent_signatures_are_compared_with_all_distances(call: Call) -> None:
    first, second = (sign_image(jpeg(generated_photo(seed))) for seed in (1, 2))
    body = {"first": body_of(first), "second": body_of(second)}
    answer = call(ANALYST, "POST", "/v1/comparisons", json=body)
    assert answer.status_code == 200
    shown = answer.json()
    assert shown["tier"] is None
    views = {each["view"] for each in shown["findings"] if each["algorithm"] == "pdq1"}
    assert views == {str(each.view) for each in second.groups if each.algorithm == "pdq1"}
    assert all(each["distance"] > each["threshold"] for each in shown["findings"])
    assert [each.partition(":")[0] for each in shown["reasons"]] == [
        "pdq1",
        "phash1",
        "dhash1",
        "reg1",
    ]
    mirror = sign_image(jpeg(ImageOps.mirror(generated_photo(1))))
    body = {"first": body_of(first.whole()), "second": body_of(mirror)}
    shown = call(ANALYST, "POST", "/v1/comparisons", json=body).json()
    assert (shown["tier"], shown["findings"][0]["view"]) == ("certain", View.MIRROR)


def test_a_comparison_does_not_use_the_bank(call: Call, case: OpenCase) -> None:
    """The response is the same whether or not the bank has the image."""
    body = {"first": body_of(case.signature), "second": body_of(case.signature)}
    before = call(ANALYST, "POST", "/v1/comparisons", json=body).text
    assert call(INTAKE, "DELETE", f"/v1/cases/{case.number}").status_code == 204
    assert call(ANALYST, "POST", "/v1/comparisons", json=body).text == before


def texts_of(signature: Signature) -> list[str]:
    return [str(each.signal).partition(":")[2][:16] for each in signature.signals]


def test_no_signal_is_shown_logged_or_stored_unsealed(
    call: Call,
    services: Services,
    settings: Settings,
    site: Site,
    case: OpenCase,
    logged: Callable[[], str],
) -> None:
    image = site.add_image(f"/{CANARY}.jpg", case.photo)
    scan(call, services, image)
    (match,) = listed(call)
    path = f"/v1/matches/{match['match']}"
    signature = sign_image(case.photo)
    body = {"first": body_of(signature), "second": body_of(signature)}
    answers = [
        call(ANALYST, "GET", f"{path}/why").text,
        call(ANALYST, "POST", "/v1/comparisons", json=body).text,
        str(verdict(call, match["match"], confirmed=False, reason="other-image")["why"]),
        call(ANALYST, "GET", "/v1/suppressions").text,
        call(ANALYST, "GET", "/v1/quarantine").text,
    ]
    shown = "".join(answers) + logged()
    assert "scan.item_done" in shown
    assert [each for each in (CANARY, *texts_of(signature)) if each in shown] == []
    codes = [each.signal.code for each in signature.signals]
    assert found_in(settings.data_dir, [CANARY.encode(), *codes]) == set()
