"""The host of a URL gives its platform; an unknown host gets a draft entry."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashsvc.removal.errors import BadNoticeError, DataFileError
from hashsvc.removal.platforms.entries import (
    FIND_CONTACT,
    ActorKind,
    Basis,
    ChannelType,
    Registry,
    host_of,
    load_platforms,
    platform_of,
    read_platforms,
)

OWN = """
version: "2027-01-01"
platforms:
  - id: a-site
    name: A Site
    domains: [example.org]
    kind: hosting
    country: BE
    channels:
      - {type: email, address: abuse@example.org, languages: [nl, fr], basis: abuse, verified: true}
      - {type: form, address: "https://a.example/form", languages: [en], basis: dsa-notice,
         verified: true}
    checked: 2027-01-01
    source: ["https://example.org/contact"]
  - id: its-images
    name: Images of A Site
    domains: [img.example.org, bücher.example]
    kind: cdn
    country: null
    checked: 2027-01-01
    source: ["https://example.org/contact"]
    note: No channel of its own is known.
"""


@pytest.fixture(scope="module")
def shipped() -> Registry:
    return load_platforms()


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    own = tmp_path / "own.yaml"
    own.write_text(OWN)
    return load_platforms(own)


def test_every_shipped_entry_has_a_source_and_the_day_it_was_checked(shipped: Registry) -> None:
    assert len(shipped.platforms) >= 12
    assert {each.kind for each in shipped.platforms} == set(ActorKind)
    for each in shipped.platforms:
        assert each.checked == date(2026, 11, 25)
        assert each.source
        assert each.channels
        assert not each.draft


def test_only_channels_read_on_the_actors_own_page_are_verified(shipped: Registry) -> None:
    verified = {
        (each.id, channel.address)
        for each in shipped.platforms
        for channel in each.channels
        if channel.verified
    }
    assert {each for each, _ in verified} == {"x", "google-search", "cloudflare"}
    for platform_id, address in verified:
        entry = shipped.by_id(platform_id)
        assert entry is not None
        assert {each.split("/")[2] for each in entry.source} == {address.split("/")[2]}


@pytest.mark.parametrize(
    ("url", "platform"),
    [
        ("https://x.com/someone/status/1", "x"),
        ("https://pbs.twimg.com/media/a.jpg", "x"),
        ("https://PBS.TWIMG.COM.:443/media/a.jpg", "x"),
        ("pbs.twimg.com:8443", "x"),
        ("https://web.archive.org/web/2026/https://x.com/", "internet-archive"),
        ("https://someone.pages.dev/", "cloudflare"),
        ("https://www.google.com/search?q=a", "google-search"),
    ],
)
def test_a_host_belongs_to_the_platform_whose_domain_it_ends_with(
    shipped: Registry, url: str, platform: str
) -> None:
    assert shipped.actor_of(url).id == platform


@pytest.mark.parametrize(
    "host",
    ["notx.com", "x.com.example.org", "drive.google.com", "com", "t.me.example.org", "xx.com"],
)
def test_a_host_that_only_resembles_a_platforms_domain_gets_a_draft(
    shipped: Registry, host: str
) -> None:
    assert shipped.actor_of(f"https://{host}/").draft


def test_the_entry_with_the_longest_domain_wins(registry: Registry) -> None:
    assert registry.actor_of("https://example.org/").id == "a-site"
    assert registry.actor_of("https://www.example.org/").id == "a-site"
    assert registry.actor_of("https://img.example.org/").id == "its-images"
    assert registry.actor_of("https://a.img.example.org/").id == "its-images"


@pytest.mark.parametrize("host", ["bücher.example", "xn--bcher-kva.example", "BÜCHER.example"])
def test_every_spelling_of_an_international_host_is_the_same_host(
    registry: Registry, host: str
) -> None:
    assert registry.actor_of(f"https://{host}/").id == "its-images"


def test_an_unknown_host_gets_a_draft_that_asks_for_a_contact(shipped: Registry) -> None:
    draft = shipped.actor_of("https://www.unheard-of.example:8080/a")
    assert draft.draft
    assert draft.note == FIND_CONTACT
    assert draft.channels == ()
    assert draft.channel(*Basis) is None
    assert (draft.id, draft.name) == ("draft:unheard-of.example", "unheard-of.example")
    assert draft.checked is None


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("http://[2001:DB8::1]:8080/a", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("203.0.113.5:80", "203.0.113.5"),
        ("localhost:8000", "localhost"),
        ("https://example.org?a", "example.org"),
        ("https://u:p@example.org/", "example.org"),
    ],
)
def test_a_host_is_read_without_its_port(text: str, host: str) -> None:
    assert host_of(text) == host


def test_an_ip_address_is_not_a_subdomain() -> None:
    content = read_platforms(OWN.replace("[example.org]", "[0.113.5]"), name="own.yaml")
    assert Registry(content.platforms, "").actor_of("203.0.113.5").draft


@pytest.mark.parametrize("text", ["", "https://", "https:///a", "http://[::1", "a b"])
def test_a_text_without_a_host_is_an_error(shipped: Registry, text: str) -> None:
    with pytest.raises(BadNoticeError):
        shipped.actor_of(text)


@given(st.text(max_size=40))
def test_any_text_gives_an_entry_or_an_error(text: str) -> None:
    try:
        entry = Registry((), "").actor_of(text)
    except BadNoticeError:
        return
    assert entry.draft


def test_the_operators_entry_replaces_the_shipped_one(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(OWN.replace("id: a-site", "id: x").replace("[example.org]", "[x.com]"))
    registry = load_platforms(own)
    assert registry.actor_of("https://x.com/").name == "A Site"
    assert registry.actor_of("https://twitter.com/").draft
    assert registry.actor_of("https://reddit.com/").id == "reddit"
    assert registry.version == "2026-12-01 + 2027-01-01"


def test_a_channel_is_chosen_by_its_basis(registry: Registry) -> None:
    entry = registry.actor_of("https://example.org/")
    form = entry.channel(Basis.DSA_NOTICE, Basis.ABUSE)
    assert form is not None
    assert form.type is ChannelType.FORM
    mail = entry.channel(Basis.TAKE_IT_DOWN, Basis.ABUSE)
    assert mail is not None
    assert mail.address == "abuse@example.org"
    assert entry.channel(Basis.TAKE_IT_DOWN) is None


def changed(old: str, new: str) -> str:
    assert old in OWN
    return OWN.replace(old, new, 1)


BROKEN = [
    ("entry a-site: kind", changed("kind: hosting", "kind: forum")),
    ("entry a-site: country", changed("country: BE", "country: Belgium")),
    ("entry a-site: `checked`", changed("checked: 2027-01-01", "checked: null")),
    ("entry a-site: `source`", changed('source: ["https://example.org/contact"]', "source: []")),
    ("channels.0: the address of a channel of type email", changed("abuse@example.org", "https://a.example")),
    ("channels.0: An e-mail address", changed("abuse@example.org", '"a b@example.org"')),
    ("channels.1: the address of a channel of type form", changed("https://a.e", "http://a.e")),
    ("channel of type form must begin", changed("https://a.example/form", "a@b.be")),
    ("channels.0.basis", changed("basis: abuse", "basis: hope")),
    ("channels.0.verified: Field required", changed(", verified: true", "")),
    ("domains.0: a domain must be a host name", changed("[example.org]", '["https://example.org/"]')),
    ("domains: a domain must contain a dot", changed("[example.org]", "[example]")),
    ("domains: a-site has example.org too", changed("[img.example.org,", "[example.org,")),
    ("without channels must have a note", changed("note: No channel of its own is known.", "")),
    ("two entries have the id 'a-site'", changed("id: its-images", "id: a-site")),
    ("entry A Site: id", changed("id: a-site", "id: A Site")),
    ("must not contain draft entries", changed("id: a-site", "id: draft:a")),
    ("this key is repeated", changed("    country: BE\n", "    country: BE\n    country: NL\n")),
    ("version", changed('version: "2027-01-01"', "version: 3")),
    ("not YAML", "platforms: [" + OWN),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "text"), BROKEN)
def test_an_error_names_the_file_the_entry_and_the_rule_in_one_line(
    tmp_path: Path, rule: str, text: str
) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(text)
    with pytest.raises(DataFileError) as caught:
        load_platforms(own)
    message = str(caught.value)
    assert message.startswith("own.yaml")
    assert rule in message
    assert "\n" not in message


def test_an_own_entry_with_a_shipped_entrys_domain_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(changed("[example.org]", "[twimg.com]"))
    with pytest.raises(DataFileError, match=r"own.yaml: .*a-site: domains: x has twimg.com too"):
        load_platforms(own)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match=r"none\.yaml"):
        load_platforms(tmp_path / "none.yaml")


def test_platform_of_gives_the_host_and_an_unusual_port() -> None:
    assert platform_of("https://www.Example.org:8080/a") == "example.org:8080"
