"""The notice of a removal request is a notice document for one location."""

from datetime import UTC, datetime

import pytest

from hashsvc.bank import Bank
from hashsvc.removal import Removal
from hashsvc.settings import Settings
from hashsvc.store import Database, cases
from hashsvc.store.ids import KeyId
from tests.helpers.cases import new_content, store_match
from tests.helpers.set_clock import SetClock
from tests.removal.conftest import ANN, ToldLooker
from tests.removal.documents import IMAGE_URL, PAGE_URL, flat

BEN = KeyId("key of another analyst")


@pytest.fixture
def own_settings(settings: Settings) -> Settings:
    return settings.model_copy(
        update={"organisation": "A Body", "organisation_email": "notices@body.example"}
    )


def notice_of(
    settings: Settings,
    database: Database,
    seed: int,
    *,
    page_url: str = PAGE_URL,
    image_url: str = IMAGE_URL,
    analyst: KeyId = ANN,
    clock: SetClock | None = None,
) -> tuple[str, list[str]]:
    """Return the notice for a match of a new case, and the secrets it must not contain."""
    bank = Bank(database)
    opened = bank.open_case(adult=True, actor="intake")
    new = new_content(seed)
    bank.add_contents(opened.number, [new], actor="intake")
    with database.read() as connection:
        case_id = cases.case_by_number(connection, opened.number).id
        (content,) = cases.contents_of(connection, case_id)
    match_id = store_match(
        database, content.id, state="confirmed", page_url=page_url, image_url=image_url
    )
    removal = Removal(settings, database, ToldLooker(new.signature), clock or SetClock())
    request = removal.raise_for(match_id, actor=analyst).request
    secret = [opened.number, opened.number.replace("-", ""), opened.pin, new.public_id, match_id]
    secret += [each.signal.code.hex() for each in new.signature.signals]
    secret += [str(analyst), "analyst", "reporter"]
    (notice,) = removal.view(request.id, actor=analyst).notices
    text = removal.document(request.id, actor=analyst).decode()
    return text.replace(notice.id, "REFERENCE"), secret


def test_a_request_comes_with_the_notice_for_its_image(
    own_settings: Settings, database: Database
) -> None:
    notice, _ = notice_of(own_settings, database, 1)
    lines = [flat(each) for each in notice.splitlines()]
    assert f"Page: {PAGE_URL}" in lines
    assert f"Image: {IMAGE_URL}" in lines
    assert "First seen: 2026-01-05" in lines
    assert "From: A Body <notices@body.example>" in lines
    assert "To: example.org" in lines
    assert "Date: 2026-01-05" in lines
    assert "Reference: REFERENCE" in lines
    assert "Article 417/9 of the Belgian Criminal Code" in flat(notice)


def test_a_host_of_hexadecimal_digits_may_stand_in_a_notice(
    own_settings: Settings, database: Database
) -> None:
    host = f"pub-{'0f' * 16}.r2.example:8443"
    notice, _ = notice_of(own_settings, database, 1, page_url=f"https://{host}/a.png")
    assert f"To: {host}" in flat(notice)


def test_a_notice_contains_no_secret_of_the_case(
    own_settings: Settings, database: Database
) -> None:
    notice, secret = notice_of(own_settings, database, 1)
    assert [each for each in secret if each.lower() in notice.lower()] == []
    assert "pdq" not in notice.lower()


def test_notices_for_two_cases_differ_only_in_their_addresses(
    own_settings: Settings, database: Database
) -> None:
    """So no name, number or signal of a case can be in a notice."""
    first, _ = notice_of(own_settings, database, 1)
    other_page, other_image = "https://other.example/p", "https://cdn.other.example/i.png"
    second, _ = notice_of(
        own_settings, database, 2, page_url=other_page, image_url=other_image, analyst=BEN
    )
    assert first != second
    second = second.replace(other_page, PAGE_URL).replace(other_image, IMAGE_URL)
    second = second.replace("To:        other.example", "To:        example.org")
    assert first == second


def test_a_notice_states_its_own_day_and_the_day_of_the_find(
    own_settings: Settings, database: Database
) -> None:
    clock = SetClock()
    clock.advance(3 * 86_400)
    notice, _ = notice_of(own_settings, database, 1, clock=clock)
    assert "Date: 2026-01-08" in flat(notice)
    assert "First seen: 2026-01-05" in flat(notice)


def test_the_days_of_a_notice_are_belgiums(own_settings: Settings, database: Database) -> None:
    clock = SetClock()
    clock.now = datetime(2026, 8, 31, 22, 30, tzinfo=UTC)
    notice, _ = notice_of(own_settings, database, 1, clock=clock)
    assert "Date: 2026-09-01" in flat(notice)
