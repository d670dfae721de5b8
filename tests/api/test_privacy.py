"""No log and no file has a PIN, a token, a file's name or, after a withdrawal, a code."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image, ImageDraw

from hashsvc.access import Role
from hashsvc.api import Services
from hashsvc.settings import Settings
from hashsvc.signals import sign_image
from hashsvc.store.removal_tables import platform_entry
from hashsvc.store.tables import organisation
from tests.api.helpers import body_of, content_of, work_off
from tests.api.marks import found_in
from tests.conftest import generated_photo, jpeg
from tests.helpers.site import Site

FILE_NAME = "canary-of-a-file-name.jpg"
PIXELS = b"canary-of-a-picture"


def marked_photo() -> Image.Image:
    """Return a photo with a word drawn in it."""
    photo = generated_photo(1)
    ImageDraw.Draw(photo).text((40, 40), PIXELS.decode(), "white")
    return photo


def marked_jpeg() -> bytes:
    """Return the marked photo as a JPEG file that also has the word as a comment."""
    data = jpeg(marked_photo())
    comment = b"\xff\xfe" + (len(PIXELS) + 2).to_bytes(2, "big") + PIXELS
    return data[:2] + comment + data[2:]


@pytest.mark.parametrize("withdrawn", ["case", "content"])
def test_nothing_private_is_logged_or_stored(
    withdrawn: str,
    app: FastAPI,
    services: Services,
    settings: Settings,
    tokens: dict[Role, str],
    site: Site,
    logged: Callable[[], str],
) -> None:
    photo = marked_jpeg()
    signature = sign_image(photo)
    codes = [viewed.signal.code for viewed in signature.whole().signals]
    content = content_of(photo)
    image = site.add_image("/copy.jpg", photo)
    page = site.add_page("/page", [image])
    answers: list[str] = []

    with TestClient(app) as client:

        def call(role: Role, method: str, path: str, **how: object) -> dict[str, str]:
            headers = {"Authorization": f"Bearer {tokens[role]}"}
            answer = client.request(method, path, headers=headers, **how)  # type: ignore[arg-type]
            answers.append(f"{answer.headers} {answer.text}")
            return dict(answer.json()) if answer.text.startswith("{") else {}

        opened = call(Role.INTAKE, "POST", "/v1/cases", json={"adult": True})
        pin = opened["pin"]
        answers.clear()
        case = f"/v1/cases/{opened['number']}"
        call(Role.INTAKE, "POST", f"{case}/contents", content=photo)
        call(Role.INTAKE, "POST", f"{case}/contents", files={"file": (FILE_NAME, photo)})
        call(Role.INTAKE, "POST", f"{case}/contents", json={"contents": [content], "pin": pin})
        call(Role.INTAKE, "POST", f"{case}/contents", json={FILE_NAME: [content]})
        call(Role.INTAKE, "POST", f"{case}/contents", json={"contents": [content]})
        call(Role.INTAKE, "GET", case, params={"pin": pin, "file": FILE_NAME})
        call(Role.INTAKE, "GET", f"{case}/{pin}")
        call(Role.SCANNER, "POST", "/v1/lookups", json=body_of(signature))
        call(Role.ANALYST, "POST", "/v1/scans", json={"urls": [page, FILE_NAME]})
        work_off(services)
        headers = {"Authorization": f"Bearer {tokens[Role.ANALYST]}"}
        (match,) = client.get("/v1/matches", headers=headers).json()
        call(
            Role.ANALYST, "POST", f"/v1/matches/{match['match']}/verdict", json={"confirmed": True}
        )
        request = call(Role.ANALYST, "POST", "/v1/removal-requests", json={"match": match["match"]})
        path = f"/v1/removal-requests/{request['request']}"
        for state in ("approved", "sent"):
            call(Role.ANALYST, "POST", f"{path}/moves", json={"to": state})
        call(Role.ANALYST, "POST", f"{path}/rechecks")

        # Codes are sealed before they are stored.
        assert found_in(settings.data_dir, codes) == set()
        below = "" if withdrawn == "case" else f"/contents/{content['content']}"
        call(Role.INTAKE, "DELETE", case + below)
        # They are gone at once, not only after the service has stopped.
        assert found_in(settings.data_dir, codes) == set()

    texts = [pin, FILE_NAME, PIXELS.decode(), *tokens.values()]
    marks = [each.encode() for each in texts] + [each.hex().encode() for each in codes] + codes
    assert found_in(settings.data_dir, marks) == set()
    shown = "".join(answers) + logged()
    texts += [str(viewed.signal).partition(":")[2][:16] for viewed in signature.signals]
    assert "scan.item_done" in shown
    assert [each for each in texts if each in shown] == []


CANARY = "canary0f0f"
SECRET = "40718263"


def marked(schema: dict[str, Any], document: dict[str, Any]) -> Any:
    """Return a body for a schema with the mark in every field, even where it is not valid."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return marked(document["components"]["schemas"][name], document)
    if "properties" in schema:
        return {name: marked(each, document) for name, each in schema["properties"].items()}
    if schema.get("type") == "array":
        return [marked(schema["items"], document)]
    return CANARY


