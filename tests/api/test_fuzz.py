"""Any request, with a key of any role, gets a response that the OpenAPI document describes."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.python import asgi
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from schemathesis.specs.openapi.schemas import OpenApiSchema

from hashsvc.access import Role
from hashsvc.api import Services
from hashsvc.bank import ImageList
from hashsvc.matching.suppressing import suppress
from hashsvc.signals import sign_image
from hashsvc.store import cases, matches, quarantines
from hashsvc.store.ids import KeyId, MatchId
from tests.api.helpers import Call, OpenCase, content_of, work_off
from tests.api.role_table import FOR_HOLDERS, MAY_CALL
from tests.conftest import generated_photo, jpeg
from tests.helpers.site import Site

CALLS = MAY_CALL | {
    call: set(Role) for call in sorted(FOR_HOLDERS | {("GET", "/health"), ("GET", "/ready")})
}
# Each run uses the same examples, so that a failure can be repeated.
few = settings(
    max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@pytest.fixture
def schema(app: FastAPI) -> Iterator[OpenApiSchema]:
    """The OpenAPI document, and the app behind it."""
    yield schemathesis.openapi.from_asgi("/openapi.json", app)
    asgi.shutdown_lifespans()


@pytest.fixture
def known(call: Call, services: Services, site: Site, case: OpenCase) -> dict[str, str]:
    """The id of one thing of each kind, by its name in the paths."""
    image = site.add_image("/copy.jpg", case.photo)
    scan = call(Role.ANALYST, "POST", "/v1/scans", json={"urls": [image]}).json()["scan"]
    work_off(services)
    (match,) = (each["match"] for each in call(Role.ANALYST, "GET", "/v1/matches").json())
    verdict = {"confirmed": True}
    call(Role.ANALYST, "POST", f"/v1/matches/{match}/verdict", json=verdict)
    made = call(Role.ANALYST, "POST", "/v1/removal-requests", json={"match": match})
    key = call(Role.ADMIN, "POST", "/v1/keys", json={"role": "scanner"}).json()["key"]
    watched = {"scan": scan, "every_h": 24, "days": 30}
    watch = call(Role.ANALYST, "POST", "/v1/watches", json=watched).json()["watch"]
    return {
        "number": case.number,
        "pin": case.pin,
        "content": case.content,
        "scan": scan,
        "watch": watch,
        "match": match,
        "request": made.json()["request"],
        "key": key,
    }


@pytest.fixture
def spare(
    call: Call,
    client: TestClient,
    services: Services,
    known: dict[str, str],
    second_analyst: str,
    second_admin: str,
) -> dict[str, dict[str, Any]]:
    """Ids to use in place of the known ones for calls that change or end a case."""
    opened = [call(Role.INTAKE, "POST", "/v1/cases", json={"adult": True}).json() for _ in range(3)]
    path = f"/v1/cases/{opened[0]['number']}/pin-resets"
    header = {"Authorization": f"Bearer {second_analyst}"}
    reset = client.post(path, headers=header).json()["reset"]
    photos = [jpeg(generated_photo(seed)) for seed in (2, 3)]
    label, _ = (
        services.lists.add(ImageList.PROTECTED, sign_image(each), actor="test") for each in photos
    )
    pending = [content_of(each) for each in photos]
    path = f"/v1/cases/{opened[2]['number']}/contents"
    assert call(Role.INTAKE, "POST", path, json={"contents": pending}).is_success
    common = services.lists.add(ImageList.COMMON, sign_image(photos[0]), actor="test")
    header = {"Authorization": f"Bearer {second_admin}"}
    asked = client.post("/v1/exports", headers=header).json()["export"]
    approved = call(Role.ADMIN, "POST", "/v1/exports").json()["export"]
    client.post(f"/v1/exports/{approved}/approval", headers=header)
    flooded = call(Role.INTAKE, "POST", "/v1/cases", json={"adult": True}).json()["number"]
    floods = [content_of(jpeg(generated_photo(seed))) for seed in (4, 5)]
    path = f"/v1/cases/{flooded}/contents"
    assert call(Role.INTAKE, "POST", path, json={"contents": floods}).is_success
    now = services.clock()
    with services.database.write() as connection:
        case_id = cases.case_by_number(connection, flooded).id
        for each in cases.contents_of(connection, case_id):
            assert quarantines.begin(connection, each.id, since=now, now=now)
        match = matches.by_id(connection, MatchId(known["match"]))
        dismissed = suppress(connection, match, everywhere=True, actor=KeyId("0f" * 16), now=now)
    return {
        "/v1/suppressions/{suppression}": {"suppression": dismissed},
        "/v1/quarantine/{content}/release": floods[0],
        "/v1/quarantine/{content}/dismissal": floods[1],
        "/v1/exports/{export}/approval": {"export": asked},
        "/v1/exports/{export}": {"export": approved},
        "/v1/cases/{number}/pin-resets/{reset}/approval": opened[0] | {"reset": reset},
        # None leaves a field out: a call names either the whole case or one content.
        "/v1/holder/withdraw": opened[1] | {"whole_case": True, "content": None},
        "/v1/pending-contents/{content}/release": pending[0],
        "/v1/pending-contents/{content}/rejection": pending[1],
        "/v1/lists/common/images/{label}": {"label": common},
        "/v1/lists/protected/images/{label}": {"label": label},
    }


def check(case: schemathesis.Case[Any], token: str | None) -> schemathesis.Response:
    """Send a test case, check the response's status, media type, headers and body; return it."""
    # Some rules are not in the schema, for example that the person shown is an adult. Unknown names
    # are ignored in a query and refused in a body. Every body is a text, whatever it was made from.
    allowed: list[schemathesis.CheckFunction] = [positive_data_acceptance]
    if case.method == "GET" or (case.media_type or "").startswith("text/"):
        allowed.append(negative_data_rejection)
    return case.call_and_validate(
        headers={} if token is None else {"Authorization": f"Bearer {token}"},
        excluded_checks=allowed,
    )


