"""Images and oversized bodies reach no route. A JSON object arrives byte for byte."""

import asyncio
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

import pillow_heif
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashsvc.access import Role
from hashsvc.api.request_bodies import SignalsOnly
from tests.api.helpers import Call
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
    """The middleware in front of a route that keeps the bodies it receives."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.bodies: list[bytes] = []
        self.answers: list[dict[str, Any]] = []
        self.unread: list[dict[str, Any]] = []
        self._middleware = SignalsOnly(self._route, max_bytes)

    def send(
        self,
        chunks: Sequence[bytes],
        *,
        method: str = "POST",
        headers: Iterable[tuple[str, str]] = (),
        goes_away: bool = False,
    ) -> None:
        """Send a body in chunks and keep the response. `unread` keeps chunks that are not read."""
        self.unread = [
            {"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks
        ]
        if goes_away or not self.unread:
            self.unread.append({"type": "http.disconnect"})
        else:
            self.unread[-1]["more_body"] = False
        scope = {
            "type": "http",
            "method": method,
            "path": "/",
            "headers": [(name.encode(), value.encode()) for name, value in headers],
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
    assert len(door.unread) == 999
    door.send([image_bytes("JPEG")[:1000]] * 1000, headers=typed("image/jpeg"))
    assert len(door.unread) == 1000


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
    assert len(door.unread) == 1


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
    assert len(door.unread) == 1001 - 11


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
        # Images are refused before the key is checked, so everybody sees the reason.
        assert call(None, "POST", "/v1/cases", **how).status_code == 415
    assert call(Role.INTAKE, "POST", "/v1/cases", json={"adult": True}).status_code == 201


def test_the_limit_is_the_setting(call: Call, services: Any) -> None:
    limit = services.settings.max_body_bytes
    headers = {"Content-Type": "application/json"}
    fits = b'{"adult": true' + b" " * (limit - 15) + b"}"
    assert len(fits) == limit
    answer = call(Role.INTAKE, "POST", "/v1/cases", content=fits, headers=headers)
    assert answer.status_code == 201
    answer = call(Role.INTAKE, "POST", "/v1/cases", content=b" " + fits, headers=headers)
    assert answer.status_code == 413
    assert str(limit) in answer.json()["detail"]
