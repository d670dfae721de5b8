"""An approved notice is mailed when an analyst asks for it, once, and only with the consent."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.utils import parseaddr

import pytest
from pydantic import SecretStr

from hashsvc.bank import ConsentKind, Consents
from hashsvc.removal import (
    NoConsentError,
    NotPossibleError,
    Removal,
    RemovalError,
    SendingError,
)
from hashsvc.removal.workflow.sending import send
from hashsvc.settings import Settings
from hashsvc.store import Database
from hashsvc.store.ids import ContentId, RequestId
from tests.helpers.audit_entries import audit_entries
from tests.helpers.post import PostOffice
from tests.helpers.set_clock import SetClock
from tests.removal.conftest import ANN, Configured
from tests.removal.steps import NUMBER, entry, lead, matched, raised


@pytest.fixture
def removal(configured: Configured, post: PostOffice) -> Removal:
    return configured(smtp_url=post.url)


def test_a_dry_run_shows_the_mail_and_sends_nothing(
    removal: Removal, post: PostOffice, two: list[RequestId]
) -> None:
    mail = removal.mail(two[0], dry_run=True, actor=ANN)
    assert mail.to == "notices@a-site.example"
    content = removal.document(two[0], "eml", actor=ANN)
    assert mail.size == len(content)
    assert post.letters == []
    assert {each.request.state for each in removal.views()} == {"approved"}


def test_a_dry_run_needs_no_mail_server(configured: Configured, two: list[RequestId]) -> None:
    removal = configured()
    assert removal.mail(two[0], dry_run=True, actor=ANN).to == "notices@a-site.example"
    with pytest.raises(NotPossibleError, match="HASHSVC_SMTP_URL"):
        removal.mail(two[0], dry_run=False, actor=ANN)


def test_a_mail_arrives_as_it_was_approved_and_all_its_requests_are_sent(
    removal: Removal, post: PostOffice, database: Database, two: list[RequestId], clock: SetClock
) -> None:
    clock.advance(60)
    content = removal.document(two[0], "eml", actor=ANN)
    removal.mail(two[1], dry_run=False, actor=ANN)
    (letter,) = post.letters
    assert letter.to == ("notices@a-site.example",)
    assert letter.sender == parseaddr(str(letter.message["From"]))[1] == "notices@example.org"
    assert letter.content.replace(b"\r\n", b"\n") == content.replace(b"\r\n", b"\n")
    for each in two:
        last = removal.view(each, actor=ANN).events[-1]
        assert (last.state, last.at) == ("sent", clock.now)
    assert (ANN, "request.mail", two[1]) in audit_entries(database)


def test_a_notice_is_not_sent_twice(
    removal: Removal, post: PostOffice, two: list[RequestId]
) -> None:
    removal.mail(two[0], dry_run=False, actor=ANN)
    for each in two:
        with pytest.raises(NotPossibleError):
            removal.mail(each, dry_run=False, actor=ANN)
    assert len(post.letters) == 1


def test_one_of_several_threads_that_mail_at_once_sends_the_notice(
    removal: Removal, post: PostOffice, two: list[RequestId]
) -> None:

    def mail(request_id: RequestId) -> str:
        try:
            return removal.mail(request_id, dry_run=False, actor=ANN).to
        except RemovalError as error:
            return type(error).__name__

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(mail, two * 2))
    assert sorted(told) == ["NotPossibleError"] * 3 + ["notices@a-site.example"]
    assert len(post.letters) == 1


@pytest.mark.parametrize("verb", ["EHLO", "MAIL", "RCPT", "DATA"])
def test_a_server_that_refuses_changes_nothing(
    removal: Removal, settings: Settings, post: PostOffice, two: list[RequestId], verb: str
) -> None:
    # Only EHLO has an older alternative, HELO, so only its refusal does not stop the mail.
    post.refuses = verb
    if verb == "EHLO":
        removal.mail(two[0], dry_run=False, actor=ANN)
        assert len(post.letters) == 1
        return
    with pytest.raises(SendingError) as raised_error:
        removal.mail(two[0], dry_run=False, actor=ANN)
    assert "a-site" not in str(raised_error.value)
    assert str(post.url.get_secret_value()) not in str(raised_error.value)
    assert post.letters == []
    assert {each.request.state for each in removal.views()} == {"approved"}
    post.refuses = None
    removal.mail(two[0], dry_run=False, actor=ANN)
    assert len(post.letters) == 1


def test_a_mail_that_was_taken_is_sent_even_if_the_server_refuses_quit(
    removal: Removal, post: PostOffice, two: list[RequestId]
) -> None:
    post.refuses = "QUIT"
    removal.mail(two[0], dry_run=False, actor=ANN)
    assert len(post.letters) == 1
    assert {each.request.state for each in removal.views()} == {"sent"}


def test_a_server_that_is_not_there_changes_nothing(
    configured: Configured, two: list[RequestId]
) -> None:
    with PostOffice() as closed:
        url = closed.url
    removal = configured(smtp_url=url)
    with pytest.raises(SendingError, match="not sent"):
        removal.mail(two[0], dry_run=False, actor=ANN)
    assert {each.request.state for each in removal.views()} == {"approved"}


def test_without_the_consent_no_mail_goes_out(
    removal: Removal,
    database: Database,
    clock: SetClock,
    settings: Settings,
    post: PostOffice,
    two: list[RequestId],
) -> None:
    Consents(database, clock).withdraw(NUMBER, ConsentKind.NOTIFY, actor=ANN)
    with pytest.raises(NoConsentError, match="notify"):
        removal.mail(two[0], dry_run=False, actor=ANN)
    assert post.letters == []
    assert {each.request.state for each in removal.views()} == {"approved"}
    assert "request.mail" not in {action for _, action, _ in audit_entries(database)}


def test_a_draft_is_not_sent(
    removal: Removal, database: Database, content_id: ContentId, post: PostOffice
) -> None:
    removal.context.platforms.put(entry("a-site", "example.org"), actor=ANN)
    (view,) = raised(removal, matched(database, content_id, 1))
    assert removal.mail(view.request.id, dry_run=True, actor=ANN).to == "notices@a-site.example"
    with pytest.raises(NotPossibleError, match="approved"):
        removal.mail(view.request.id, dry_run=False, actor=ANN)
    assert post.letters == []


def test_a_notice_without_an_address_has_no_mail(
    removal: Removal, post: PostOffice, database: Database, content_id: ContentId
) -> None:
    (view,) = raised(removal, matched(database, content_id, 1))
    lead(removal, view.request.id, "approved")
    with pytest.raises(NotPossibleError, match="no format"):
        removal.mail(view.request.id, dry_run=False, actor=ANN)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1", "smtp://", "127.0.0.1:25", "smtp:///x", "file:///etc/passwd"]
)
def test_a_setting_that_names_no_mail_server_is_refused(
    url: str, configured: Configured, two: list[RequestId]
) -> None:
    removal = configured(smtp_url=SecretStr(url))
    with pytest.raises(SendingError, match="must begin with smtp://"):
        removal.mail(two[0], dry_run=False, actor=ANN)


def test_a_server_elsewhere_has_to_speak_tls(
    post: PostOffice, removal: Removal, two: list[RequestId], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that leads to this machine stands for another machine."""
    monkeypatch.setattr("socket.getaddrinfo", _only_here(post))
    content = removal.document(two[0], "eml", actor=ANN)
    port = post.url.get_secret_value().rpartition(":")[2]
    with pytest.raises(SendingError):
        send(content, SecretStr(f"smtp://mail.example:{port}"))
    assert post.letters == []


def _only_here(post: PostOffice) -> Callable[..., object]:
    import socket  # noqa: PLC0415 - the real one, before it is patched.

    real = socket.getaddrinfo

    def here(host: str, port: str | int | None, *args: int, **options: int) -> object:
        return real("127.0.0.1", port, *args, **options)

    return here
