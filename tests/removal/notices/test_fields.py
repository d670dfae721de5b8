"""The fields of a notice refuse private and misleading text."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashsvc.bank import new_case_number
from hashsvc.removal.errors import BadNoticeError
from hashsvc.removal.notices.fields import (
    MAX_URL,
    Email,
    Explanation,
    Host,
    NoticeReference,
    OneLine,
    WebAddress,
    ascii_host,
)
from hashsvc.signals import Signal
from tests.removal.scripts import REFUSALS


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        " A Body",
        "A Body\r\nBcc: all@example.org",
        "A\x00Body",
        "A\u200bBody",  # zero-width space
        "\u202eydoB A",  # right to left
        "A\u2066Body",
        "A\ufeffBody",
        "A\u2028Body",
        "A\ue000Body",  # private
        "A\ud800Body",  # half of a character
        "A\ufdd0Body",  # no character, and never one
        "A\U0001fffeBody",
        "A\u2065Body",  # reserved for an invisible character
        "A\U000e0041Body",  # tag
        "\u200d",
        "\ufe0f",
        "a" * 201,
    ],
)
@pytest.mark.parametrize("kind", [OneLine, Explanation])
def test_a_text_with_line_breaks_or_invisible_letters_or_too_long_is_refused(
    kind: type[OneLine | Explanation], text: str
) -> None:
    if kind is Explanation and text == "a" * 201:
        text = "a" * 2_001
    with pytest.raises(BadNoticeError):
        kind(text)


@pytest.mark.parametrize("text", [*REFUSALS.values(), "\U0001fae9", "\u0378", "کتاب‌ها"])
@pytest.mark.parametrize("kind", [OneLine, Explanation])
def test_a_text_in_any_script_is_accepted(kind: type[OneLine | Explanation], text: str) -> None:
    """Also with joiners, and with letters that Unicode has assigned after this Python was made."""
    assert str(kind(text)) == text


@pytest.mark.parametrize("hidden", ["\u200c", "\u200d", "\ufe0f", "\u034f", "\U000e0100"])
def test_a_private_text_does_not_hide_behind_invisible_letters(hidden: str) -> None:
    number = new_case_number()
    with pytest.raises(BadNoticeError, match="no case number"):
        OneLine(f"see {number[:3]}{hidden}{number[3:]}")
    with pytest.raises(BadNoticeError, match="no file name"):
        OneLine(f"see holiday.j{hidden}pg")


@pytest.mark.parametrize("written", [str, str.lower, lambda number: f"see {number}, please"])
def test_a_text_with_a_case_number_is_refused(written: Callable[[str], str]) -> None:
    with pytest.raises(BadNoticeError, match="no case number"):
        Explanation(written(new_case_number()))


def test_a_word_that_only_looks_like_a_case_number_is_accepted() -> None:
    number = new_case_number()
    wrong = number[:-1] + ("0" if number[-1] != "0" else "1")
    assert Explanation(f"part {wrong}").text.endswith(wrong)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (f"its signal is {Signal('pdq1', bytes(32))}", "no signal"),
        ("its hash is " + "0f" * 16, "no hash"),
        ("=?utf-8?q?=0ABcc?=", "no encoded word"),
        ("it is holiday.JPG", "no file name"),
        ("it is IMG_2041.heic, as sent", "no file name"),
    ],
)
def test_a_text_with_a_signal_a_hash_or_a_file_name_is_refused(text: str, rule: str) -> None:
    with pytest.raises(BadNoticeError, match=rule) as caught:
        OneLine(text)
    assert text not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a@b",
        "a b@example.org",
        "a@example.org\nBcc: b@example.org",
        "A Body <a@example.org>",
        "a@example.org, b@example.org",
        "ä@example.org",
        "a" * 250 + "@example.org",
    ],
)
def test_a_text_that_is_not_one_email_address_is_refused(address: str) -> None:
    with pytest.raises(BadNoticeError):
        Email(address)


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("Example.org:8080", "example.org:8080"),
        ("0f" * 16 + ".example", "0f" * 16 + ".example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("[::1]:80", "[::1]:80"),
    ],
)
def test_a_host_is_normalised(text: str, spelling: str) -> None:
    assert str(Host(text)) == spelling


@pytest.mark.parametrize(
    "text", ["", "a b", "a.example/p", "u@a.example", "a.example:x", "a\nb", "a?b", "a#b"]
)
def test_a_text_that_is_not_a_host_is_refused(text: str) -> None:
    with pytest.raises(BadNoticeError):
        Host(text)


@pytest.mark.parametrize("text", ["", "7K3M-X9QD-5", "0" * 31, "0" * 33, "G" * 32])
def test_a_reference_that_is_not_the_id_of_a_request_is_refused(text: str) -> None:
    with pytest.raises(BadNoticeError):
        NoticeReference(text)


@pytest.mark.parametrize(
    ("url", "encoded"),
    [
        ("https://Example.ORG", "https://example.org"),
        ("https://example.org/a?b=c&d=[1]#p-3", "https://example.org/a?b=c&d=[1]#p-3"),
        ("https://example.org//a/?", "https://example.org//a/?"),
        ("https://example.org:8443/a%2Fb", "https://example.org:8443/a%2Fb"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
        ("https://example.org/a b", "https://example.org/a%20b"),
        ('https://example.org/"><script>', "https://example.org/%22%3E%3Cscript%3E"),
        ("https://example.org/\u202egpj.exe", "https://example.org/%E2%80%AEgpj.exe"),
        ("https://example.org/a\u200bb", "https://example.org/a%E2%80%8Bb"),
        ("http://[2001:DB8::1]:80/", "http://[2001:db8::1]:80/"),
    ],
)
def test_a_url_is_percent_encoded_as_clients_send_it(url: str, encoded: str) -> None:
    assert str(WebAddress(url)) == encoded
    assert str(WebAddress(encoded)) == encoded


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org/a",
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "https://",
        "https://ann:secret@example.org/",
        "https://example.org\\@evil.example/",
        "https://example.org/a\r\nBcc: b@example.org",
        "https://example.org:port/",
        "https://exa mple.org/",
        "https://exa\u202emple.org/",
        "https://example.org/" + "a" * MAX_URL,
    ],
)
def test_an_invalid_url_or_one_with_a_password_is_refused(url: str) -> None:
    with pytest.raises(BadNoticeError) as caught:
        WebAddress(url)
    assert "secret" not in str(caught.value)


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=60))
def test_any_path_becomes_ascii_and_then_stays_the_same(path: str) -> None:
    encoded = str(WebAddress(f"https://example.org/{path}"))
    assert encoded.isascii()
    assert not set(encoded) & set(' "<>')
    assert str(WebAddress(encoded)) == encoded


def test_the_longest_allowed_url_is_kept_whole() -> None:
    url = "https://example.org/" + "a" * (MAX_URL - 20)
    assert str(WebAddress(url)) == url


@pytest.mark.parametrize(
    ("host", "spelling"),
    [
        ("EXAMPLE.org.", "example.org"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("[::1]", "::1"),
    ],
)
def test_ascii_host_gives_one_spelling(host: str, spelling: str) -> None:
    assert ascii_host(host) == spelling
