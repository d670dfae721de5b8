"""If a network may be asked, the contact of an unknown host is looked up and remembered."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from hashsvc.removal import Removal, UnknownPlatformError
from hashsvc.removal.platforms.rdap import FRESH_FOR
from hashsvc.scanning import Fetched, FetchError
from hashsvc.settings import Settings
from hashsvc.store import Database
from hashsvc.store.ids import MatchId
from tests.helpers.audit_entries import audit_entries
from tests.helpers.set_clock import SetClock
from tests.removal.conftest import ANN, ToldLooker
from tests.removal.steps import entry


def card(email: str) -> bytes:
    vcard = ["vcard", [["version", {}, "text", "4.0"], ["email", {}, "text", email]]]
    return json.dumps({"entities": [{"roles": ["abuse"], "vcardArray": vcard}]}).encode()


class ToldFetcher:
    """A fetcher that has answers for some addresses, and cannot fetch any other address."""

    def __init__(self, **answers: bytes) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def get(self, url: str, **_how: Any) -> Fetched:
        self.asked.append(url)
        name = url.rpartition("/")[2].replace(".", "_").replace(":", "_")
        if name not in self.answers:
            raise FetchError("http-404", facts={"url": url, "status": 404})
        return Fetched(url, "application/json", self.answers[name])


Make = Callable[..., Removal]


@pytest.fixture
def make(settings: Settings, database: Database, looker: ToldLooker, clock: SetClock) -> Make:
    """Return a function that builds a service with a fetcher. With None, it asks nobody."""

    def made(fetcher: ToldFetcher | None) -> Removal:
        return Removal(settings, database, looker, clock, fetcher=fetcher)  # type: ignore[arg-type]

    return made


def test_rdap_names_a_contact_and_says_that_nobody_checked_it(make: Make) -> None:
    fetcher = ToldFetcher(host_example=card("abuse@host.example"))
    found = make(fetcher).contacts.of("pics.host.example", actor=ANN)
    assert found.draft
    (channel,) = found.channels
    assert (channel.address, channel.verified) == ("abuse@host.example", False)
    assert fetcher.asked == [
        "https://rdap.org/domain/pics.host.example",
        "https://rdap.org/domain/host.example",
    ]


def test_an_answer_is_kept_for_thirty_days_also_by_another_process(
    make: Make, clock: SetClock
) -> None:
    first, second = ToldFetcher(host_example=card("a@host.example")), ToldFetcher()
    assert make(first).contacts.of("host.example", actor=ANN).channels
    clock.now += FRESH_FOR
    assert make(second).contacts.of("host.example", actor=ANN).channels
    assert second.asked == []
    clock.now += timedelta(seconds=1)
    third = ToldFetcher(host_example=card("b@host.example"))
    (channel,) = make(third).contacts.of("host.example", actor=ANN).channels
    assert channel.address == "b@host.example"


def test_the_answer_that_there_is_no_contact_is_kept_but_a_failure_is_not(
    make: Make,
) -> None:
    for answers, times in (({"host_example": b"{}"}, 1), ({}, 4), ({"other_example": b"["}, 4)):
        fetcher = ToldFetcher(**answers)
        host = "host.example" if times == 1 else "other.example"
        for _ in range(4):
            assert make(fetcher).contacts.of(host, actor=ANN).channels == ()
        assert len(fetcher.asked) == times


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"null", b"[" * 100_000, b"\xff", b'{"entities": 7}',
        b'{"entities": [{"roles": ["abuse"], "vcardArray": ["vcard", [["email"]]]}]}',
        card("not an address"), card("a@b\r\nBcc: c@d.example"),
    ],
)  # fmt: skip
def test_nonsense_is_no_contact(make: Make, body: bytes) -> None:
    found = make(ToldFetcher(host_example=body)).contacts.of("host.example", actor=ANN)
    assert found.draft
    assert found.channels == ()


def test_without_rdap_a_host_has_a_draft_without_a_contact(make: Make) -> None:
    found = make(None).contacts.of("host.example", actor=ANN)
    assert (found.id, found.note, found.channels) == ("draft:host.example", "find contact", ())


@pytest.mark.parametrize("name", ["draft:host.example", "HOST.example:443", "host.example"])
def test_a_draft_is_found_by_what_it_is_called(make: Make, name: str) -> None:
    assert make(None).contacts.of(name, actor=ANN).id == "draft:host.example"


def test_rdap_is_not_asked_about_a_platform_with_an_entry(make: Make, database: Database) -> None:
    fetcher = ToldFetcher()
    removal = make(fetcher)
    removal.context.platforms.put(entry("a-site", "site.example"), actor=ANN)
    assert removal.contacts.of("a-site", actor=ANN).id == "a-site"
    assert removal.contacts.of("https://www.site.example/p", actor=ANN).id == "a-site"
    assert fetcher.asked == []
    assert [deed[:2] for deed in audit_entries(database)[1:]] == [(ANN, "platform.read")] * 2


@pytest.mark.parametrize("text", ["", "no host", "http://"])
def test_a_text_that_is_no_host_is_refused_without_asking_rdap(make: Make, text: str) -> None:
    fetcher = ToldFetcher()
    with pytest.raises(UnknownPlatformError):
        make(fetcher).contacts.of(text, actor=ANN)
    assert fetcher.asked == []


def test_a_request_to_a_host_without_an_entry_goes_to_the_contact_from_rdap(
    make: Make, match_id: MatchId
) -> None:
    fetcher = ToldFetcher(example_org=card("abuse@registrar.example"))
    (notice,) = make(fetcher).raise_for(match_id, actor=ANN).notices
    assert (notice.platform, notice.kind, notice.basis) == ("example.org", "host", "abuse")
    assert (notice.channel, notice.address) == ("email", "abuse@registrar.example")
    assert fetcher.asked == ["https://rdap.org/domain/example.org"]


def test_without_an_answer_from_rdap_a_notice_has_no_address(make: Make, match_id: MatchId) -> None:
    fetcher = ToldFetcher()
    (notice,) = make(fetcher).raise_for(match_id, actor=ANN).notices
    assert (notice.kind, notice.channel, notice.address) == ("dsa-notice", None, None)
    assert len(fetcher.asked) == 1
