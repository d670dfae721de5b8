"""An unknown host gets the abuse contact of its registration, or none without a network."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashsvc.removal.platforms.entries import FIND_CONTACT, Basis
from hashsvc.removal.platforms.rdap import FRESH_FOR, RdapAnswer, draft_with_contact

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def card(email: object) -> list[object]:
    return ["vcard", [["version", {}, "text", "4.0"], ["email", {}, "text", email]]]


def answer(email: object = "abuse@host.example", role: str = "abuse") -> dict[str, Any]:
    """Return an answer in the registries' form, with the abuse contact inside the registrar."""
    inner = {"roles": [role], "vcardArray": card(email)}
    registrar = {"roles": ["registrar"], "vcardArray": card("sales@host.example")}
    return {"entities": [{**registrar, "entities": [inner]}]}


class Net:
    """Gives the answers that a test chooses, and records the addresses that were asked for."""

    def __init__(self, answers: Mapping[str, Any] | None = None) -> None:
        self.answers = answers or {}
        self.asked: list[str] = []

    def __call__(self, address: str) -> Mapping[str, Any] | None:
        self.asked.append(address.removeprefix("https://rdap.org/"))
        return self.answers.get(self.asked[-1])


def test_the_draft_has_the_abuse_contact_of_the_registration() -> None:
    net = Net({"domain/site.example": answer()})
    entry = draft_with_contact("https://img.www.site.example:81/a", fetch=net, cache={}, now=NOW)
    channel = entry.channel(Basis.ABUSE)
    assert channel is not None
    assert channel.address == "abuse@host.example"
    assert not channel.verified
    assert entry.draft
    assert entry.note is not None
    assert entry.note.startswith(FIND_CONTACT)
    assert net.asked == ["domain/www.site.example", "domain/site.example"]


def test_an_ip_address_is_looked_up_as_an_ip_address() -> None:
    net = Net({"ip/2001:db8::1": answer()})
    assert draft_with_contact("http://[2001:db8::1]/", fetch=net, cache={}, now=NOW).channels


@pytest.mark.parametrize(
    "content",
    [
        {},
        answer(role="technical"),
        answer("no address"),
        answer("abuse@host.example\nBcc: x@y.example"),
        answer(None),
        {"entities": "none"},
        {"entities": [1, {"roles": ["abuse"], "vcardArray": ["vcard"]}]},
    ],
)
def test_without_a_contact_the_result_is_a_plain_draft(content: Mapping[str, Any]) -> None:
    entry = draft_with_contact(
        "site.example", fetch=Net({"domain/site.example": content}), cache={}, now=NOW
    )
    assert entry.channels == ()
    assert entry.note == FIND_CONTACT


def test_a_failed_lookup_is_tried_again_next_time() -> None:
    cache: dict[str, RdapAnswer] = {}
    assert draft_with_contact("site.example", fetch=Net(), cache=cache, now=NOW).channels == ()
    net = Net({"domain/site.example": answer()})
    assert draft_with_contact("site.example", fetch=net, cache=cache, now=NOW).channels


@pytest.mark.parametrize("content", [answer(), {}])
def test_an_answer_is_cached_for_thirty_days(content: Mapping[str, Any]) -> None:
    net = Net({"domain/site.example": content})
    cache: dict[str, RdapAnswer] = {}
    first = draft_with_contact("site.example", fetch=net, cache=cache, now=NOW)
    again = draft_with_contact("site.example", fetch=net, cache=cache, now=NOW + FRESH_FOR)
    assert first.channels == again.channels
    assert len(net.asked) == 1
    later = NOW + FRESH_FOR + timedelta(seconds=1)
    draft_with_contact("site.example", fetch=net, cache=cache, now=later)
    assert len(net.asked) == 2


def test_endlessly_nested_entities_are_not_followed() -> None:
    content: dict[str, Any] = {"roles": ["registrar"]}
    content["entities"] = [content]
    net = Net({"domain/site.example": content})
    assert draft_with_contact("site.example", fetch=net, cache={}, now=NOW).channels == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["entities", "roles", "vcardArray"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["entities", "roles", "vcardArray"]), JSON, max_size=3))
def test_any_answer_gives_a_draft(content: Mapping[str, Any]) -> None:
    net = Net({"domain/site.example": content})
    assert draft_with_contact("site.example", fetch=net, cache={}, now=NOW).draft
