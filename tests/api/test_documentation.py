"""The OpenAPI document is valid, and describes each call's roles and errors and each field."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient

from hashsvc.bank import is_case_number
from tests.api.role_table import FOR_HOLDERS, MAY_CALL

PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
# Fields whose names need no explanation.
PLAIN = {
    "cancelled",
    "created_at",
    "found_at",
    "image_url",
    "invalid",
    "page_url",
    "reviewed_at",
    "role",
    "rule",
    "signals",
    "status",
    "url",
    "version",
    "added_on",
    "opened_on",
    "contents",
    "request",
    "line",
    "at",
}


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    """The OpenAPI document as the service returns it."""
    return dict(client.get("/openapi.json").json())


def operations(document: dict[str, Any]) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    """Yield every operation with its method and path."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield (method.upper(), path), operation


def fields(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the schema's name, the field's name and the description of every field."""
    for name, schema in document["components"]["schemas"].items():
        for field, described in schema.get("properties", {}).items():
            yield name, field, described


def references(part: object) -> Iterator[str]:
    """Yield every reference in a part of the document."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


def test_it_is_valid(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    schemathesis.openapi.from_dict(document).validate()
    schemas = document["components"]["schemas"]
    named = {each.removeprefix("#/components/schemas/") for each in references(document)}
    # No unused schema is left, such as FastAPI's own shape of errors.
    assert set(schemas) == named


def test_it_has_every_call_and_no_page(document: dict[str, Any]) -> None:
    described = {place for place, _ in operations(document)}
    assert described == set(MAY_CALL) | FOR_HOLDERS | {("GET", "/health"), ("GET", "/ready")}


def test_every_call_says_what_it_does_and_for_whom(document: dict[str, Any]) -> None:
    tags = {each["name"]: each["description"] for each in document["tags"]}
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z_]+", each) for each in ids)
    used = set()
    for place, operation in operations(document):
        assert re.fullmatch(r"[A-Z][^.,:;\n]{5,70}", operation["summary"]), place
        assert operation["description"].startswith(operation["summary"])
        (tag,) = operation["tags"]
        used.add(tag)
        if place in MAY_CALL:
            roles = " or ".join(sorted(MAY_CALL[place]))
            assert operation["description"].endswith(f"\n\nFor keys of role {roles}.")
            assert operation["security"] == [{"HTTPBearer": []}]
        else:
            assert "security" not in operation
    assert used == set(tags)
    assert all(len(each) > 20 for each in tags.values())


def test_every_call_documents_its_errors(document: dict[str, Any]) -> None:
    for place, operation in operations(document):
        errors = {code: each for code, each in operation["responses"].items() if code >= "400"}
        expected = {"408", "413", "415", "503"}
        if place in MAY_CALL:
            expected |= {"401", "403", "429"}
        if "parameters" in operation or "requestBody" in operation:
            expected |= {"422"}
        if any(each["in"] == "path" for each in operation.get("parameters", [])):
            expected |= {"404"}
        if place in FOR_HOLDERS:
            expected |= {"404", "429"}
        assert expected <= set(errors) <= expected | {"404", "409", "502"}, place
        for each in errors.values():
            assert each["content"] == PROBLEM
            assert each["description"]
        good = {code for code in operation["responses"] if code < "400"}
        assert len(good) == 1, place


def test_every_field_is_explained(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        assert schema.get("description"), name
    unexplained = {
        f"{name}.{field}"
        for name, field, described in fields(document)
        if "description" not in described and not list(references(described)) and field not in PLAIN
    }
    assert unexplained == set()
    for place, operation in operations(document):
        for parameter in operation.get("parameters", []):
            explained = "description" in parameter or list(references(parameter))
            assert explained, (place, parameter["name"])


def test_every_example_follows_its_schema(document: dict[str, Any]) -> None:
    examples = [(name, described) for _, name, described in fields(document)]
    examples += [
        (parameter["name"], parameter["schema"])
        for _, operation in operations(document)
        for parameter in operation.get("parameters", [])
    ]
    checked = 0
    for name, schema in examples:
        rules = schema | {"components": document["components"]}
        for example in schema.get("examples", []):
            assert jsonschema_rs.is_valid(rules, example), name
            checked += 1
            if name == "number":
                assert is_case_number(example)
    assert checked > 20


def test_no_response_has_a_field_for_a_secret(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]

    def below(names: set[str]) -> set[str]:
        found = set(names)
        for name in names:
            inner = {each.rpartition("/")[2] for each in references(schemas[name])}
            found |= below(inner - found)
        return found

    answers = below(
        {
            reference.rpartition("/")[2]
            for _, operation in operations(document)
            for reference in references(operation["responses"])
        }
    )
    private = {"pin", "pin_hash", "token", "token_sha256", "code", "signal", "signals", "view"}
    shown = {
        f"{name}.{field}"
        for name, field, _ in fields(document)
        if name in answers and field in private
    }
    assert shown == {
        "NewCaseOut.pin",
        "NewPinOut.pin",
        "NewKeyOut.token",
        # This is the name of a view, without the signal made from it.
        "FindingOut.view",
    }


def test_it_stays_complete_when_a_route_is_added(app: FastAPI, client: TestClient) -> None:
    def added() -> None:
        """Do more. It was not there before."""

    for path in ("/one", "/two"):
        app.add_api_route(path, added, name=path.removeprefix("/"), tags=["status"])
        document = client.get("/openapi.json").json()
        assert document["paths"][path]["get"]["summary"] == "Do more"
        assert "Problem" in document["components"]["schemas"]
        once = document["paths"]["/v1/keys"]["get"]["description"]
        assert once.count("For keys of role") == 1


def strings(document: dict[str, Any], schema: dict[str, Any], place: str) -> Iterator[Any]:
    """Yield every place in a request's schema that takes text, with the rules for the text."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        yield from strings(document, document["components"]["schemas"][name], name)
        return
    for field, below in schema.get("properties", {}).items():
        yield from strings(document, below, f"{place}.{field}")
    for each in [*schema.get("anyOf", []), *filter(None, [schema.get("items")])]:
        yield from strings(document, each, place)
    assert schema.get("type") != "object" or schema["additionalProperties"] is False, place
    if schema.get("type") == "string":
        yield place, schema


def test_no_name_can_be_typed_anywhere(document: dict[str, Any]) -> None:
    """Text must be an id, a listed word, a signal or a PIN. The exceptions are listed here."""
    found: dict[str, dict[str, Any]] = {}
    for place, operation in operations(document):
        if "requestBody" in operation:
            for form, sent in operation["requestBody"]["content"].items():
                name = form if form.startswith(("text/", "application/x-")) else str(place)
                found |= dict(strings(document, sent["schema"], name))
        for parameter in operation.get("parameters", []):
            found |= dict(strings(document, parameter["schema"], parameter["name"]))
    free = {place for place, rules in found.items() if not {"pattern", "enum"} & set(rules)}
    assert free == {
        # A case number of at most 20 characters; any other text is refused. It is not stored.
        "number",
        "HolderIn.number",
        "HolderContentsIn.number",
        "HolderWithdrawIn.number",
        # These are stored sealed.
        str(("POST", "/v1/scans")) + ".urls",
        "text/plain",
        "text/csv",
        "application/x-ndjson",
        # A number; any other text is ignored. It is not stored.
        "Last-Event-ID",
        # The name of an organisation, typed by an administrator.
        "OrganisationIn.name",
        # Facts about a platform, which are public.
        "PlatformIn.name",
        "PlatformIn.domains",
        "PlatformIn.trusted_flagger",
        "PlatformIn.note",
        "ChannelIn.address",
        "ChannelIn.note",
        # Words of a platform or an analyst about a request. They are sealed, without case numbers.
        "MoveIn.reason",
        "ObservationIn.reason",
        "SettlementIn.reason",
        "LetterIn.explanation",
        "OrderIn.explanation",
        "ElementIn.text",
        # A date or time; any other text is refused.
        "since",
        "until",
        "MoveIn.at",
        "PlatformIn.checked",
    }
