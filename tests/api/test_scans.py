"""A batch has one of four formats, can be sent twice, and is followed to its results."""

import codecs
import csv
import io
import json
from typing import Any

import anyio
import httpx2
import pytest
from sqlalchemy import text
from starlette.concurrency import run_in_threadpool

from hashsvc.access import Caller, Role, create_key
from hashsvc.api import Services
from hashsvc.api.open_streams import MOST_STREAMS
from hashsvc.api.scan_events import events_of
from hashsvc.clock import utc_now
from hashsvc.store.ids import DEFAULT_ORGANISATION, KeyId, ScanId, random_id
from tests.api.helpers import Call, OpenCase, work_off
from tests.conftest import generated_photo, jpeg
from tests.helpers.set_clock import SetClock
from tests.helpers.site import Site

ANALYST, SCANNER = Role.ANALYST, Role.SCANNER
A, B = "http://127.0.0.1:9/a", "http://127.0.0.1:9/b"


def urls_of(call: Call, scan: str) -> list[str]:
    items = call(SCANNER, "GET", f"/v1/scans/{scan}/items", params={"limit": 1000}).json()
    return [each["url"] for each in items]


def submit(call: Call, body: str, media_type: str, **headers: str) -> httpx2.Response:
    return call(
        SCANNER,
        "POST",
        "/v1/scans",
        content=body.encode(),
        headers={"Content-Type": media_type} | headers,
    )


# --- submitting -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("media_type", "body", "invalid"),
    [
        ("application/json", json.dumps({"urls": [A, "no", A, B]}), [2]),
        ("text/plain", f"{A}\n\nno\r\n {A}\n{B}", [3]),
        ("text/plain; charset=utf-8", f"\ufeff{A}\nno\n{A}#x\n{B}\n", [2]),
        ("text/csv", f"id,URL,note\n1,{A},x\n2,no,\n3,{A},\n\n4,{B}\n", [3]),
        ("text/csv", f"{A};1\nno;2\n{A};3\n{B};4\n", [2]),
        ("text/csv", f'url\n"{A}"\n"no\nno"\n{A}\n{B}\n', [3]),
        ("text/csv", f'url\n"{A}\n{A}"\nno\n{B}\n', [4]),
        ("application/x-ndjson", f'{{"url": "{A}"}}\n{{}}\n"{A}"\n{{"url": "{B}"}}', [2]),
    ],
)
def test_a_batch_can_have_several_formats(
    call: Call, media_type: str, body: str, invalid: list[int]
) -> None:
    made = submit(call, body, media_type)
    assert made.status_code == 202, made.text
    shown = made.json()
    assert [each["line"] for each in shown["invalid_lines"]] == invalid
    assert urls_of(call, shown["scan"]) == [A, B]
    assert shown["accepted"] == 2
    state = call(SCANNER, "GET", f"/v1/scans/{shown['scan']}").json()
    assert (state["total"], state["duplicates"], state["invalid"]) == (
        2,
        shown["duplicates"],
        len(shown["invalid_lines"]),
    )


@pytest.mark.parametrize(
    ("media_type", "body", "status"),
    [
        ("text/plain", " \n\n", 422),
        ("text/csv", "url\n\n", 422),
        ("application/json", "{}", 422),
        ("application/json", '{"urls": []}', 422),
        ("application/json", '{"urls": ["x"], "canary": 1}', 422),
        ("application/json", "{", 422),
        ("application/json", "", 422),
        ("", A, 415),
        ("text/html", A, 415),
        ("application/xml", A, 415),
        ("text/csv", "GIF89a", 415),
    ],
)
def test_an_invalid_batch_is_refused_and_not_repeated(
    call: Call, media_type: str, body: str, status: int
) -> None:
    answer = submit(call, body, media_type)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert "canary" not in answer.text


def test_no_other_route_takes_text(call: Call) -> None:
    answer = call(
        Role.INTAKE, "POST", "/v1/cases", content=b"x", headers={"Content-Type": "text/plain"}
    )
    assert answer.status_code == 415