def test_no_route_returns_logs_or_stores_marked_text(
    app: FastAPI,
    services: Services,
    settings: Settings,
    tokens: dict[Role, str],
    logged: Callable[[], str],
) -> None:
    """The marks go into every part of a request, to every route, with every key."""
    photo = marked_jpeg()
    signals = body_of(sign_image(photo))
    texts = [CANARY, FILE_NAME, PIXELS.decode(), SECRET, "Bearer-" + CANARY]
    shown = []
    with TestClient(app, raise_server_exceptions=True) as client:
        document = client.get("/openapi.json").json()
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                sent = operation.get("requestBody", {}).get("content", {}).values()
                shaped = [marked(each["schema"], document) for each in sent]
                bodies: list[dict[str, Any]] = [
                    {},
                    {"content": photo},
                    {"files": {"file": (FILE_NAME, photo)}},
                    {"json": {FILE_NAME: CANARY, "pin": SECRET, "number": CANARY}},
                    {"json": signals | {"name": FILE_NAME, "pin": SECRET}},
                    *({"json": each} for each in shaped),
                ]
                for token in (None, CANARY, *tokens.values()):
                    for body in bodies:
                        if method in ("get", "delete") and set(body) & {"json", "files"}:
                            continue
                        headers = {"X-File": FILE_NAME, "Referer": f"https://{CANARY}.example/"}
                        if token is not None:
                            headers["Authorization"] = f"Bearer {token}"
                        answer = client.request(
                            method,
                            re.sub(r"{\w+}", CANARY, path),
                            params={"pin": SECRET, "file": FILE_NAME, "limit": CANARY},
                            headers=headers,
                            **body,
                        )
                        assert answer.status_code < 500, (method, path)
                        shown.append(f"{answer.headers} {answer.text}")
        # URLs and organisations' names are accepted, and may be shown to those they belong to.
        url = f"http://{CANARY}.example/{FILE_NAME}?{SECRET}"
        headers = {"Authorization": f"Bearer {tokens[Role.ANALYST]}"}
        scan = client.post("/v1/scans", headers=headers, json={"urls": [url]}).json()["scan"]
        while services.scanner.work_once():
            continue
        items = client.get(f"/v1/scans/{scan}/items", headers=headers).json()
        assert [each["url"] for each in items] == [url]
    assert len(shown) > 500
    marks = [each.encode() for each in [*texts, *tokens.values()]]
    # An organisation's name, given by an administrator, is no secret.
    with services.database.write() as connection:
        connection.execute(organisation.delete().where(organisation.c.name == CANARY))
        # Platforms are public too.
        connection.execute(platform_entry.delete())
    services.database.purge(services.clock())
    assert found_in(settings.data_dir, marks) == set()
    names = [each for each in shown if f'"name":"{CANARY}"' in each]
    # The names of an organisation and a platform.
    assert len(names) <= 2
    visible = "".join(each for each in shown if each not in names) + logged()
    assert [each for each in [*texts, *tokens.values()] if each in visible] == []
