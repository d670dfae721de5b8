"""An issuer's token allows what a key of the same role allows. Other tokens are refused."""

import base64
import hmac
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, RSAKey
from sqlalchemy import select

from hashsvc.access import Role, create_organisation, issuer
from hashsvc.api import Services, create_app
from hashsvc.clock import utc_now
from hashsvc.settings import Settings
from hashsvc.store.ids import DEFAULT_ORGANISATION
from hashsvc.store.tables import audit_entry
from tests.api.helpers import Call
from tests.helpers.fake_issuer import AUDIENCE, NAME, FakeIssuer, running
from tests.helpers.set_clock import SetClock

Send = Callable[..., httpx2.Response]


@pytest.fixture
def fake(clock: SetClock) -> Iterator[FakeIssuer]:
    with running(FakeIssuer(clock)) as made:
        yield made


@pytest.fixture
def settings(settings: Settings, fake: FakeIssuer) -> Settings:
    """Settings of a service that trusts the issuer."""
    return settings.model_copy(
        update={
            "oidc_issuer": fake.url,
            "oidc_audience": AUDIENCE,
            "oidc_grants": ("case-workers=analyst", "desk=intake", "heads=admin"),
        }
    )


@pytest.fixture
def send(client: TestClient) -> Send:
    """A function that calls the service with a token; by default it lists matches."""

    def request(token: str, path: str = "/v1/matches", method: str = "GET", **how: Any) -> Any:
        return client.request(method, path, headers={"Authorization": f"Bearer {token}"}, **how)

    return request


def entries(services: Services) -> list[tuple[str, str, str]]:
    columns = (audit_entry.c.actor, audit_entry.c.action, audit_entry.c.subject)
    with services.database.read() as connection:
        rows = connection.execute(select(*columns)).all()
    return [(each.actor, each.action, each.subject) for each in rows]


def test_a_person_in_the_right_group_is_an_analyst(
    send: Send, fake: FakeIssuer, call: Call, services: Services, logged: Callable[[], str]
) -> None:
    answer = send(fake.token())
    assert (answer.status_code, answer.json()) == (200, [])
    assert send(fake.token(), "/v1/keys").status_code == 403
    people = [each for each in call(Role.ADMIN, "GET", "/v1/keys").json() if each["is_person"]]
    assert [(each["role"], each["organisation"]) for each in people] == [
        ("analyst", DEFAULT_ORGANISATION)
    ]
    assert people[0]["last_used_on"] == "2026-01-05"
    # The audit log names the person by a random id.
    person = people[0]["key"]
    assert ("oidc", "key.create", person) in entries(services)
    assert (person, "match.list", "0") in entries(services)
    files = [each.read_bytes() for each in services.settings.data_dir.iterdir() if each.is_file()]
    assert not [each for each in files if NAME.encode() in each or b"people.example" in each]
    assert NAME not in logged()


def test_a_person_is_the_same_with_every_token(
    send: Send, fake: FakeIssuer, call: Call, clock: SetClock
) -> None:
    for _ in range(3):
        assert send(fake.token()).status_code == 200
        clock.advance(1000)
    assert send(fake.token(sub="another")).status_code == 200
    listed = call(Role.ADMIN, "GET", "/v1/keys").json()
    assert sum(each["is_person"] for each in listed) == 2


BAD_CLAIMS: list[dict[str, Any]] = [
    {"iss": "https://other.example"},
    {"iss": None},
    {"iss": ["x"]},
    {"aud": "another"},
    {"aud": ["another", "third"]},
    {"aud": None},
    {"aud": ""},
    {"aud": {"hashsvc": 1}},
    {"sub": None},
    {"sub": ""},
    {"sub": 5},
    {"exp": 0},
    {"exp": None},
    {"exp": "tomorrow"},
    {"exp": True},
    {"iat": -(10**400)},
    {"iat": None},
    {"iat": 10**10},
    {"iat": "x"},
    {"nbf": 10**10},
]


@pytest.mark.parametrize("wrong", BAD_CLAIMS, ids=str)
def test_a_token_with_a_wrong_claim_is_refused(
    wrong: dict[str, Any], send: Send, fake: FakeIssuer
) -> None:
    answer = send(fake.token(**wrong))
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:hashsvc:unauthorised")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert send(fake.token()).status_code == 200


def test_one_of_several_audiences_is_enough(send: Send, fake: FakeIssuer) -> None:
    assert send(fake.token(aud=["another", AUDIENCE])).status_code == 200


@pytest.mark.parametrize(("seconds", "good"), [(309, True), (310, False)])
def test_a_token_is_valid_until_it_expires(
    seconds: int, good: bool, send: Send, fake: FakeIssuer, clock: SetClock
) -> None:
    """It is valid for ten seconds longer, because clocks may differ."""
    token = fake.token()
    clock.advance(seconds)
    assert send(token).status_code == (200 if good else 401)


@pytest.mark.parametrize(("seconds", "good"), [(3599, True), (3600, False)])
def test_a_long_lived_token_is_refused_after_an_hour(
    seconds: int, good: bool, send: Send, fake: FakeIssuer, clock: SetClock
) -> None:
    token = fake.token(exp=10**10)
    clock.advance(seconds)
    assert send(token).status_code == (200 if good else 401)


