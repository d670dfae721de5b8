"""Over HTTP, text in any script is either refused at once, with a rule, or works to the end."""

import io
import json
import zipfile
from typing import Any

import pytest
import yaml

from hashsvc.access import Role
from hashsvc.api import Services
from hashsvc.removal.evidence.verify import verify_bundle
from tests.api.helpers import Call, OpenCase, work_off
from tests.helpers.set_clock import SetClock
from tests.helpers.site import Site
from tests.removal.pdfs import glyphs_of, text_of
from tests.removal.scripts import REFUSALS

ANALYST = Role.ANALYST
ENTRY: dict[str, Any] = {
    "name": "A Site",
    "domains": ["a-site.example"],
    "kind": "hosting",
    "country": "BE",
    "channels": [
        {
            "type": "form",
            "address": "https://a-site.example/form",
            "languages": ["en"],
            "basis": "dsa-notice",
            "verified": True,
        }
    ],
    "checked": "2026-01-01",
    "source": ["https://a-site.example/"],
}


@pytest.fixture
def request_path(call: Call, services: Services, case: OpenCase, site: Site) -> str:
    """The path of a removal request that was sent."""
    image = site.add_image("/copy.jpg", case.photo)
    scan = call(ANALYST, "POST", "/v1/scans", json={"urls": [image]}).json()["scan"]
    work_off(services)
    (match,) = (
        each["match"] for each in call(ANALYST, "GET", "/v1/matches", params={"scan": scan}).json()
    )
    call(ANALYST, "POST", f"/v1/matches/{match}/verdict", json={"confirmed": True})
    made = call(ANALYST, "POST", "/v1/removal-requests", json={"match": match}).json()
    path = f"/v1/removal-requests/{made['request']}"
    for state in ("approved", "sent"):
        assert call(ANALYST, "POST", f"{path}/moves", json={"to": state}).status_code == 200
    return path


def squeezed(text: str) -> str:
    return "".join(text.split())


def sent_raw(call: Call, role: Role, method: str, path: str, body: object) -> int:
    """Send a body with lone surrogates as JSON escapes, which a client library would refuse."""
    headers = {"Content-Type": "application/json"}
    return call(role, method, path, content=json.dumps(body), headers=headers).status_code


def test_a_refusal_in_any_script_is_quoted_in_every_document(
    call: Call, request_path: str, clock: SetClock
) -> None:
    for script, reason in REFUSALS.items():
        clock.advance(60)
        moved = call(
            ANALYST, "POST", f"{request_path}/moves", json={"to": "refused", "reason": reason}
        )
        assert (moved.status_code, moved.json()["events"][-1]["reason"]) == (200, reason), script
        complained = call(ANALYST, "POST", f"{request_path}/complaints", json={})
        assert complained.status_code == 200, script
        notice = complained.json()["events"][-1]["notice"]
        documents = {
            form: call(
                ANALYST, "GET", f"{request_path}/notice", params={"format": form, "notice": notice}
            )
            for form in ("text", "html", "json", "pdf")
        }
        assert {each.status_code for each in documents.values()} == {200}
        for form in ("text", "html"):
            assert squeezed(reason) in squeezed(documents[form].text), script
        assert squeezed(reason) in squeezed(documents["json"].json()["text"])
        content = documents["pdf"].content
        assert set(squeezed(reason)) - set("\u0301\u030c\u0303\u0308") <= set(text_of(content))
        assert 0 not in {glyph for _, glyph in glyphs_of(content)}
    bundle = call(ANALYST, "GET", f"{request_path}/evidence").content
    assert verify_bundle(bundle).notices == 1 + len(REFUSALS)
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        timeline = json.loads(archive.read("timeline.json"))
    reasons = {step["reason"] for step in timeline["requests"][0]["steps"]}
    assert set(REFUSALS.values()) <= reasons


