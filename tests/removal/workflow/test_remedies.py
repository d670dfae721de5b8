"""A complaint, a referral, an order's annex or the next actor follows a refusal or silence."""

import json
from typing import Any

import pytest

from hashsvc.bank import Bank, ConsentKind, Consents
from hashsvc.removal import (
    BadNoticeError,
    Language,
    NoConsentError,
    NotPossibleError,
    Removal,
    RequestView,
    State,
    UnknownRequestError,
)
from hashsvc.settings import Settings
from hashsvc.signals import Signature
from hashsvc.store import Database
from hashsvc.store.ids import ContentId, MatchId, RequestId
from tests.helpers.audit_entries import audit_entries
from tests.helpers.cases import store_case, store_content
from tests.helpers.database import rows_of
from tests.helpers.set_clock import SetClock
from tests.removal.conftest import ANN
from tests.removal.scripts import REFUSALS
from tests.removal.steps import NUMBER, entry, lead, matched, raised, sent_to

REASON = "It does not go against our rules"
ANSWERED = ["refused", "partial", "identity-asked"]


def document(removal: Removal, view: RequestView, kind: str, form: str = "text") -> str:
    """Return the text of a request's notice of a kind."""
    (notice,) = [each for each in view.notices if each.kind == kind]
    return removal.document(view.request.id, form, notice_id=notice.id, actor=ANN).decode()


@pytest.fixture
def litigates(database: Database, clock: SetClock, content_id: ContentId) -> None:
    """The person shown agrees to go to court."""
    Consents(database, clock).give(NUMBER, ConsentKind.LITIGATE, version="1", actor=ANN)


@pytest.mark.parametrize("answer", ANSWERED)
def test_a_complaint_names_the_decision_and_its_reason(
    removal: Removal, sent: RequestId, clock: SetClock, answer: str
) -> None:
    clock.advance(86_400)
    lead(removal, sent, answer, reason=REASON)
    clock.advance(86_400)
    view = removal.remedies.complain(sent, actor=ANN, explanation="Nobody agreed to this.")
    assert view.request.state == "complained"
    assert [each.kind for each in view.notices] == ["dsa-notice", "complaint"]
    assert view.events[-1].notice_id == view.notices[1].id
    text = document(removal, view, "complaint")
    for words in (REASON, "2026-01-05", "2026-01-06", "Nobody agreed to this.", "Article 20"):
        assert words in text
    assert view.request.image_url in text
    assert NUMBER not in text
    # The notice that asks for removal is still the first one.
    assert view.notice == view.notices[0]


@pytest.mark.both_databases
def test_a_refusal_in_any_script_is_stored_and_quoted(
    removal: Removal, sent: RequestId, clock: SetClock
) -> None:
    for reason in REFUSALS.values():
        clock.advance(60)
        assert lead(removal, sent, "refused", reason=reason).events[-1].reason == reason
        view = removal.remedies.complain(sent, actor=ANN)
        written = {
            form: removal.document(sent, form, notice_id=view.events[-1].notice_id, actor=ANN)
            for form in ("text", "pdf")
        }
        assert " ".join(reason.split()) in " ".join(written["text"].decode().split())
        assert written["pdf"].startswith(b"%PDF-")


@pytest.mark.parametrize("state", ["sent", "receipted", "removed", "silent"])
def test_there_is_no_complaint_without_a_decision_against_it(
    removal: Removal, sent: RequestId, settings: Settings, state: str
) -> None:
    if state != "sent":
        lead(removal, sent, state)
    before = rows_of(settings.data_dir)
    with pytest.raises(NotPossibleError):
        removal.remedies.complain(sent, actor=ANN)
    assert rows_of(settings.data_dir) == before


def test_a_second_refusal_may_be_complained_about_again(removal: Removal, sent: RequestId) -> None:
    for count in (1, 2):
        lead(removal, sent, "refused")
        view = removal.remedies.complain(sent, actor=ANN)
        assert [each.kind for each in view.notices].count("complaint") == count


@pytest.mark.parametrize("state", ["sent", "silent", "refused", "complained"])
def test_a_referral_goes_to_the_coordinator_and_names_the_platform(
    removal: Removal, sent: RequestId, state: str
) -> None:
    if state == "complained":
        lead(removal, sent, "refused")
    if state != "sent":
        lead(removal, sent, state)
    view = removal.remedies.refer(sent, actor=ANN, language=Language.EN)
    assert view.request.state == "escalated"
    text = document(removal, view, "coordinator")
    assert "BIPT" in text
    assert view.request.platform in text
    (notice,) = [each for each in view.notices if each.kind == "coordinator"]
    # This letter does not go through the platform's channel.
    assert (notice.channel, notice.address) == (None, None)