def part(values: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).rstrip(b"=").decode()


def forged(fake: FakeIssuer) -> dict[str, str]:
    """Return tokens with valid claims that the issuer did not sign."""
    stranger = RSAKey.generate_key(2048, {"kid": "one"})
    public = fake.key.as_pem(private=False)
    header, body, signature = fake.token().split(".")
    shared = f"{part({'alg': 'HS256', 'kid': 'one'})}.{body}"
    tag = base64.urlsafe_b64encode(hmac.digest(public, shared.encode(), "sha256"))
    return {
        "alg none": f"{part({'alg': 'none', 'kid': 'one'})}.{body}.",
        "alg None, signed": f"{part({'alg': 'None', 'kid': 'one'})}.{body}.{signature}",
        "no alg": f"{part({'kid': 'one'})}.{body}.{signature}",
        "public key as secret": f"{shared}.{tag.rstrip(b'=').decode()}",
        "another key, same name": fake.token(key=stranger),
        "another key": fake.token({"kid": "two"}, stranger),
        "another key, which it brings": fake.token(
            {"kid": "one", "jwk": stranger.as_dict(private=False)}, stranger
        ),
        "another algorithm's": fake.token(
            {"alg": "ES256"}, ECKey.generate_key("P-256", {"kid": "one"})
        ),
        "no signature": f"{header}.{body}.",
        "a signature cut short": f"{header}.{body}.{signature[:-8]}",
        "claims exchanged": f"{header}.{part(fake.claims(groups=['heads']))}.{signature}",
        "another kind": fake.token({"typ": "logout+jwt"}),
        "claims that are a list": jws.serialize_compact(
            {"alg": "RS256", "kid": "one"}, b"[]", fake.key
        ),
        "two parts": f"{header}.{body}",
        "longer than any": fake.token(more="x" * 16_000),
    }


def test_a_token_that_the_issuer_did_not_sign_is_refused(
    send: Send, fake: FakeIssuer, subtests: pytest.Subtests
) -> None:
    for what, token in forged(fake).items():
        with subtests.test(what):
            assert send(token).status_code == 401
    assert send(fake.token()).status_code == 200


@effort(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_other_text_is_refused(data: st.DataObject, send: Send, fake: FakeIssuer) -> None:
    piece = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30)
    anything = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | piece,
        lambda below: st.lists(below, max_size=3) | st.dictionaries(piece, below, max_size=3),
        max_leaves=5,
    )
    names = st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk", "jku", "x5c", "zip", "enc"])
    header = data.draw(st.dictionaries(names, anything, max_size=4))
    token = data.draw(st.one_of(piece, st.just(".".join([part(header), part({}), "AAAA"]))))
    assert send(token).status_code == 401


