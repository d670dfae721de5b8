"""Images and oversized bodies reach no route. A JSON object arrives byte for byte."""

import asyncio
import io
import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pillow_heif
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from hashsvc.access import Role
from hashsvc.api import Services, create_app
from hashsvc.api.request_bodies import SignalsOnly
from hashsvc.api.routes.body_limits import MOST_BYTES, NO_BODY, SMALL, URLS
from hashsvc.bank import new_case_number
from hashsvc.settings import Settings
from hashsvc.store.ids import random_id
from tests.api.helpers import Call
from tests.api.role_table import FOR_HOLDERS, MAY_CALL
from tests.conftest import generated_photo

MAX_BYTES = 1000
BODY = json.dumps({"adult": True}).encode()
CONTENT_TYPES = [
    "image/jpeg",
    "IMAGE/PNG",
    "image/anything",
    "video/mp4",
    "multipart/form-data; boundary=x",
    "application/octet-stream",
    "application/json",
    "application/json; charset=utf-8",
    "application/x-www-form-urlencoded",
    "text/plain",
    "",
    None,
]


def image_bytes(kind: str) -> bytes:
    """Return a small picture as a file of a format."""
    picture, file = generated_photo(1, (96, 64)), io.BytesIO()
    match kind:
        case "HEIC":
            pillow_heif.from_pillow(picture).save(file)
        case "TIFF, Motorola":
            picture.convert("I;16B").save(file, "TIFF")
        case "JPEG XL":
            return b"\xff\x0a" + bytes(range(64))
        case "JPEG 2000":
            return b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(range(64))
        case "SVG":
            return b'<svg xmlns="http://www.w3.org/2000/svg"/>'
        case _:
            picture.save(file, kind)
    return file.getvalue()


KNOWN = ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "TIFF, Motorola", "HEIC", "AVIF"]
UNKNOWN = ["JPEG XL", "JPEG 2000", "SVG", "PPM", "TGA", "ICO", "PCX", "SGI"]


