"""Each image, actor and case has one request. A case's requests to one actor share a notice."""

from datetime import timedelta

import pytest

from hashsvc.bank import ConsentKind, Consents
from hashsvc.matching import MatchState, Reviews
from hashsvc.removal import (
    Basis,
    Language,
    NoConsentError,
    NotConfirmedError,
    NotPossibleError,
    Outcome,
    Removal,
    RequestView,
    State,
    UnknownPlatformError,
)
from hashsvc.removal.notices.facts import MOST_LOCATIONS
from hashsvc.removal.workflow.raising import AUTOMATIC, AutomaticDrafts
from hashsvc.settings import Settings
from hashsvc.store import Database, notices
from hashsvc.store.ids import ContentId, MatchId, NoticeId, RequestId
from tests.helpers.audit_entries import audit_entries
from tests.helpers.cases import store_case, store_content, store_match
from tests.helpers.database import rows_of
from tests.helpers.set_clock import SetClock
from tests.removal.conftest import ANN, BEN, GAP_S, Configured, ToldLooker
from tests.removal.statements import recorded
from tests.removal.steps import NUMBER, case_of, entry, lead, matched, raised, sent_to

OTHER = "9FPS-48N2-R"


def notice_of(view: RequestView) -> NoticeId:
    assert view.notice is not None
    return view.notice.id


def test_the_images_of_a_case_go_on_one_notice(
    removal: Removal, database: Database, content_id: ContentId
) -> None:
    views = raised(removal, *(matched(database, content_id, each) for each in range(5)))
    assert len({notice_of(each) for each in views}) == 1
    text = removal.document(views[0].request.id, actor=ANN).decode()
    assert all(each.request.image_url in text for each in views)


def test_a_request_raised_after_the_approval_goes_on_another_notice(
    removal: Removal, database: Database, content_id: ContentId
) -> None:
    (before,) = raised(removal, matched(database, content_id, 1))
    lead(removal, before.request.id, "approved")
    (after,) = raised(removal, matched(database, content_id, 2))
    assert notice_of(after) != notice_of(before)
    assert after.request.image_url not in removal.document(before.request.id, actor=ANN).decode()


def test_two_cases_two_actors_and_two_languages_have_notices_of_their_own(
    removal: Removal, database: Database, content_id: ContentId
) -> None:
    other = store_content(database, store_case(database, OTHER))
    mine, theirs = matched(database, content_id, 1), matched(database, other, 1)
    elsewhere = matched(database, content_id, 2, page_url="https://other.example/p")
    views = raised(removal, mine, theirs, elsewhere)
    third = matched(database, content_id, 3)
    views.append(removal.raise_for(third, actor=ANN, language=Language.NL))
    assert len({notice_of(each) for each in views}) == 4
    # Two cases each ask for the same image, and neither notice mentions the other case.
    assert views[0].request.image_url == views[1].request.image_url


def test_two_contents_at_one_place_are_one_request(
    removal: Removal, database: Database, content_id: ContentId
) -> None:
    second = store_content(database, case_of(database, content_id))
    first = removal.raise_for(matched(database, content_id, 1), actor=ANN)
    again = removal.raise_for(matched(database, second, 1), actor=BEN)
    assert again.request.id == first.request.id