def test_the_issuer_may_change_its_keys(
    send: Send, fake: FakeIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = fake.token()
    assert send(old).status_code == 200
    second = ECKey.generate_key("P-256", {"kid": "two"})
    fake.published = [second]
    new = fake.token({"alg": "ES256", "kid": "two"}, second)
    # Tokens with unknown keys do not make the service ask each time.
    requests = fake.requests
    assert [send(new).status_code for _ in range(3)] == [401] * 3
    assert fake.requests == requests
    monkeypatch.setattr(issuer, "ASK_AGAIN_S", 0)
    assert send(new).status_code == 200
    # The key that the issuer removed is no longer trusted.
    assert send(old).status_code == 401


def test_keys_are_fetched_again_after_a_while(
    send: Send, fake: FakeIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = fake.token()
    assert {send(token).status_code for _ in range(3)} == {200}
    assert fake.requests == 2
    monkeypatch.setattr(issuer, "KEYS_LAST_S", 0.001)
    monkeypatch.setattr(issuer, "ASK_AGAIN_S", 0)
    fake.down = True
    answer = send(token)
    assert (answer.status_code, "does not answer" in answer.json()["detail"]) == (401, True)
    fake.down = False
    assert send(token).status_code in {200, 401}


def test_known_keys_are_used_while_the_issuer_is_down(
    send: Send, fake: FakeIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert send(fake.token()).status_code == 200
    fake.down = True
    monkeypatch.setattr(issuer, "ASK_AGAIN_S", 0)
    assert send(fake.token({"kid": "unknown"})).status_code == 401
    assert send(fake.token()).status_code == 200


@pytest.mark.parametrize(
    "configuration",
    [
        {"issuer": "https://other.example"},
        {"jwks_uri": "http://127.0.0.1:1/realm/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "http://other.example/keys"},
        {"jwks_uri": None},
        {"jwks_uri": 5},
        {"jwks_uri": "/realm/keys"},
    ],
    ids=str,
)
def test_keys_come_only_from_the_issuer(
    configuration: dict[str, Any], send: Send, fake: FakeIssuer, logged: Callable[[], str]
) -> None:
    fake.configuration = configuration
    assert send(fake.token()).status_code == 401
    assert fake.requests == 1
    assert "oidc.keys_failed" in logged()


def test_keys_at_another_address_are_not_fetched(
    send: Send, fake: FakeIssuer, clock: SetClock
) -> None:
    """This holds even if they are the right keys."""
    with running(FakeIssuer(clock)) as other:
        other.published = fake.published
        fake.configuration = {"jwks_uri": f"{other.url}/keys"}
        assert send(fake.token()).status_code == 401
        assert other.requests == 0


def test_not_every_call_asks_an_issuer_that_is_down(send: Send, fake: FakeIssuer) -> None:
    fake.down = True
    assert {send(fake.token()).status_code for _ in range(4)} == {401}
    assert fake.requests == 1


@pytest.mark.parametrize("use", ["enc", "oct"])
def test_keys_for_other_uses_are_ignored(use: str, send: Send, fake: FakeIssuer) -> None:
    secret = OctKey.generate_key(256, {"kid": "two"})
    if use == "oct":
        fake.published = [fake.key, secret]
        assert send(fake.token({"alg": "HS256", "kid": "two"}, secret)).status_code == 401
        assert send(fake.token()).status_code == 200
    else:
        fake.published = [RSAKey.import_key(fake.key.as_dict(private=True) | {"use": "enc"})]
        assert send(fake.token()).status_code == 401


@pytest.mark.parametrize(
    ("groups", "status"),
    [
        (["case-workers"], 200),
        ("case-workers", 200),
        (["case-workers", "case-workers"], 200),
        (["desk"], 403),
        (["case-workers", "desk"], 403),
        (["analyst"], 403),
        (["case-workers "], 403),
        ([], 403),
        (None, 403),
        ({"case-workers": True}, 403),
        ([["case-workers"], 5, None], 403),
    ],
    ids=str,
)
def test_exactly_one_group_must_grant_a_role(
    groups: Any, status: int, send: Send, fake: FakeIssuer
) -> None:
    assert send(fake.token(groups=groups)).status_code == status


def test_a_person_who_changes_group_changes_role(
    send: Send, fake: FakeIssuer, services: Services, call: Call
) -> None:
    assert send(fake.token()).status_code == 200
    assert send(fake.token(groups=["heads"]), "/v1/keys").status_code == 200
    (person,) = (each for each in call(Role.ADMIN, "GET", "/v1/keys").json() if each["is_person"])
    assert person["role"] == "admin"
    assert ("oidc", "key.assign", person["key"]) in entries(services)


def test_a_revoked_person_is_locked_out_at_once(send: Send, fake: FakeIssuer, call: Call) -> None:
    """The service refuses all of the person's tokens, even valid ones, and for every role."""
    token = fake.token()
    assert send(token).status_code == 200
    (person,) = (each for each in call(Role.ADMIN, "GET", "/v1/keys").json() if each["is_person"])
    assert call(Role.ADMIN, "DELETE", f"/v1/keys/{person['key']}").status_code == 204
    unknown = send("hsk_unknown")
    for again in (token, fake.token(), fake.token(groups=["heads"])):
        answer = send(again)
        assert (answer.status_code, answer.content) == (401, unknown.content)


def test_one_person_cannot_act_as_two(send: Send, fake: FakeIssuer, call: Call) -> None:
    number = call(Role.INTAKE, "POST", "/v1/cases", json={"adult": True}).json()["number"]
    path = f"/v1/cases/{number}/pin-resets"
    reset = send(fake.token(), path, "POST").json()["reset"]
    assert send(fake.token(jti="x"), f"{path}/{reset}/approval", "POST").status_code == 409
    other = send(fake.token(sub="another"), f"{path}/{reset}/approval", "POST")
    assert (other.status_code, set(other.json())) == (200, {"pin"})


def test_a_group_can_belong_to_another_organisation(
    settings: Settings, services: Services, fake: FakeIssuer, call: Call
) -> None:
    made = create_organisation(services.database, "Theirs", actor="test", clock=utc_now)
    number = call(Role.INTAKE, "POST", "/v1/cases", json={"adult": True}).json()["number"]
    both = (f"theirs=analyst@{made.id}", "nobodys=analyst@" + "1" * 32, "ours=analyst")
    scoped = settings.model_copy(update={"oidc_grants": both})
    with TestClient(create_app(Services.build(scoped, fake.clock))) as client:
        found = {
            group: client.get(
                f"/v1/cases/{number}",
                headers={"Authorization": f"Bearer {fake.token(groups=group, sub=group)}"},
            ).status_code
            for group in ("ours", "theirs", "nobodys")
        }
    assert found == {"ours": 200, "theirs": 404, "nobodys": 403}


def test_api_keys_still_work(call: Call) -> None:
    assert call(Role.ANALYST, "GET", "/v1/matches").status_code == 200


def test_without_an_issuer_every_token_is_refused(
    settings: Settings, fake: FakeIssuer, clock: SetClock
) -> None:
    none = settings.model_copy(update={"oidc_issuer": None})
    with TestClient(create_app(Services.build(none, clock))) as client:
        header = {"Authorization": f"Bearer {fake.token()}"}
        assert client.get("/v1/matches", headers=header).status_code == 401
    assert fake.requests == 0
