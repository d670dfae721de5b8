"""Of two processes, only one mails a notice. A mail with an unknown outcome waits for a person."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import select

from hashsvc.bank import Bank, ConsentKind, Consents
from hashsvc.removal import (
    NotPossibleError,
    Outcome,
    Removal,
    RemovalError,
    RequestView,
    SendingError,
    State,
    UnknownRequestError,
    UnsureSendingError,
)
from hashsvc.removal.workflow.mailing import UNSURE_AFTER
from hashsvc.settings import Settings
from hashsvc.store import Database
from hashsvc.store.ids import RequestId
from hashsvc.store.removal_tables import notice_document, removal_notice
from tests.helpers.audit_entries import audit_entries
from tests.helpers.post import PostOffice
from tests.helpers.set_clock import SetClock
from tests.removal.conftest import ANN, BEN, GAP_S, Configured, ToldLooker
from tests.removal.steps import NUMBER, lead, leave_unsure

ROOT = Path(__file__).parents[3]
HOW = "It is in the mail server's log."


@pytest.fixture
def removal(configured: Configured, post: PostOffice) -> Removal:
    return configured(smtp_url=post.url)


@pytest.fixture
def unsure(database: Database, two: list[RequestId], clock: SetClock) -> list[RequestId]:
    """The requests of a notice that a process was mailing when it died."""
    leave_unsure(database, two[0], clock.now)
    clock.advance(60)
    return two


def mail(removal: Removal, request_id: RequestId) -> str:
    """Mail a notice, and return "sent" or the error's name."""
    try:
        removal.mail(request_id, dry_run=False, actor=ANN)
    except RemovalError as error:
        return type(error).__name__
    return "sent"


def settle(removal: Removal, request_id: RequestId, *, was_sent: bool) -> RequestView:
    return removal.mailer.settle(request_id, was_sent=was_sent, reason=HOW, actor=BEN)


def states(removal: Removal) -> set[str]:
    return {each.request.state for each in removal.views()}


def actions(database: Database, since: int = 0) -> list[str]:
    return [action for _, action, _ in audit_entries(database)[since:]]


def unsure_ones(removal: Removal) -> set[RequestId]:
    return {each.id for each in removal.search(state=None, limit=9, unsure=True)}


@pytest.mark.both_databases
def test_two_processes_that_mail_a_notice_at_once_send_one_letter(
    configured: Configured,
    settings: Settings,
    database: Database,
    looker: ToldLooker,
    clock: SetClock,
    post: PostOffice,
    two: list[RequestId],
) -> None:
    """The mail server lets the first sender go on once both are there, or after a second."""
    other_database = Database.of(settings)
    mailing = settings.model_copy(update={"smtp_url": post.url})
    services = [Removal(mailing, each, looker, clock) for each in (database, other_database)]
    start, both_there = threading.Barrier(2), threading.Barrier(2)

    def wait_for_the_other() -> None:
        with suppress(threading.BrokenBarrierError):
            both_there.wait(timeout=1)

    post.before["MAIL"] = wait_for_the_other
    outcomes: list[str] = []

    def work(service: Removal, request_id: RequestId) -> None:
        start.wait()
        outcomes.append(mail(service, request_id))

    threads = [threading.Thread(target=work, args=each) for each in zip(services, two, strict=True)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    other_database.close()
    assert sorted(outcomes) == ["NotPossibleError", "sent"]
    assert len(post.letters) == 1
    assert states(services[0]) == {"sent"}


@pytest.mark.parametrize(("verb", "letters"), [("DATA", 0), (".", 1)])
def test_a_process_that_is_killed_while_it_mails_leaves_the_mail_unsure(
    removal: Removal,
    settings: Settings,
    database: Database,
    post: PostOffice,
    two: list[RequestId],
    clock: SetClock,
    verb: str,
    letters: int,
) -> None:
    """It is killed before the server has the mail, or before the server confirms the mail."""
    there = threading.Event()

    def kill() -> None:
        there.wait()
        child.kill()
        child.wait()

    post.before[verb] = kill
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.removal.workflow.mailing_child", two[0]],
        env=os.environ
        | {
            "PYTHONPATH": str(ROOT),
            "HASHSVC_DATA_DIR": str(settings.data_dir),
            "HASHSVC_SMTP_URL": post.url.get_secret_value(),
        },
    )
    there.set()
    assert child.wait() == -9
    assert len(post.letters) == letters
    assert states(removal) == {"approved"}
    assert actions(database)[-1] == "request.mail"
    mailing = removal.view(two[0], actor=BEN).mailing
    assert mailing is not None
    assert (mailing.begun_by, mailing.request_id) == (ANN, two[0])
    assert mailing.unsure_from - mailing.begun_at == UNSURE_AFTER
    assert unsure_ones(removal) == set()
    clock.now = mailing.unsure_from
    assert unsure_ones(removal) == set(two)

    removal.rechecks.run_once()
    assert [mail(removal, each) for each in two] == ["NotPossibleError"] * 2
    assert len(post.letters) == letters
    for each in two:
        view = settle(removal, each, was_sent=bool(letters)) if each == two[1] else None
    assert view is not None
    assert view.mailing is None
    assert states(removal) == ({"sent"} if letters else {"approved"})
    assert unsure_ones(removal) == set()
    post.before.clear()
    assert mail(removal, two[0]) == ("NotPossibleError" if letters else "sent")
    assert len(post.letters) == 1