def test_invalid_lines_are_counted_and_never_repeated(call: Call) -> None:
    answer = submit(
        call, f"{A}\ncanary\nftp://canary/\nhttp://u:canary@x/\n\x80canary", "text/plain"
    )
    assert [each["line"] for each in answer.json()["invalid_lines"]] == [2, 3, 4, 5]
    assert "canary" not in answer.text


# --- idempotency ------------------------------------------------------------------------------


def test_a_batch_sent_again_with_the_same_key_is_one_scan(call: Call, services: Services) -> None:
    first, second = (
        submit(call, f"{A}\nno\n{A}", "text/plain", **{"Idempotency-Key": "k1"}) for _ in range(2)
    )
    assert first.status_code == second.status_code == 202
    assert first.json() == second.json()
    assert (first.json()["accepted"], first.json()["duplicates"]) == (1, 1)
    with services.database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM scan")).scalar_one() == 1
    without = [submit(call, A, "text/plain").json()["scan"] for _ in range(2)]
    other = submit(call, A, "text/plain", **{"Idempotency-Key": "k2"}).json()["scan"]
    assert len({*without, other, first.json()["scan"]}) == 4


@pytest.mark.parametrize(("body", "media_type"), [(B, "text/plain"), (A, "text/csv")])
def test_a_key_with_another_batch_is_refused(call: Call, body: str, media_type: str) -> None:
    submit(call, A, "text/plain", **{"Idempotency-Key": "k"})
    answer = submit(call, body, media_type, **{"Idempotency-Key": "k"})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:hashsvc:other-batch")


def test_an_idempotency_key_is_valid_for_a_day_and_one_api_key(
    call: Call, client: Any, services: Services, clock: SetClock
) -> None:
    keep = {"Idempotency-Key": "k"}
    first = submit(call, A, "text/plain", **keep).json()["scan"]
    other = create_key(services.database, SCANNER, actor="test", clock=utc_now).token
    headers = {"Authorization": f"Bearer {other}", "Content-Type": "text/plain"} | keep
    theirs = client.post("/v1/scans", content=B, headers=headers)
    assert theirs.status_code == 202
    clock.advance(24 * 3600)
    assert submit(call, A, "text/plain", **keep).json()["scan"] == first
    clock.advance(1)
    assert submit(call, B, "text/plain", **keep).json()["scan"] not in (
        first,
        theirs.json()["scan"],
    )


def test_an_idempotency_key_is_stored_as_a_digest(call: Call, services: Services) -> None:
    submit(call, A, "text/plain", **{"Idempotency-Key": "canary-idempotency"})
    folder = services.settings.data_dir
    stored = b"".join(each.read_bytes() for each in folder.rglob("*") if each.is_file())
    assert b"canary-idem" not in stored
    assert b"127.0.0.1:9" not in stored


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "é"])
def test_an_idempotency_key_is_short_and_plain(call: Call, key: str) -> None:
    headers = {"Content-Type": "text/plain", "Idempotency-Key": key.encode()}
    answer = call(SCANNER, "POST", "/v1/scans", content=A, headers=headers)
    assert answer.status_code == 422


# --- cancel, resume, retry --------------------------------------------------------------------


def test_a_cancelled_scan_is_resumed(call: Call, services: Services, site: Site) -> None:
    page = site.add_page("/resumed", [])
    scan = submit(call, page, "text/plain").json()["scan"]
    cancelled = call(SCANNER, "POST", f"/v1/scans/{scan}/cancel").json()
    assert (cancelled["cancelled"], cancelled["items"]) == (True, {"cancelled": 1})
    refused = call(SCANNER, "POST", f"/v1/scans/{scan}/retry")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:hashsvc:cancelled-scan")
    resumed = call(SCANNER, "POST", f"/v1/scans/{scan}/resume").json()
    assert (resumed["cancelled"], resumed["items"]) == (False, {"queued": 1})
    work_off(services)
    assert call(SCANNER, "GET", f"/v1/scans/{scan}").json()["items"] == {"done": 1}


def test_failed_urls_are_retried(call: Call, services: Services, site: Site) -> None:
    url = f"{site.url}/not-yet"
    scan = submit(call, url, "text/plain").json()["scan"]
    work_off(services)
    assert call(SCANNER, "GET", f"/v1/scans/{scan}").json()["items"] == {"dead": 1}
    site.add_page("/not-yet", [])
    assert call(SCANNER, "POST", f"/v1/scans/{scan}/retry").json()["items"] == {"queued": 1}
    work_off(services)
    (item,) = call(SCANNER, "GET", f"/v1/scans/{scan}/items").json()
    assert (item["state"], item["reason"], item["attempts"]) == ("done", None, 2)