def test_every_response_is_documented(
    schema: OpenApiSchema, tokens: dict[Role, str], subtests: pytest.Subtests
) -> None:
    others = st.sampled_from([None, *tokens.values()])
    for (method, path), roles in CALLS.items():
        operation = schema[path][method]
        anything = [operation.as_strategy(generation_mode=mode) for mode in GenerationMode]
        # In about half of the calls, the key's role may make the call.
        may = st.sampled_from([tokens[role] for role in sorted(roles)])
        with subtests.test(method=method, path=path):

            @few
            @given(case=st.one_of(anything), token=may | others)
            def send(case: schemathesis.Case[Any], token: str | None) -> None:
                check(case, token)

            send()


def test_every_response_about_an_existing_thing_is_documented(
    schema: OpenApiSchema,
    tokens: dict[Role, str],
    known: dict[str, str],
    spare: dict[str, dict[str, Any]],
    subtests: pytest.Subtests,
) -> None:
    good: set[tuple[str, str]] = set()
    # The calls that delete things come last, and delete a content before its case.
    for method, path in sorted(CALLS, key=lambda call: (call[0] == "DELETE", -len(call[1]))):
        right = schema[path][method].as_strategy(generation_mode=GenerationMode.POSITIVE)
        may = st.sampled_from([tokens[role] for role in sorted(CALLS[method, path])])
        with subtests.test(method=method, path=path):

            @few
            @given(case=right, token=may)
            def send(case: schemathesis.Case[Any], token: str) -> None:
                given = known | spare.get(case.path, {})
                for part in (case.path_parameters, case.body):
                    if isinstance(part, dict):
                        for name in part.keys() & given.keys():
                            part[name] = given[name]
                            if given[name] is None:
                                del part[name]
                if 200 <= check(case, token).status_code < 300:
                    good.add((case.method, case.path))

            send()
    # These calls need consistent signals, or another state of the request.
    assert set(CALLS) - good <= {
        ("POST", "/v1/cases/{number}/contents"),
        ("POST", "/v1/holder/contents"),
        ("POST", "/v1/lookups"),
        ("POST", "/v1/comparisons"),
        ("POST", "/v1/lists/common/images"),
        ("POST", "/v1/lists/protected/images"),
        ("POST", "/v1/removal-requests/{request}/moves"),
        ("POST", "/v1/removal-requests/{request}/rechecks"),
        ("POST", "/v1/removal-requests/{request}/observations"),
        ("POST", "/v1/removal-requests/{request}/mails"),
        ("POST", "/v1/removal-requests/{request}/mail-settlements"),
        ("POST", "/v1/removal-requests/{request}/complaints"),
        ("POST", "/v1/removal-requests/{request}/referrals"),
        ("POST", "/v1/removal-requests/{request}/orders"),
        ("POST", "/v1/removal-requests/{request}/escalations"),
        ("PUT", "/v1/platforms/{platform}"),
        ("DELETE", "/v1/platforms/{platform}"),
    }