class Door:
    """
    The middleware in front of a route that keeps the bodies it receives.

    Attributes:
        unread_at_answer: How many chunks nobody had read when the answer began.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.bodies: list[bytes] = []
        self.answers: list[dict[str, Any]] = []
        self.unread: list[dict[str, Any]] = []
        self.unread_at_answer: int | None = None
        self._middleware = SignalsOnly(self._route, lambda _scope: max_bytes)

    def send(
        self,
        chunks: Sequence[bytes],
        *,
        method: str = "POST",
        headers: Iterable[tuple[str, str]] = (),
        goes_away: bool = False,
    ) -> None:
        """Send a body in chunks, announced as such, and keep the response."""
        self.unread = [
            {"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks
        ]
        if goes_away or not self.unread:
            self.unread.append({"type": "http.disconnect"})
        else:
            self.unread[-1]["more_body"] = False
        self.unread_at_answer = None
        sent = list(headers)
        if "content-length" not in dict(sent):
            sent.append(("transfer-encoding", "chunked"))
        scope = {
            "type": "http",
            "method": method,
            "path": "/",
            "headers": [(name.encode(), value.encode()) for name, value in sent],
        }
        asyncio.run(self._middleware(scope, self._receive, self._send))

    @property
    def status(self) -> int:
        """The status of the response."""
        return int(self.answers[0]["status"])

    @property
    def problem(self) -> dict[str, Any]:
        """The problem in the response."""
        return dict(json.loads(self.answers[1]["body"]))

    async def _receive(self) -> dict[str, Any]:
        return self.unread.pop(0)

    async def _send(self, message: Any) -> None:
        if self.unread_at_answer is None:
            self.unread_at_answer = len(self.unread)
        self.answers.append(message)

    async def _route(self, _scope: Any, receive: Any, _send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            assert message["type"] == "http.request"
            body += message["body"]
            more = message["more_body"]
        self.bodies.append(body)


def typed(content_type: str | None) -> list[tuple[str, str]]:
    """Return the headers with this content type."""
    return [] if content_type is None else [("content-type", content_type)]


def split(data: bytes, *sizes: int) -> list[bytes]:
    """Return the data in chunks of these sizes, and the rest."""
    chunks = []
    for size in sizes:
        chunks.append(data[:size])
        data = data[size:]
    return [*chunks, data]


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
@pytest.mark.parametrize("kind", KNOWN)
def test_an_image_is_refused_whatever_its_content_type(kind: str, content_type: str | None) -> None:
    data = image_bytes(kind)
    for sizes in [(), (1,), (3,), (0, 2, 1), (4, 4), (1,) * 12]:
        door = Door(max_bytes=10_000_000)
        door.send(split(data, *sizes), headers=typed(content_type))
        assert not door.bodies
        assert door.status == 415
        assert door.problem["type"] == "urn:hashsvc:image-sent"
        assert "takes no images" in door.problem["detail"]
        assert "hashsvc hash" in door.problem["detail"]


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
@pytest.mark.parametrize("kind", UNKNOWN)
def test_an_image_of_another_format_is_refused_as_not_json(
    kind: str, content_type: str | None
) -> None:
    door = Door(max_bytes=10_000_000)
    door.send([image_bytes(kind)], headers=typed(content_type))
    assert not door.bodies
    assert door.status == 415
    assert door.problem["type"] in {"urn:hashsvc:image-sent", "urn:hashsvc:not-json"}


def test_an_image_is_refused_before_it_is_read() -> None:
    door = Door()
    door.send([image_bytes("JPEG")[:1000]] * 1000, headers=typed("application/json"))
    assert door.unread_at_answer == 999
    door.send([image_bytes("JPEG")[:1000]] * 1000, headers=typed("image/jpeg"))
    assert door.unread_at_answer == 1000


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "REPORT"])
def test_an_image_is_refused_with_any_method(method: str) -> None:
    door = Door(max_bytes=10_000_000)
    door.send([image_bytes("PNG")], method=method)
    assert (door.bodies, door.status) == ([], 415)


@given(data=st.data())
def test_json_passes_in_any_chunks(data: st.DataObject) -> None:
    body = json.dumps(
        {"adult": True, "text": data.draw(st.text(max_size=50))}, ensure_ascii=False
    ).encode()
    sizes = data.draw(st.lists(st.integers(0, 9), max_size=6))
    content_type = data.draw(
        st.sampled_from(["application/json", "application/json; charset=utf-8", "Application/JSON"])
    )
    door = Door()
    door.send(split(body, *sizes), headers=typed(content_type))
    assert (door.bodies, door.answers) == ([body], [])


@given(body=st.binary(max_size=40), content_type=st.sampled_from(CONTENT_TYPES))
def test_only_objects_pass(body: bytes, content_type: str | None) -> None:
    door = Door()
    door.send([body], headers=typed(content_type))
    if door.bodies:
        (passed,) = door.bodies
        assert passed == body
        assert not body or body.strip().startswith(b"{")
    else:
        assert door.status == 415


@pytest.mark.parametrize("body", [b"[]", b"null", b'"{"', b"1", b"hello", b" ", b"\xef\xbb\xbf{}"])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    door = Door()
    door.send([body], headers=typed("application/json"))
    assert (door.bodies, door.status) == ([], 415)
    assert door.problem["type"] == "urn:hashsvc:not-json"
    assert "JSON object" in door.problem["detail"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "", None, "json"])
def test_json_needs_its_content_type(content_type: str | None) -> None:
    door = Door()
    door.send([BODY], headers=typed(content_type))
    assert (door.bodies, door.status) == ([], 415)
    assert "application/json" in door.problem["detail"]


@pytest.mark.parametrize("content_type", ["application/json", "", None])
def test_a_request_without_a_body_passes(content_type: str | None) -> None:
    for method in ("GET", "POST", "DELETE"):
        door = Door()
        door.send([b""], method=method, headers=typed(content_type))
        assert (door.bodies, door.answers) == ([b""], [])


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("size", [MAX_BYTES - 1, MAX_BYTES, MAX_BYTES + 1])
def test_the_limit_is_inclusive(size: int, announced: bool) -> None:
    body = b'{"a": "' + b"a" * (size - 9) + b'"}'
    headers = typed("application/json") + ([("content-length", str(size))] if announced else [])
    door = Door()
    door.send(split(body, 5, 500, 200), headers=headers)
    if size <= MAX_BYTES:
        assert (door.bodies, door.answers) == ([body], [])
    else:
        assert (door.bodies, door.status) == ([], 413)
        assert door.problem["type"] == "urn:hashsvc:body-too-large"
        assert str(MAX_BYTES) in door.problem["detail"]


@pytest.mark.parametrize("length", [str(MAX_BYTES + 1), "9" * 18, "9" * 19, "9" * 5000])
def test_a_body_announced_as_too_large_is_not_read(length: str) -> None:
    door = Door()
    door.send([BODY], headers=[*typed("application/json"), ("content-length", length)])
    assert (door.bodies, door.status) == ([], 413)
    assert "never images" in door.problem["detail"]
    assert door.unread_at_answer == 1


@pytest.mark.parametrize("length", ["", "0", "-1", "5", "five", "0x5", "²"])
def test_a_wrong_content_length_does_not_admit_a_larger_body(length: str) -> None:
    headers = [*typed("application/json"), ("content-length", length)]
    door = Door()
    door.send(split(b"{" + b" " * MAX_BYTES, 500), headers=headers)
    assert (door.bodies, door.status) == ([], 413)


def test_an_endless_body_is_read_up_to_the_limit() -> None:
    door = Door()
    door.send([b"{" + b" " * 99] + [b" " * 100] * 1000, headers=typed("application/json"))
    assert (door.bodies, door.status) == ([], 413)
    assert door.unread_at_answer == 1001 - 11


def test_a_disconnected_caller_gets_no_response() -> None:
    for chunks in ([], [BODY], [BODY[:3], BODY[3:]]):
        door = Door()
        door.send(chunks, headers=typed("application/json"), goes_away=True)
        assert (door.bodies, door.answers) == ([], [])


def test_the_service_uses_the_middleware(call: Call) -> None:
    photo = image_bytes("JPEG")
    for how in (
        {"content": photo},
        {"content": photo, "headers": {"Content-Type": "application/json"}},
        {"files": {"image": ("photo.jpg", photo, "image/jpeg")}},
    ):
        answer = call(Role.INTAKE, "POST", "/v1/cases", **how)
        assert answer.status_code == 415
        assert answer.json()["detail"].startswith("This service takes no images")
    # An image by its media type is refused before the key is checked: everybody sees the reason.
    assert call(None, "POST", "/v1/cases", **how).status_code == 415
    assert call(Role.INTAKE, "POST", "/v1/cases", json={"adult": True}).status_code == 201


LIMITS = [
    (Role.INTAKE, "POST", "/v1/cases", SMALL),
    (Role.INTAKE, "POST", "/v1/cases/{number}/contents", 1_200_000),
    (None, "POST", "/v1/holder/state", 2_000),
    (None, "POST", "/v1/holder/contents", 300_000),
    (Role.ANALYST, "POST", "/v1/lookups", 600_000),
    (Role.ANALYST, "PUT", "/v1/platforms/{platform}", 300_000),
    (Role.ADMIN, "DELETE", "/v1/keys/{key}", NO_BODY),
    (None, "GET", "/health", NO_BODY),
    (None, "POST", "/v1/nowhere", NO_BODY),
]


@pytest.mark.parametrize(("role", "method", "path", "most"), LIMITS)
def test_each_call_has_its_own_limit(
    role: Role | None, method: str, path: str, most: int, call: Call
) -> None:
    json_type = {"Content-Type": "application/json"}
    for size in (most, most + 1):
        body = b"{" + b" " * (size - 2) + b"}"
        answer = call(role, method, path, content=body, headers=json_type)
        assert (answer.status_code == 413) is (size > most)
    assert f"at most {most} bytes" in answer.json()["detail"]


def test_every_limit_belongs_to_a_route() -> None:
    assert {*MOST_BYTES, URLS} <= {*MAY_CALL, *FOR_HOLDERS}


def test_the_documentation_has_every_limit() -> None:
    page = (Path(__file__).parents[2] / "docs/http-api.md").read_text()
    for most in {*MOST_BYTES.values(), SMALL, NO_BODY, Settings().max_body_bytes}:
        assert f"| {most:,} " in page


def test_the_limit_of_lists_is_the_setting(call: Call, services: Services) -> None:
    limit = services.settings.max_body_bytes
    lines = {"Content-Type": "text/plain"}
    fits = b"http://host.example/\n" + b"\n" * (limit - 21)
    assert len(fits) == limit
    assert call(Role.ANALYST, "POST", "/v1/scans", content=fits, headers=lines).is_success
    answer = call(Role.ANALYST, "POST", "/v1/scans", content=fits + b"\n", headers=lines)
    assert answer.status_code == 413
    assert str(limit) in answer.json()["detail"]


def test_a_lower_setting_holds_for_every_call(
    settings: Settings, new_data: Path, call: Call
) -> None:
    folder = settings.data_dir.parent / "other"
    shutil.copytree(new_data, folder)
    low = settings.model_copy(update={"max_body_bytes": 1_500, "data_dir": folder})
    body = b"{" + b" " * 1_499 + b"}"
    with TestClient(create_app(Services.build(low))) as client:
        answer = client.post(
            "/v1/holder/state", content=body, headers={"Content-Type": "application/json"}
        )
    assert (answer.status_code, "1500 bytes" in answer.json()["detail"]) == (413, True)


def test_json_has_few_objects_for_its_size(call: Call) -> None:
    """Real signals pass; tens of thousands of lists, which cost much to parse, do not."""
    signals = [{"signal": f"reg1:{index:064x}", "view": "whole"} for index in range(99)]
    signals.append({"signal": f"pdq1:{'0f' * 32}", "view": "whole"})
    contents = [{"content": random_id(), "quality": 90, "signals": signals} for _ in range(3)]
    path = f"/v1/cases/{new_case_number()}/contents"
    # Compact JSON has most objects for its size.
    body = json.dumps({"contents": contents}, separators=(",", ":")).encode()
    headers = {"Content-Type": "application/json"}
    answer = call(Role.INTAKE, "POST", path, content=body, headers=headers)
    assert answer.json()["type"] == "urn:hashsvc:unknown-case"
    for part in (b"[]", b'{"a":1}', b"[" * 40 + b"]" * 40):
        body = b'{"contents":[' + b",".join([part] * 20_000) + b"]}"
        answer = call(Role.INTAKE, "POST", path, content=body[:1_200_000], headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:hashsvc:too-many-objects")