# --- results ----------------------------------------------------------------------------------


@pytest.fixture
def scanned(call: Call, services: Services, site: Site, case: OpenCase) -> list[str]:
    """Two scans of three pages: one with a copy, one without, and one that does not exist."""
    site.add_image("/copy.jpg", jpeg(generated_photo(1).resize((320, 240))))
    pages = [site.add_page("/with", ["copy.jpg"]), site.add_page("/none", []), f"{site.url}/gone"]
    ids = []
    for _ in range(2):
        ids.append(submit(call, "\n".join(pages), "text/plain").json()["scan"])
        work_off(services)
    return ids


def test_results_show_each_url(call: Call, scanned: list[str], site: Site, case: OpenCase) -> None:
    for number, scan in enumerate(scanned):
        path = f"/v1/scans/{scan}/results"
        rows = call(ANALYST, "GET", path).json()
        assert [(each["url"], each["state"], each["reason"]) for each in rows] == [
            (f"{site.url}/with", "done", None),
            (f"{site.url}/none", "done", None),
            (f"{site.url}/gone", "dead", "http-404"),
        ]
        assert [len(each["matches"]) for each in rows] == [1, 0, 0]
        # The second scan sees the match again and does not record it a second time.
        (match,) = rows[0]["matches"]
        assert match["new"] is (number == 0)
        assert (match["case"], match["tier"]) == (case.number, "certain")
        assert match["image_url"] == f"{site.url}/copy.jpg"
        assert match["why"].startswith("pdq1")
        state = call(ANALYST, "GET", f"/v1/scans/{scan}").json()
        assert state["matches"] == ({"suspected": 1} if number == 0 else {})
    assert len(call(ANALYST, "GET", "/v1/matches").json()) == 1


@pytest.mark.parametrize(
    "how", [{"params": {"format": "csv"}}, {"headers": {"Accept": "text/csv"}}]
)
def test_results_can_be_a_table(call: Call, scanned: list[str], how: dict[str, Any]) -> None:
    path = f"/v1/scans/{scanned[0]}/results"
    answer = call(ANALYST, "GET", path, **how)
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    shown = call(ANALYST, "GET", path).json()
    assert [each["url"] for each in rows] == [each["url"] for each in shown]
    assert rows[0]["image_sha256"] == shown[0]["matches"][0]["image_sha256"]
    assert (rows[0]["match_state"], rows[1]["match"], rows[2]["reason"]) == (
        "suspected",
        "",
        "http-404",
    )


def test_a_table_for_excel_has_semicolons_and_a_byte_order_mark(
    call: Call, scanned: list[str]
) -> None:
    path = f"/v1/scans/{scanned[0]}/results"
    answer = call(ANALYST, "GET", path, params={"format": "csv", "dialect": "excel"})
    assert answer.content.startswith(codecs.BOM_UTF8)
    plain = call(ANALYST, "GET", path, params={"format": "csv"})
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))
    assert rows == list(csv.reader(io.StringIO(plain.text)))
    assert call(ANALYST, "GET", path, params={"dialect": "other"}).status_code == 422


def test_scanners_see_no_match_in_results(call: Call, scanned: list[str]) -> None:
    path = f"/v1/scans/{scanned[0]}/results"
    rows = call(SCANNER, "GET", path).json()
    assert [each["matches"] for each in rows] == [None] * 3
    table = call(SCANNER, "GET", path, params={"format": "csv"}).text
    assert "copy.jpg" not in table
    assert "certain" not in table


def test_reading_results_is_audited(call: Call, services: Services, scanned: list[str]) -> None:
    call(ANALYST, "GET", f"/v1/scans/{scanned[0]}/results")
    match = call(ANALYST, "GET", "/v1/matches").json()[0]["match"]
    with services.database.read() as connection:
        rows = connection.execute(text("SELECT action, subject FROM audit_entry")).all()
    assert ("scan.results", scanned[0]) in rows
    assert ("match.read", match) in rows