def test_a_mail_that_was_sent_counts_as_sent_when_its_mailing_began(
    removal: Removal, database: Database, unsure: list[RequestId], clock: SetClock
) -> None:
    before = len(audit_entries(database))
    settle(removal, unsure[1], was_sent=True)
    for each in unsure:
        last = removal.view(each, actor=ANN).events[-1]
        assert (last.state, last.reason, last.actor) == ("sent", HOW, BEN)
        assert (clock.now - last.at).total_seconds() == 60
    assert audit_entries(database)[before : before + 3] == [
        (BEN, "request.mail-was-sent", unsure[0]),
        *((BEN, "request.sent", each) for each in sorted(unsure)),
    ]
    with pytest.raises(NotPossibleError, match="no mail with an unknown outcome"):
        settle(removal, unsure[0], was_sent=True)


def test_a_mail_that_was_not_sent_leaves_the_requests_approved_and_the_reason_on_record(
    removal: Removal, database: Database, unsure: list[RequestId]
) -> None:
    before = len(audit_entries(database))
    settle(removal, unsure[0], was_sent=False)
    assert audit_entries(database)[before:] == [(BEN, "request.mail-was-not-sent", unsure[0])]
    for each in unsure:
        view = removal.view(each, actor=ANN)
        assert (view.request.state, view.mailing) == ("approved", None)
        assert view.events[-1].reason == HOW
    assert lead(removal, unsure[0], "sent").request.state == "sent"


@pytest.mark.parametrize("to", [State.SENT, State.WITHDRAWN])
def test_a_request_whose_notice_is_being_mailed_is_not_moved_by_hand(
    removal: Removal, unsure: list[RequestId], to: State
) -> None:
    for each in unsure:
        with pytest.raises(NotPossibleError, match="settle the mail"):
            removal.move(each, to, actor=ANN)
    assert states(removal) == {"approved"}


def test_a_mail_that_may_still_be_being_sent_is_not_settled(
    removal: Removal, post: PostOffice, two: list[RequestId]
) -> None:
    outcomes: list[BaseException] = []

    def settle_it() -> None:
        with pytest.raises(NotPossibleError, match="may still be mailing the notice") as error:
            settle(removal, two[0], was_sent=False)
        outcomes.append(error.value)

    post.before["DATA"] = settle_it
    assert mail(removal, two[0]) == "sent"
    assert len(outcomes) == 1
    assert states(removal) == {"sent"}


def test_a_connection_that_breaks_after_the_mail_leaves_it_unsure_at_once(
    removal: Removal, database: Database, post: PostOffice, two: list[RequestId]
) -> None:
    post.hangs_up = True
    with pytest.raises(UnsureSendingError, match="settle the mail") as error:
        removal.mail(two[0], dry_run=False, actor=ANN)
    assert "a-site" not in str(error.value)
    assert actions(database)[-2:] == ["request.mail", "request.mail-unsure"]
    assert unsure_ones(removal) == set(two)
    assert mail(removal, two[0]) == "NotPossibleError"
    settle(removal, two[0], was_sent=True)
    assert states(removal) == {"sent"}


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
def test_a_refused_mail_is_on_record_as_an_attempt_that_failed(
    removal: Removal, database: Database, post: PostOffice, two: list[RequestId], verb: str
) -> None:
    post.refuses = verb
    before = len(audit_entries(database))
    with pytest.raises(SendingError):
        removal.mail(two[0], dry_run=False, actor=ANN)
    assert audit_entries(database)[before:] == [
        (ANN, "request.mail", two[0]),
        (ANN, "request.mail-failed", two[0]),
    ]
    view = removal.view(two[0], actor=ANN)
    assert (view.request.state, view.mailing) == ("approved", None)