@pytest.mark.parametrize("letter", ["complain", "refer"])
def test_after_the_consent_is_withdrawn_no_letter_is_written(
    removal: Removal,
    database: Database,
    settings: Settings,
    sent: RequestId,
    clock: SetClock,
    letter: str,
) -> None:
    lead(removal, sent, "refused")
    Consents(database, clock).withdraw(NUMBER, ConsentKind.NOTIFY, actor=ANN)
    before = rows_of(settings.data_dir)
    with pytest.raises(NoConsentError, match="notify"):
        getattr(removal.remedies, letter)(sent, actor=ANN)
    with pytest.raises(NoConsentError, match="notify"):
        removal.remedies.ask_next(sent, actor=ANN)
    assert rows_of(settings.data_dir) == before


def test_an_explanation_that_may_not_stand_in_a_letter_writes_no_letter(
    removal: Removal, sent: RequestId, settings: Settings
) -> None:
    lead(removal, sent, "refused")
    before = rows_of(settings.data_dir)
    for words in ("two\nlines", "half \ud800", f"case {NUMBER}", "pdq1:00"):
        with pytest.raises(BadNoticeError):
            removal.remedies.complain(sent, actor=ANN, explanation=words)
    assert rows_of(settings.data_dir) == before


def test_an_order_needs_the_consent_to_go_to_court(
    removal: Removal, database: Database, settings: Settings, sent: RequestId, clock: SetClock
) -> None:
    before = rows_of(settings.data_dir)
    with pytest.raises(NoConsentError, match="litigate"):
        removal.remedies.seek_order(sent, actor=ANN)
    assert rows_of(settings.data_dir) == before
    consents = Consents(database, clock)
    consents.give(NUMBER, ConsentKind.LITIGATE, version="1", actor=ANN)
    consents.withdraw(NUMBER, ConsentKind.LITIGATE, actor=ANN)
    with pytest.raises(NoConsentError, match="litigate"):
        removal.remedies.seek_order(sent, actor=ANN)


@pytest.mark.usefixtures("litigates")
def test_an_annex_is_about_all_open_requests_of_the_case_at_the_platform(
    removal: Removal, database: Database, content_id: ContentId, content: Signature, clock: SetClock
) -> None:
    open_ones = raised(removal, *(matched(database, content_id, each) for each in range(3)))
    lead(removal, open_ones[0].request.id, "approved", "sent")
    draft = removal.raise_for(matched(database, content_id, 4), actor=ANN).request.id
    elsewhere = sent_to(
        removal, matched(database, content_id, 5, page_url="https://other.example/p")
    )
    other_case = store_content(database, store_case(database, "9FPS-48N2-R"))
    others = sent_to(removal, matched(database, other_case, 6))
    clock.advance(60)
    lead(removal, open_ones[1].request.id, "refused", reason=REASON)
    view = removal.remedies.seek_order(
        open_ones[0].request.id, actor=ANN, known={"authority": "President of the court"}
    )
    states = {each.request.id: each.request.state for each in removal.views()}
    assert [states[each.request.id] for each in open_ones] == ["order-sought"] * 3
    assert [states[each] for each in (draft, elsewhere, others)] == ["draft", "sent", "sent"]
    text = document(removal, view, "order")
    annex = json.loads(document(removal, view, "order", "json"))
    assert all(each.request.image_url in text for each in open_ones)
    assert "img/5" not in text
    assert "img/6" not in text
    assert "President of the court" in text
    (pdq,) = [each.signal for each in content.signals if each.signal.algorithm == "pdq1"]
    assert str(pdq) in text
    assert "refused" in json.dumps(annex)
    assert NUMBER not in text
    assert audit_entries(database)[-6:][0][1] in ("order.annex", "request.order-sought")
    assert "order.annex" in {each[1] for each in audit_entries(database)}