def test_the_thousand_and_first_image_goes_on_a_second_notice(
    removal: Removal, database: Database, content_id: ContentId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hashsvc.removal.workflow.raising.MOST_LOCATIONS", 4)
    views = raised(removal, *(matched(database, content_id, each) for each in range(10)))
    with database.read() as connection:
        ids = {notice_of(each) for each in views}
        counts = sorted(len(notices.request_ids(connection, each)) for each in ids)
    assert counts == [2, 4, 4]
    assert MOST_LOCATIONS == 1_000


def test_every_actor_with_a_part_in_an_image_can_be_asked_by_name(
    removal: Removal, database: Database, content_id: ContentId
) -> None:
    platforms = removal.context.platforms
    platforms.put(entry("a-site", "site.example"), actor=ANN)
    platforms.put(entry("a-cache", "cache.example", kind="cdn"), actor=ANN)
    match_id = matched(
        database,
        content_id,
        1,
        page_url="https://www.site.example/p",
        image_url="https://img.cache.example:8443/1.jpg",
    )
    engines = ["google-search", "bing"]
    assert removal.actors(match_id, actor=ANN) == ["a-site", "a-cache", *engines]
    to_site = removal.raise_for(match_id, actor=ANN)
    to_cache = removal.raise_for(match_id, actor=ANN, platform="cache.example")
    assert [each.request.platform for each in (to_site, to_cache)] == ["a-site", "a-cache"]
    assert to_cache.notice is not None
    assert (to_cache.notice.kind, to_cache.notice.address) == ("host", "notices@a-cache.example")
    with pytest.raises(UnknownPlatformError):
        removal.raise_for(match_id, actor=ANN, platform="no host at all")


def test_a_host_without_an_entry_is_named_with_its_port(
    removal: Removal, database: Database, content_id: ContentId
) -> None:
    match_id = matched(
        database,
        content_id,
        1,
        page_url="https://[2001:db8::7]:8443/p",
        image_url=f"https://{'a' * 60}.{'b' * 60}.{'c' * 60}.{'d' * 60}.example/1.jpg",
    )
    site, store, *_ = removal.actors(match_id, actor=ANN)
    assert site == "[2001:db8::7]:8443"
    for each in (site, store):
        view = removal.raise_for(match_id, actor=ANN, platform=each)
        assert view.request.platform == each
        assert view.notice is not None
        assert (view.notice.channel, view.notice.address) == (None, None)
        assert each in removal.document(view.request.id, actor=ANN).decode()


def test_a_form_whose_url_has_an_at_sign_gets_no_mail(removal: Removal, match_id: MatchId) -> None:
    form = {"type": "form", "address": "https://a-site.example/@safety/form"}
    removal.context.platforms.put(entry("a-site", "example.org", channel=form), actor=ANN)
    (view,) = raised(removal, match_id)
    lead(removal, view.request.id, "approved", "sent")
    assert removal.document(view.request.id, "pdf", actor=ANN).startswith(b"%PDF-")
    with pytest.raises(NotPossibleError, match="eml"):
        removal.document(view.request.id, "eml", actor=ANN)


def test_a_channel_is_chosen_by_its_basis(
    removal: Removal, configured: Configured, database: Database, content_id: ContentId
) -> None:
    american = entry("a-site", "example.org", channel={"basis": "take-it-down"})
    removal.context.platforms.put(american, actor=ANN)
    match_id = matched(database, content_id, 1)
    with pytest.raises(NotPossibleError, match="signatory"):
        removal.raise_for(match_id, actor=ANN, basis=Basis.TAKE_IT_DOWN)
    with pytest.raises(NotPossibleError, match="No notice has the basis order"):
        removal.raise_for(match_id, actor=ANN, basis=Basis.ORDER)
    assert removal.search(state=None, limit=9) == []
    # Nobody could sign an American request. So the notice follows the Union's law, for which the
    # platform has no channel.
    view = removal.raise_for(match_id, actor=ANN)
    assert view.notice is not None
    assert (view.notice.kind, view.notice.channel) == ("dsa-notice", None)
    signing = configured(signatory="Head of the legal service")
    other = signing.raise_for(matched(database, content_id, 2), actor=ANN)
    assert other.notice is not None
    assert (other.notice.kind, other.notice.channel) == ("take-it-down", "email")


def test_without_the_consent_nothing_is_raised(
    removal: Removal,
    database: Database,
    settings: Settings,
    clock: SetClock,
    match_id: MatchId,
) -> None:
    Consents(database, clock).withdraw(NUMBER, ConsentKind.NOTIFY, actor=ANN)
    before = rows_of(settings.data_dir)
    with pytest.raises(NoConsentError, match="notify"):
        removal.raise_for(match_id, actor=ANN)
    assert rows_of(settings.data_dir) == before


def gone(removal: Removal, looker: ToldLooker, clock: SetClock, request_id: RequestId) -> None:
    """Let an image disappear, and check it until its request is gone."""
    looker.sees = Outcome.PAGE_GONE
    for _ in range(2):
        removal.rechecks.check(request_id, actor=ANN)
        clock.advance(GAP_S)


def test_a_new_address_on_the_platform_is_a_return_if_it_was_found_after_the_image_went(
    removal: Removal, database: Database, looker: ToldLooker, clock: SetClock, content_id: ContentId
) -> None:
    first = sent_to(removal, matched(database, content_id, 1))
    clock.advance(GAP_S)
    at_once = matched(database, content_id, 2, found_at=clock.now - timedelta(seconds=1))
    at_last = matched(database, content_id, 3, found_at=clock.now)
    gone(removal, looker, clock, first)
    beside, after = raised(removal, at_once, at_last)
    assert (beside.request.parent_id, beside.request.link) == (None, None)
    assert (after.request.parent_id, after.request.link) == (first, "reappeared")


def test_another_content_or_another_platform_is_no_return(
    removal: Removal, database: Database, looker: ToldLooker, clock: SetClock, content_id: ContentId
) -> None:
    gone(removal, looker, clock, sent_to(removal, matched(database, content_id, 1)))
    other = store_content(database, case_of(database, content_id))
    found = {"found_at": clock.now}
    elsewhere = matched(database, content_id, 2, page_url="https://other.example/p", **found)
    views = raised(removal, matched(database, other, 3, **found), elsewhere)
    assert [each.request.link for each in views] == [None, None]


def test_a_certain_match_gets_one_automatic_draft_without_a_verdict(
    removal: Removal, database: Database, clock: SetClock, content_id: ContentId
) -> None:
    match_id = store_match(database, content_id)
    matched(database, content_id, 2, state="dismissed")
    # The first request already asks for this place.
    second = store_content(database, case_of(database, content_id))
    same_place = store_match(database, second)
    other = store_content(database, store_case(database, OTHER))
    Consents(database, clock).withdraw(OTHER, ConsentKind.NOTIFY, actor=ANN)
    matched(database, other, 3)

    assert AutomaticDrafts(removal.context).raise_certain() == 1
    (request,) = removal.search(state=None, limit=9)
    assert request.match_id in {match_id, same_place}
    before = audit_entries(database)
    assert before[-1] == (AUTOMATIC, "request.raise", request.id)
    for _ in range(3):
        assert AutomaticDrafts(removal.context).raise_certain() == 0
    assert audit_entries(database) == before


def test_a_match_whose_place_is_asked_for_already_is_tried_once_an_hour(
    removal: Removal, database: Database, clock: SetClock, content_id: ContentId
) -> None:
    """A pass within that hour opens no transaction that writes."""
    drafts = AutomaticDrafts(removal.context)
    store_match(database, content_id)
    store_match(database, store_content(database, case_of(database, content_id)))
    assert drafts.raise_certain() == 1
    (request,) = removal.search(state=None, limit=9)
    lead(removal, request.id, "withdrawn")
    clock.advance(3599)
    with recorded() as statements:
        assert drafts.raise_certain() == 0
    assert len([each for each in statements if not each.startswith("BEGIN")]) == 1
    assert "BEGIN IMMEDIATE" not in statements
    clock.advance(1)
    assert drafts.raise_certain() == 1


def test_a_request_that_nobody_looked_at_is_approved_by_confirming_its_match(
    removal: Removal, database: Database, clock: SetClock, content_id: ContentId
) -> None:
    seen, unseen = (
        store_match(database, content_id, image_url=f"https://example.org/{each}.jpg")
        for each in range(2)
    )
    assert AutomaticDrafts(removal.context).raise_certain() == 2
    by_match = {each.match_id: each.id for each in removal.search(state=None, limit=9)}
    view = lead(removal, by_match[seen], "approved")
    assert Reviews(database, clock).view(seen, actor=ANN).state == "confirmed"
    assert Reviews(database, clock).view(unseen, actor=ANN).state == "suspected"
    # The other request stays behind, on its own draft.
    other = removal.view(by_match[unseen], actor=ANN)
    assert (view.request.state, other.request.state) == ("approved", "draft")
    assert notice_of(view) != notice_of(other)
    text = removal.document(view.request.id, actor=ANN).decode()
    assert other.request.image_url not in text
    assert other.request.image_url in removal.document(other.request.id, actor=ANN).decode()


def test_a_dismissed_match_keeps_its_request_from_going_out(
    removal: Removal, database: Database, clock: SetClock, content_id: ContentId
) -> None:
    kept, dismissed = (
        store_match(database, content_id, image_url=f"https://example.org/{each}.jpg")
        for each in range(2)
    )
    AutomaticDrafts(removal.context).raise_certain()
    by_match = {each.match_id: each.id for each in removal.search(state=None, limit=9)}
    Reviews(database, clock).decide(dismissed, MatchState.DISMISSED, actor=BEN)
    with pytest.raises(NotConfirmedError, match="dismissed"):
        lead(removal, by_match[dismissed], "approved")
    lead(removal, by_match[kept], "approved")
    assert "/1.jpg" not in removal.document(by_match[kept], actor=ANN).decode()
    assert lead(removal, by_match[dismissed], "withdrawn").request.state == "withdrawn"
    assert AutomaticDrafts(removal.context).raise_certain() == 0


def test_the_notice_of_a_withdrawn_draft_is_empty(removal: Removal, match_id: MatchId) -> None:
    view = removal.raise_for(match_id, actor=ANN)
    assert removal.text_of(view)
    assert removal.text_of(lead(removal, view.request.id, "withdrawn")) == ""
    with pytest.raises(NotPossibleError, match="no format"):
        removal.document(view.request.id, actor=ANN)
    # An analyst may ask for the same again.
    assert removal.raise_for(match_id, actor=ANN).request.id != view.request.id
    assert removal.raise_for(match_id, actor=ANN).request.state == State.DRAFT