def test_what_is_refused_before_the_mail_server_is_contacted_leaves_no_attempt(
    configured: Configured, database: Database, two: list[RequestId]
) -> None:
    before = audit_entries(database)
    with pytest.raises(NotPossibleError, match="HASHSVC_SMTP_URL"):
        configured().mail(two[0], dry_run=False, actor=ANN)
    assert audit_entries(database) == before


def test_a_consent_that_is_withdrawn_meanwhile_does_not_hide_that_the_notice_went_out(
    removal: Removal, database: Database, post: PostOffice, two: list[RequestId], clock: SetClock
) -> None:
    consents = Consents(database, clock)
    post.before["."] = lambda: consents.withdraw(NUMBER, ConsentKind.NOTIFY, actor=ANN)
    assert mail(removal, two[0]) == "sent"
    assert states(removal) == {"sent"}


CASE_ENDS: dict[str, Callable[[PostOffice], None]] = {
    "sent": lambda _: None,
    "SendingError": lambda post: setattr(post, "refuses", "DATA"),
    "UnsureSendingError": lambda post: setattr(post, "hangs_up", True),
}


@pytest.mark.parametrize("outcome", CASE_ENDS)
@pytest.mark.parametrize("was_sent", [True, False])
def test_a_case_that_is_withdrawn_meanwhile_keeps_the_record_of_a_notice_that_went_out(
    removal: Removal,
    database: Database,
    post: PostOffice,
    two: list[RequestId],
    clock: SetClock,
    outcome: str,
    was_sent: bool,
) -> None:
    """What was sent stays on record as withdrawn; what was never sent is deleted, as always."""
    CASE_ENDS[outcome](post)
    bank = Bank(database, clock)
    post.before["RCPT"] = lambda: bank.withdraw_case(NUMBER, actor="intake")
    assert mail(removal, two[0]) == outcome
    if outcome == "UnsureSendingError":
        assert states(removal) == {"withdrawn"}
        assert unsure_ones(removal) == {two[0]}
        settle(removal, two[0], was_sent=was_sent)
    went_out = outcome == "sent" or (outcome == "UnsureSendingError" and was_sent)
    if went_out:
        for each in two:
            view = removal.view(each, actor=ANN)
            assert view.request.match_id is None
            assert [step.state for step in view.events[1:]] == [
                "approved", "withdrawn", "sent", "withdrawn",
            ]  # fmt: skip
    else:
        for each in two:
            with pytest.raises(UnknownRequestError):
                removal.view(each, actor=ANN)
    with database.read() as connection:
        for table in (removal_notice, notice_document):
            assert bool(connection.execute(select(table)).all()) is went_out


def test_a_notice_that_is_sent_once_more_moves_only_the_request_it_is_sent_for(
    removal: Removal, database: Database, post: PostOffice, two: list[RequestId], clock: SetClock
) -> None:
    assert mail(removal, two[0]) == "sent"
    lead(removal, two[0], "refused")
    leave_unsure(database, two[0], clock.now)
    clock.advance(60)
    assert unsure_ones(removal) == {two[0]}
    assert lead(removal, two[1], "receipted").request.state == "receipted"
    with pytest.raises(NotPossibleError, match="no mail with an unknown outcome"):
        settle(removal, two[1], was_sent=True)
    assert settle(removal, two[0], was_sent=True).request.state == "sent"
    assert removal.view(two[1], actor=ANN).request.state == "receipted"


def test_an_image_that_went_before_the_mail_was_settled_stays_gone(
    removal: Removal,
    database: Database,
    looker: ToldLooker,
    two: list[RequestId],
    clock: SetClock,
) -> None:
    lead(removal, two[0], "sent", "refused")
    leave_unsure(database, two[0], clock.now)
    looker.sees = Outcome.PAGE_GONE
    for _ in range(2):
        clock.advance(GAP_S)
        removal.rechecks.check(two[0], actor=ANN)
    view = settle(removal, two[0], was_sent=True)
    assert view.request.state == "gone"
    assert [each.state for each in view.events[-3:]] == ["gone", "sent", "gone"]
    assert view.removed_after is not None
    assert view.removed_after.total_seconds() == GAP_S