@pytest.mark.usefixtures("litigates")
def test_an_annex_with_more_places_than_it_has_room_for_leaves_the_rest_to_another(
    removal: Removal, database: Database, content_id: ContentId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hashsvc.removal.workflow.remedies.MOST_LOCATIONS", 2)
    made = raised(removal, *(matched(database, content_id, each) for each in range(3)))
    lead(removal, made[0].request.id, "approved", "sent")
    view = removal.remedies.seek_order(made[2].request.id, actor=ANN)
    assert view.request.state == "order-sought"
    states = [removal.view(each.request.id, actor=ANN).request.state for each in made]
    assert sorted(states) == ["order-sought", "order-sought", "sent"]


@pytest.mark.usefixtures("litigates")
@pytest.mark.parametrize("state", ["draft", "approved", "order-sought", "order-served"])
def test_an_order_is_not_sought_before_the_sending_or_twice(
    removal: Removal, match_id: MatchId, settings: Settings, state: str
) -> None:
    request_id = removal.raise_for(match_id, actor=ANN).request.id
    if state != "draft":
        lead(removal, request_id, "approved")
    if state.startswith("order"):
        lead(removal, request_id, "sent")
        removal.remedies.seek_order(request_id, actor=ANN)
    if state == "order-served":
        lead(removal, request_id, "order-served")
    before = rows_of(settings.data_dir)
    with pytest.raises(NotPossibleError):
        removal.remedies.seek_order(request_id, actor=ANN)
    assert rows_of(settings.data_dir) == before


@pytest.fixture
def behind_a_cache(removal: Removal, database: Database, content_id: ContentId) -> RequestId:
    """A request to a site whose images a CDN serves."""
    removal.context.platforms.put(entry("a-site", "site.example"), actor=ANN)
    removal.context.platforms.put(entry("a-cache", "cache.example", kind="cdn"), actor=ANN)
    urls: dict[str, Any] = {
        "page_url": "https://site.example/p",
        "image_url": "https://x.cache.example/1.jpg",
    }
    return sent_to(removal, matched(database, content_id, 1, **urls))


def test_other_actors_are_asked_one_after_the_other(
    removal: Removal, behind_a_cache: RequestId
) -> None:
    asked, here = [], behind_a_cache
    for _ in range(3):
        child = removal.remedies.ask_next(here, actor=ANN)
        assert (child.request.parent_id, child.request.link) == (here, "escalated")
        assert child.request.state == "draft"
        assert removal.view(here, actor=ANN).request.state == "escalated"
        asked.append((child.request.platform, child.notice.kind if child.notice else None))
        here = child.request.id
        lead(removal, here, "approved", "sent")
    assert asked == [("a-cache", "host"), ("google-search", "dsa-notice"), ("bing", "dsa-notice")]
    with pytest.raises(NotPossibleError, match="Every known actor was asked"):
        removal.remedies.ask_next(here, actor=ANN)
    assert removal.view(here, actor=ANN).request.state == "sent"


def test_an_actor_may_be_named_and_is_not_asked_twice(
    removal: Removal, behind_a_cache: RequestId
) -> None:
    first = removal.remedies.ask_next(behind_a_cache, actor=ANN, platform="bing")
    again = removal.remedies.ask_next(behind_a_cache, actor=ANN, platform="bing")
    assert first.request.platform == "bing"
    assert again.request == first.request
    # Without a named platform, the next actor is the first of those who were not asked yet.
    assert removal.remedies.ask_next(behind_a_cache, actor=ANN).request.platform == "a-cache"


@pytest.mark.parametrize("platform", ["a-site", "site.example"])
def test_the_actor_of_a_request_is_not_the_next_actor(
    removal: Removal, settings: Settings, behind_a_cache: RequestId, platform: str
) -> None:
    before = rows_of(settings.data_dir)
    with pytest.raises(NotPossibleError, match="name another"):
        removal.remedies.ask_next(behind_a_cache, actor=ANN, platform=platform)
    assert rows_of(settings.data_dir) == before


def test_others_are_asked_once_the_request_was_sent(removal: Removal, match_id: MatchId) -> None:
    request_id = removal.raise_for(match_id, actor=ANN).request.id
    with pytest.raises(NotPossibleError, match="before you ask another actor"):
        removal.remedies.ask_next(request_id, actor=ANN)


def test_a_withdrawn_case_has_no_remedies(
    removal: Removal, database: Database, clock: SetClock, sent: RequestId
) -> None:
    Bank(database, clock).withdraw_case(NUMBER, actor="intake")
    assert removal.view(sent, actor=ANN).request.state == State.WITHDRAWN
    for remedy in ("complain", "refer", "ask_next", "seek_order"):
        with pytest.raises(NotPossibleError):
            getattr(removal.remedies, remedy)(sent, actor=ANN)


@pytest.mark.parametrize("remedy", ["complain", "refer", "ask_next", "seek_order"])
def test_another_organisation_has_no_remedies_either(
    removal: Removal, sent: RequestId, settings: Settings, remedy: str
) -> None:
    lead(removal, sent, "refused")
    before = rows_of(settings.data_dir)
    with pytest.raises(UnknownRequestError):
        getattr(removal.remedies, remedy)(sent, actor=ANN, organisation_id="f" * 32)
    assert rows_of(settings.data_dir) == before