# --- events -----------------------------------------------------------------------------------


def events(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the name and data of each event of a stream."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if line[:1] != ":")
        if fields:
            assert fields["id"].isdecimal()
            found.append((fields["event"], json.loads(fields["data"])))
    return found


def test_events_show_matches_progress_and_the_end(call: Call, scanned: list[str]) -> None:
    path = f"/v1/scans/{scanned[0]}/events"
    answer = call(ANALYST, "GET", path)
    assert answer.headers["content-type"].startswith("text/event-stream")
    (match_event, match), (progress_event, progress), (last, _) = events(answer.text)
    assert (match_event, progress_event, last) == ("match", "progress", "end")
    assert progress == call(ANALYST, "GET", f"/v1/scans/{scanned[0]}").json()
    assert (match["tier"], match["new"]) == ("certain", True)
    assert [name for name, _ in events(call(SCANNER, "GET", path).text)] == ["progress", "end"]


def test_events_come_while_the_scan_goes_on(
    call: Call, services: Services, site: Site, case: OpenCase
) -> None:
    """The page is scanned after the listener has received the first event."""
    site.add_image("/live.jpg", jpeg(generated_photo(1), 40))
    scan = submit(call, site.add_page("/live", ["live.jpg"]), "text/plain").json()["scan"]
    listener = Caller(KeyId(random_id()), ANALYST, DEFAULT_ORGANISATION, b"")

    async def listen() -> str:
        stream = events_of(services, listener, ScanId(scan), None)
        first = await anext(stream)
        await run_in_threadpool(work_off, services)
        return first + "".join([each async for each in stream])

    received = events(anyio.run(listen))
    assert [name for name, _ in received] == ["progress", "match", "progress", "end"]
    assert (received[0][1]["finished"], received[2][1]["finished"]) == (0, 1)


def test_events_continue_after_the_last_one_received(
    call: Call, scanned: list[str], clock: SetClock
) -> None:
    path = f"/v1/scans/{scanned[0]}/events"
    for later, shown in ((59, ["match", "progress", "end"]), (61, ["progress", "end"])):
        moment = round((clock().timestamp() + later) * 1000)
        answer = call(ANALYST, "GET", path, headers={"Last-Event-ID": str(moment)})
        assert [name for name, _ in events(answer.text)] == shown
    for strange in ("x", "9" * 40, "-1"):
        answer = call(ANALYST, "GET", path, headers={"Last-Event-ID": strange})
        assert [name for name, _ in events(answer.text)] == ["match", "progress", "end"]


def test_a_key_can_have_few_open_streams(
    call: Call, services: Services, scanned: list[str]
) -> None:
    path = f"/v1/scans/{scanned[0]}/events"
    for _ in range(MOST_STREAMS + 1):
        assert call(ANALYST, "GET", path).status_code == 200
        assert call(ANALYST, "HEAD", path).status_code == 200
    with services.database.read() as connection:
        query = text("SELECT id FROM api_key WHERE role = 'analyst'")
        key = connection.execute(query).scalar_one()
    for _ in range(MOST_STREAMS):
        services.streams.enter(key)
    refused = call(ANALYST, "GET", path)
    assert (refused.status_code, refused.json()["type"]) == (429, "urn:hashsvc:too-many-calls")
    services.streams.leave(key)
    assert call(ANALYST, "GET", path).status_code == 200


def test_a_scan_of_another_organisation_is_unknown(
    call: Call, client: Any, services: Services, scanned: list[str]
) -> None:
    made = call(Role.ADMIN, "POST", "/v1/organisations", json={"name": "Other"}).json()
    token = create_key(
        services.database,
        ANALYST,
        actor="test",
        clock=utc_now,
        organisation_id=made["organisation"],
    ).token
    for method, what in (
        ("GET", ""),
        ("GET", "/items"),
        ("GET", "/results"),
        ("GET", "/events"),
        ("POST", "/cancel"),
        ("POST", "/resume"),
        ("POST", "/retry"),
    ):
        headers = {"Authorization": f"Bearer {token}"}
        answer = client.request(method, f"/v1/scans/{scanned[0]}{what}", headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:hashsvc:unknown-scan")