def test_a_refusal_of_the_greatest_length_is_quoted_whole(call: Call, request_path: str) -> None:
    """No part of it is cut off: a cut could end it with what looks like a file name."""
    reason = ("see photo.jpgs " * 134)[:2_000].strip()
    body = {"to": "refused", "reason": reason}
    assert call(ANALYST, "POST", f"{request_path}/moves", json=body).status_code == 200
    complained = call(ANALYST, "POST", f"{request_path}/complaints", json={})
    assert complained.status_code == 200
    how = {"format": "pdf", "notice": complained.json()["events"][-1]["notice"]}
    content = call(ANALYST, "GET", f"{request_path}/notice", params=how).content
    assert squeezed(reason) in text_of(content)


BAD = ["\x00", "a\x00b", "\ud800", "a\udfffb", "\u202eb", "a\u2028b", "\ue000", "\ufdd0", "a\nb"]


@pytest.mark.parametrize("text", BAD)
def test_a_text_that_no_notice_may_contain_is_refused_at_once(
    call: Call, request_path: str, text: str
) -> None:
    before = call(ANALYST, "GET", request_path).json()
    bodies = {
        "moves": {"to": "refused", "reason": text},
        "observations": {"outcome": "still-there", "reason": text},
        "referrals": {"explanation": text},
        "orders": {"elements": [{"element": "authority", "text": text}]},
        "escalations": {"platform": f"{text}.example"},
    }
    assert sent_raw(call, ANALYST, "POST", f"{request_path}/complaints", {"explanation": text}) in (
        409,
        422,
    )
    for step, body in bodies.items():
        status = sent_raw(call, ANALYST, "POST", f"{request_path}/{step}", body)
        assert status in (404, 409, 422), step
    assert call(ANALYST, "GET", request_path).json() == before
    assert sent_raw(call, Role.ADMIN, "POST", "/v1/organisations", {"name": text}) == 422


@pytest.mark.parametrize("text", [*BAD, "photo.jpg", "=?utf-8?q?x?=", "7K3M-X9QD-5", "f" * 32])
def test_a_platform_whose_name_no_notice_may_contain_is_refused(call: Call, text: str) -> None:
    entry = ENTRY | {"name": f"Site {text}"}
    assert sent_raw(call, ANALYST, "PUT", "/v1/platforms/a-site", entry) == 422
    assert call(ANALYST, "GET", "/v1/platforms/a-site.example").json()["note"] == "find contact"


@pytest.mark.parametrize("text", ["\x00", "\x1f", "\x7f"])
def test_a_channel_whose_address_is_no_url_is_refused(call: Call, text: str) -> None:
    """PostgreSQL stores no NUL in a text, and each notice stores the address."""
    (channel,) = ENTRY["channels"]
    entry = ENTRY | {"channels": [channel | {"address": f"https://a-site.example/{text}"}]}
    assert sent_raw(call, ANALYST, "PUT", "/v1/platforms/a-site", entry) == 422


@pytest.mark.parametrize("name", REFUSALS.values())
def test_a_platform_with_a_name_in_any_script_is_stored_and_exported(call: Call, name: str) -> None:
    entry = ENTRY | {"name": name, "note": f"{name} \x00 \x1b"}
    assert call(ANALYST, "PUT", "/v1/platforms/a-site", json=entry).status_code == 204
    shown = call(ANALYST, "GET", "/v1/platforms/a-site").json()
    assert (shown["name"], shown["note"]) == (name, entry["note"])
    exported = yaml.safe_load(call(ANALYST, "GET", "/v1/platforms.yaml").text)
    assert shown | {"checked": None} in [each | {"checked": None} for each in exported["platforms"]]


@pytest.mark.parametrize("platform", ["a%00b", "%00", "a%1fb"])
def test_requests_to_a_platform_with_a_control_character_are_not_looked_up(
    call: Call, platform: str
) -> None:
    """PostgreSQL refuses a NUL in a query."""
    answer = call(ANALYST, "GET", f"/v1/removal-requests?platform={platform}")
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:hashsvc:invalid")
