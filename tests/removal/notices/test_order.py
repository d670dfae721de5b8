"""The annex to an order lists URLs and hashes, and what the court has to complete."""

import io
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

import pytest
from pypdf import PdfReader

from hashsvc.removal.errors import BadNoticeError
from hashsvc.removal.law.legal import Language, load_law
from hashsvc.removal.notices.facts import NoticeKind
from hashsvc.removal.notices.fields import OneLine
from hashsvc.removal.notices.order import (
    MOST_SIGNALS,
    OrderAnnex,
    OrderFacts,
    OrderStep,
    TimelineEntry,
    write_order_annex,
)
from hashsvc.signals import Signal
from tests.removal.documents import IMAGE_URL, LOCATION, PAGE_URL, REFERENCE, facts_of, flat

LAW = load_law()
SIGNALS = tuple(Signal("pdq1", bytes([n]) * 32) for n in (0x5A, 0xF8))
START = datetime(2026, 5, 21, 9, 0, tzinfo=UTC)
TIMELINE = tuple(
    TimelineEntry(START + timedelta(days=n), step)
    for n, step in enumerate((OrderStep.SENT, OrderStep.REFUSED, OrderStep.STILL_THERE))
)
COURT = {
    Language.EN: "for the court to complete",
    Language.NL: "door de rechtbank in te vullen",
    Language.FR: "à compléter par le tribunal",
    Language.DE: "vom Gericht zu ergänzen",
}


def annex(language: Language = Language.EN, **more: object) -> OrderAnnex:
    values: dict[str, object] = {
        "facts": facts_of(language=language),
        "signals": SIGNALS,
        "timeline": TIMELINE,
    }
    return write_order_annex(OrderFacts(**{**values, **more}), LAW)  # type: ignore[arg-type]


@pytest.mark.parametrize("language", list(Language))
def test_the_annex_lists_urls_and_hashes_and_says_how_to_check_them(language: Language) -> None:
    text = flat(annex(language).text)
    assert PAGE_URL in text
    assert IMAGE_URL in text
    for signal in SIGNALS:
        assert str(signal) in text
    # The figures that a comparison of PDQ hashes needs.
    assert "facebook/ThreatExchange" in text
    for figure in ("pdq1", "256", "31", "50", "64"):
        assert figure in text


@pytest.mark.parametrize("language", list(Language))
def test_the_annex_has_every_element_of_article_9(language: Language) -> None:
    document = annex(language)
    (article_9,) = (
        each for each in LAW.references("eu", facts_of().written_on) if each.id == "eu-dsa-9"
    )
    assert len(article_9.elements) == 8
    lines = document.text.splitlines()
    labels = [each.label.of(language) for each in article_9.elements]
    shown = [each for each in lines if each.startswith(tuple(f"  {label}" for label in labels))]
    assert len(shown) == 8
    assert sum(COURT[language] in each for each in shown) == 5
    assert article_9.citation.of(language) in flat(document.text)


def test_a_known_element_replaces_the_blank_for_the_court() -> None:
    known = {"authority": OneLine("Court of first instance of Brussels")}
    text = annex(known=known).text
    assert "issuing authority: Court of first instance of Brussels" in text
    assert text.count(COURT[Language.EN]) == 4


def test_the_annex_cites_the_belgian_acts_on_orders() -> None:
    document = annex()
    text = flat(document.text)
    assert "the Belgian Act of 31 July 2023" in text
    assert "the Belgian Act of 4 May 2020" in text
    assert document.law == (LAW.version("be"), LAW.version("eu"))


@pytest.mark.parametrize("language", list(Language))
def test_the_annex_cites_the_criminal_law_of_the_day_of_posting(language: Language) -> None:
    found = datetime(2026, 9, 1, 12, tzinfo=UTC)
    posted = replace(LOCATION, first_seen=found, posted_on=date(2026, 8, 31))
    old = annex(language, facts=facts_of(language=language, locations=(posted,)))
    assert "417/9" in old.text
    (location,) = json.loads(old.json)["locations"]
    assert (location["first_seen"], location["posted_on"]) == ("2026-09-01", "2026-08-31")
    assert old.text.count("2026-08-31") == 1
    seen = replace(LOCATION, first_seen=found)
    new = annex(language, facts=facts_of(language=language, locations=(seen,)))
    assert "417/9" not in new.text
    assert json.loads(new.json)["locations"][0]["posted_on"] is None


@pytest.mark.parametrize("language", list(Language))
def test_the_timeline_is_sorted_by_time(language: Language) -> None:
    document = annex(language, timeline=TIMELINE[::-1])
    assert document == annex(language)
    days = ("2026-05-21 09:00", "2026-05-22 09:00", "2026-05-23 09:00")
    places = [document.text.index(each) for each in days]
    assert places == sorted(places)


@pytest.mark.parametrize("language", list(Language))
def test_every_step_has_a_word_in_every_language(language: Language) -> None:
    entries = (TimelineEntry(START + timedelta(days=n), each) for n, each in enumerate(OrderStep))
    lines = annex(language, timeline=tuple(entries)).text.splitlines()
    words = [each.split("09:00")[1].strip() for each in lines if " 09:00 " in each]
    assert len(set(words)) == len(words) == len(OrderStep)
    assert all(words)


def test_the_pdf_and_the_json_say_the_same_as_the_text() -> None:
    document = annex()
    reader = PdfReader(io.BytesIO(document.pdf), strict=True)
    text = "".join("".join(page.extract_text().split()) for page in reader.pages)
    for number in range(1, len(reader.pages) + 1):
        text = text.replace(f"{REFERENCE}{number}/{len(reader.pages)}", "")
    assert text == "".join(document.text.split())
    content = json.loads(document.json)
    assert content["schema"] == "hashsvc-order/1"
    assert content["hashes"]["values"] == [str(each) for each in SIGNALS]
    assert (content["hashes"]["threshold"], content["hashes"]["bits"]) == (31, 256)
    assert content["locations"][0]["page"] == PAGE_URL
    assert [each["step"] for each in content["timeline"]] == ["sent", "refused", "still-there"]
    assert content["text_sha256"] == document.digest == sha256(document.text.encode()).hexdigest()
    assert document == annex()


def test_no_repr_shows_the_hashes() -> None:
    order = OrderFacts(facts_of(), SIGNALS, TIMELINE)
    document = annex()
    for each in SIGNALS:
        assert each.code.hex() not in repr(order)
        assert each.code.hex() not in repr(document)


@pytest.mark.parametrize(
    ("rule", "more"),
    [
        ("1 to 1000 signals", {"signals": ()}),
        ("1 to 1000 signals", {"signals": SIGNALS * (MOST_SIGNALS // 2 + 1)}),
        ("each signal once", {"signals": (SIGNALS[0], SIGNALS[0])}),
        ("contains pdq1 signals only", {"signals": (Signal("phash1", bytes(8)),)}),
        ("contains pdq1 signals only", {"signals": (*SIGNALS, Signal("reg1", bytes(32)))}),
        ("needs the facts of a notice", {"facts": facts_of(NoticeKind.COMPLAINT)}),
        ("elements of an order are: legal-basis", {"known": {"judge": OneLine("A")}}),
    ],
)
def test_an_annex_with_wrong_contents_is_refused(rule: str, more: dict[str, object]) -> None:
    with pytest.raises(BadNoticeError, match=rule) as caught:
        annex(**more)  # type: ignore[arg-type]
    assert SIGNALS[0].code.hex() not in str(caught.value)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(BadNoticeError, match="time zone"):
        TimelineEntry(START.replace(tzinfo=None), OrderStep.SENT)
