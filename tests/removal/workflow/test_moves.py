"""A move changes one request or a whole notice. It needs a possible time, and the consent."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from hashsvc.bank import ConsentKind, Consents
from hashsvc.removal import (
    BadNoticeError,
    NoConsentError,
    NotPossibleError,
    Outcome,
    Removal,
    RemovalError,
    State,
    UnknownRequestError,
)
from hashsvc.settings import Settings
from hashsvc.store import Database
from hashsvc.store.ids import ContentId, NoticeId, RequestId
from tests.helpers.audit_entries import audit_entries
from tests.helpers.database import rows_of
from tests.helpers.set_clock import SetClock
from tests.removal.conftest import ANN, BEN, ToldLooker
from tests.removal.steps import NUMBER, lead, matched, raised


@pytest.fixture
def three(removal: Removal, database: Database, content_id: ContentId) -> list[RequestId]:
    """Three requests on one draft."""
    views = raised(removal, *(matched(database, content_id, each) for each in range(3)))
    return [each.request.id for each in views]


def states(removal: Removal, ids: list[RequestId]) -> list[str]:
    return [removal.view(each, actor=ANN).request.state for each in ids]


def test_a_notice_is_approved_sent_and_receipted_as_a_whole(
    removal: Removal, three: list[RequestId], clock: SetClock
) -> None:
    for number, to in enumerate(("approved", "sent", "receipted")):
        clock.advance(60)
        lead(removal, three[number], to)
        assert states(removal, three) == [to] * 3
        for each in three:
            last = removal.view(each, actor=ANN).events[-1]
            assert (last.state, last.at, last.actor) == (to, clock.now, ANN)


@pytest.mark.parametrize("answer", ["removed", "refused", "partial", "identity-asked", "silent"])
def test_a_decision_is_about_one_image(
    removal: Removal, three: list[RequestId], answer: str
) -> None:
    lead(removal, three[0], "approved", "sent", answer)
    assert states(removal, three) == [answer, "sent", "sent"]


def test_a_receipt_does_not_move_a_request_that_was_decided(
    removal: Removal, three: list[RequestId]
) -> None:
    lead(removal, three[0], "approved", "sent", "refused")
    lead(removal, three[1], "receipted")
    assert states(removal, three) == ["refused", "receipted", "receipted"]


def test_a_request_that_is_sent_again_moves_alone(removal: Removal, three: list[RequestId]) -> None:
    lead(removal, three[0], "approved", "sent", "silent")
    lead(removal, three[1], "silent")
    lead(removal, three[0], "sent")
    assert states(removal, three) == ["sent", "silent", "sent"]


def test_an_approved_notice_is_called_off_as_a_whole_and_a_draft_one_by_one(
    removal: Removal, three: list[RequestId]
) -> None:
    lead(removal, three[0], "withdrawn")
    assert states(removal, three) == ["withdrawn", "draft", "draft"]
    lead(removal, three[1], "approved")
    lead(removal, three[2], "withdrawn")
    assert states(removal, three) == ["withdrawn"] * 3


def test_an_approved_notice_does_not_change_any_more(
    removal: Removal, three: list[RequestId], clock: SetClock
) -> None:
    lead(removal, three[0], "approved")
    before = {form: removal.document(three[0], form, actor=ANN) for form in ("text", "pdf", "json")}
    clock.advance(100_000)
    lead(removal, three[0], "sent", "refused", "sent")
    for form, content in before.items():
        assert removal.document(three[0], form, actor=ANN) == content


@pytest.mark.parametrize(
    ("seconds", "works"),
    [(-0.000_001, False), (0, True), (60, True), (3600, True), (3600.000_001, False)],
)
def test_a_step_is_entered_between_the_one_before_it_and_now(
    removal: Removal,
    sent: RequestId,
    clock: SetClock,
    settings: Settings,
    seconds: float,
    works: bool,
) -> None:
    at = clock.now + timedelta(seconds=seconds)
    clock.advance(3600)
    before = rows_of(settings.data_dir)
    if works:
        view = lead(removal, sent, "receipted", at=at)
        assert view.events[-1].at == at
    else:
        with pytest.raises(NotPossibleError, match="cannot be before the last one"):
            lead(removal, sent, "receipted", at=at)
        assert rows_of(settings.data_dir) == before


def test_an_answer_may_be_entered_after_a_check_that_came_later(
    removal: Removal, sent: RequestId, looker: ToldLooker, clock: SetClock
) -> None:
    """On Monday an analyst enters an answer that came on Saturday."""
    answered = clock.now + timedelta(hours=1)
    clock.advance(2 * 3600)
    removal.rechecks.check(sent, actor=ANN)
    view = lead(removal, sent, "refused", at=answered)
    assert view.request.state == "refused"
    assert [each.at for each in view.events[-2:]] == [clock.now, answered]
    assert view.decided is not None
    assert view.decided.at == answered
    with pytest.raises(NotPossibleError, match="cannot be before the last one"):
        lead(removal, sent, "complained", at=answered - timedelta(seconds=1))


def test_the_time_of_a_step_must_fit_every_request_on_the_notice(
    removal: Removal, database: Database, content_id: ContentId, clock: SetClock
) -> None:
    (first,) = raised(removal, matched(database, content_id, 1))
    early = clock.now
    clock.advance(60)
    (second,) = raised(removal, matched(database, content_id, 2))
    assert first.notice == second.notice
    with pytest.raises(NotPossibleError, match="cannot be before the last one"):
        lead(removal, first.request.id, "approved", at=early)
    assert states(removal, [first.request.id, second.request.id]) == ["draft", "draft"]


BAD_REASONS = [
    "", " ", " padded", "two\nlines", "nul\0", "bell\a", "left\u202eright", "zero\u200bwidth",
    "half \ud800", "x" * 2001, "case 7K3M-X9QD-5", "pdq1:f8f8", "f" * 32, "see photo.jpg",
    "=?utf-8?q?x?=",
]  # fmt: skip


@pytest.mark.parametrize("reason", BAD_REASONS)
def test_a_reason_that_no_notice_may_hold_changes_nothing(
    removal: Removal, sent: RequestId, settings: Settings, reason: str
) -> None:
    before = rows_of(settings.data_dir)
    with pytest.raises(BadNoticeError):
        lead(removal, sent, "refused", reason=reason)
    with pytest.raises(BadNoticeError):
        removal.rechecks.observe(sent, Outcome.IMAGE_GONE, reason=reason, actor=ANN)
    assert rows_of(settings.data_dir) == before


def test_a_reason_is_kept_as_it_was_said(removal: Removal, sent: RequestId) -> None:
    reason = "Geen inbreuk «volgens ons beleid» — 答复 №7"
    assert lead(removal, sent, "refused", reason=reason).events[-1].reason == reason
    (decided,) = [each for each in removal.views() if each.request.id == sent]
    assert decided.decided is not None
    assert decided.decided.reason == reason


def test_without_the_consent_nothing_is_approved_or_sent(
    removal: Removal,
    database: Database,
    clock: SetClock,
    settings: Settings,
    three: list[RequestId],
) -> None:
    consents = Consents(database, clock)
    for to in ("approved", "sent"):
        consents.withdraw(NUMBER, ConsentKind.NOTIFY, actor=BEN)
        before = rows_of(settings.data_dir)
        with pytest.raises(NoConsentError, match="notify"):
            lead(removal, three[0], to)
        assert rows_of(settings.data_dir) == before
        consents.give(NUMBER, ConsentKind.NOTIFY, version="1", actor=BEN)
        lead(removal, three[0], to)
    assert states(removal, three) == ["sent"] * 3


def test_one_of_two_analysts_who_move_a_request_at_once_is_refused(
    removal: Removal, database: Database, three: list[RequestId]
) -> None:
    def move(actor: str) -> str:
        try:
            removal.move(three[0], State.APPROVED, actor=actor)  # type: ignore[arg-type]
        except RemovalError as error:
            return type(error).__name__
        return "moved"

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(move, "abcd"))
    assert sorted(told) == ["NotPossibleError"] * 3 + ["moved"]
    assert [each.state for each in removal.view(three[0], actor=ANN).events] == [
        "draft", "approved",
    ]  # fmt: skip
    deeds = [each for each in audit_entries(database) if each[1] == "request.approved"]
    assert sorted(subject for _, _, subject in deeds) == sorted(three)


def test_a_request_moves_to_order_sought_only_by_writing_the_annex(
    removal: Removal, sent: RequestId
) -> None:
    with pytest.raises(NotPossibleError, match="annex"):
        lead(removal, sent, "order-sought")


def test_every_step_has_its_audit_entry(
    removal: Removal, database: Database, looker: ToldLooker, sent: RequestId
) -> None:
    lead(removal, sent, "receipted", "refused")
    removal.rechecks.check(sent, actor=BEN)
    entries = audit_entries(database)
    for each in removal.view(sent, actor=ANN).events:
        assert each.audit_seq is not None
        actor, action, subject = entries[each.audit_seq - 1]
        assert (actor, subject) == (each.actor, sent)
        assert action.startswith("request.")


def test_only_a_notice_of_the_request_is_shown(removal: Removal, sent: RequestId) -> None:
    with pytest.raises(UnknownRequestError, match="no such notice"):
        removal.document(sent, notice_id=NoticeId("0" * 32), actor=ANN)
    with pytest.raises(NotPossibleError, match="no format"):
        removal.document(sent, "eml", actor=ANN)
