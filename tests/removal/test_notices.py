"""A notice has what Article 16(2) of the Digital Services Act asks for, and nothing of the case."""

import pytest

from hashsvc.bank import Bank
from hashsvc.removal import Removal
from hashsvc.settings import Settings
from hashsvc.store import Database, cases
from hashsvc.store.ids import KeyId
from tests.bank.conftest import new_content
from tests.removal.conftest import ANN, ToldLooker
from tests.store.conftest import Clock, store_match

PAGE_URL = "https://www.example.org/thread/7?post=3"
IMAGE_URL = "https://img.example.net/a/b.jpg?size=large"
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
    clock: Clock | None = None,
) -> tuple[str, list[str]]:
    """Return the notice for a match of a new case, and what it must not hold."""
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
    removal = Removal(settings, database, ToldLooker(new.signature), clock or Clock())
    request = removal.raise_for(match_id, actor=analyst).request
    secret = [opened.number, opened.number.replace("-", ""), opened.pin, new.public_id, match_id]
    secret += [each.signal.code.hex() for each in new.signature.signals]
    secret += [str(analyst), "analyst", "reporter"]
    return request.notice.replace(request.id, "REFERENCE"), secret


def test_it_has_every_element(own_settings: Settings, database: Database) -> None:
    notice, _ = notice_of(own_settings, database, 1)
    lines = [each.strip() for each in notice.splitlines()]
    text = " ".join(notice.split())
    assert "Article 16 of Regulation (EU) 2022/2065" in text
    # (a) Why it is illegal.
    assert "intimate image of an adult, made public without that person's consent" in text
    assert "Criminal Code" in text
    # (b) Where exactly it is.
    assert f"Page:  {PAGE_URL}" in lines
    assert f"Image: {IMAGE_URL}" in lines
    # (c) Who says so, and where to answer.
    assert "From:     A Body <notices@body.example>" in lines
    assert lines[-2:] == ["A Body", "notices@body.example"]
    # (d) In good faith.
    assert (
        "We believe in good faith that the information and the allegations in this notice are "
        "accurate and complete." in text
    )
    # And what is asked for, by whom, when.
    assert "remove the image" in text
    assert "To:       img.example.net" in lines
    assert "Date:     2026-01-05" in lines
    assert "Reference: REFERENCE" in lines


def test_it_holds_nothing_of_the_case(own_settings: Settings, database: Database) -> None:
    notice, secret = notice_of(own_settings, database, 1)
    assert [each for each in secret if each.lower() in notice.lower()] == []
    assert "pdq" not in notice.lower()


def test_notices_of_two_cases_differ_in_nothing_but_the_address(
    own_settings: Settings, database: Database
) -> None:
    """So there is no place for a name, a number or a signal, whatever a case holds."""
    first, _ = notice_of(own_settings, database, 1)
    other_page, other_image = "https://other.example/p", "https://cdn.other.example/i.png"
    second, _ = notice_of(
        own_settings, database, 2, page_url=other_page, image_url=other_image, analyst=BEN
    )
    assert first != second
    second = second.replace(other_page, PAGE_URL).replace(other_image, IMAGE_URL)
    assert first == second.replace("cdn.other.example", "img.example.net")


def test_a_url_is_written_as_it_is(own_settings: Settings, database: Database) -> None:
    odd = "https://example.org/{{ organisation }}/{% raw %}?a=<b>&amp;c='d'"
    notice, _ = notice_of(own_settings, database, 1, page_url=odd, image_url=odd)
    assert notice.count(odd) == 2


def test_the_date_is_that_of_the_notice_and_of_the_find(
    own_settings: Settings, database: Database
) -> None:
    clock = Clock()
    clock.go_on(3 * 86_400)
    notice, _ = notice_of(own_settings, database, 1, clock=clock)
    assert "Date:     2026-01-08" in notice
    assert "On 2026-01-05 the image" in " ".join(notice.split())
