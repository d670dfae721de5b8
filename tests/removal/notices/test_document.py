"""A notice contains what the law requires, in each language, and nothing about the case."""

import dataclasses
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from types import UnionType
from typing import get_args, get_type_hints

import pytest

from hashsvc.removal.errors import BadNoticeError, TemplateError, UnknownLawError
from hashsvc.removal.law.legal import Language, Law, Topic, load_law
from hashsvc.removal.notices.document import NoticeDocument, compose
from hashsvc.removal.notices.facts import (
    MOST_LOCATIONS,
    Decision,
    Earlier,
    Facts,
    Location,
    NoticeKind,
    Sender,
)
from hashsvc.removal.notices.fields import (
    Email,
    Explanation,
    Host,
    NoticeReference,
    OneLine,
    WebAddress,
)
from tests.removal.documents import (
    EARLIER,
    IMAGE_URL,
    LOCATION,
    PAGE_URL,
    REFERENCE,
    SEEN,
    facts_of,
    flat,
)

TEMPLATES = files("hashsvc.removal") / "templates"
EVERY = [(kind, language) for kind in NoticeKind for language in Language]

# The words of each element that the law requires, by language.
ILLEGAL = {
    Language.EN: ("adult", "without that person's consent", "This is an offence (Article 417/9"),
    Language.NL: ("meerderjarige", "zonder toestemming", "Dit is strafbaar (artikel 417/9"),
    Language.FR: ("majeure", "sans le consentement", "constituent une infraction (article 417/9"),
    Language.DE: ("volljährigen", "ohne deren Einwilligung", "Dies ist strafbar (Artikel 417/9"),
}
GOOD_FAITH = {
    Language.EN: ("in good faith", "accurate and complete"),
    Language.NL: ("te goeder trouw", "nauwkeurig en volledig"),
    Language.FR: ("de bonne foi", "exactes et complètes"),
    Language.DE: ("in gutem Glauben", "richtig und vollständig"),
}
LABELS = {
    Language.EN: ("Page:", "Image:", "First seen:", "From:", "To:", "Reference:"),
    Language.NL: ("Pagina:", "Afbeelding:", "Eerst gezien:", "Van:", "Aan:", "Kenmerk:"),
    Language.FR: ("Page :", "Image :", "Constatée le :", "De :", "À :", "Référence :"),
    Language.DE: ("Seite:", "Bild:", "Zuerst gesehen:", "Von:", "An:", "Zeichen:"),
}
POSTED = {
    Language.EN: "Posted:",
    Language.NL: "Geplaatst:",
    Language.FR: "Publiée le :",
    Language.DE: "Eingestellt:",
}
LAW_OF_THE_DAY = {
    Language.EN: "The criminal law cited is that in force on the day on which each image was",
    Language.NL: "Aangehaald is het strafrecht dat van kracht was op de dag waarop elke afbeelding",
    Language.FR: "Le droit pénal cité est celui qui était en vigueur le jour où chaque image a été",
    Language.DE: "Angeführt ist das Strafrecht, das an dem Tag galt, an dem das jeweilige Bild",
}
OLD_CODE = ["be-criminal-code-417-9", "be-criminal-code-417-10"]
NEW_CODE = ["be-criminal-code-book-2"]
ARTICLE_16 = {
    Language.EN: "Article 16 of Regulation (EU) 2022/2065",
    Language.NL: "artikel 16 van Verordening (EU) 2022/2065",
    Language.FR: "article 16 du règlement (UE) 2022/2065",
    Language.DE: "Artikel 16 der Verordnung (EU) 2022/2065",
}


@pytest.fixture(scope="module")
def law() -> Law:
    return load_law()


def lines_of(notice: NoticeDocument) -> list[str]:
    return [flat(each) for each in notice.text.splitlines()]


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("kind", [NoticeKind.DSA_NOTICE, NoticeKind.HOST])
def test_a_notice_has_every_element_of_article_16(
    law: Law, kind: NoticeKind, language: Language
) -> None:
    notice = compose(facts_of(kind, language), law)
    text, lines = flat(notice.text), lines_of(notice)
    page, image, seen, sender, recipient, reference = LABELS[language]
    assert ARTICLE_16[language] in text
    # (a) Why it is illegal.
    for words in ILLEGAL[language]:
        assert words in text
    # (b) Where exactly it is.
    assert f"{page} {PAGE_URL}" in lines
    assert f"{image} {IMAGE_URL}" in lines
    assert f"{seen} 2026-05-20" in lines
    # (c) Who says so, and where to answer.
    assert f"{sender} A Body <notices@body.example>" in lines
    assert lines[-2:] == ["A Body", "notices@body.example"]
    # (d) In good faith.
    for words in GOOD_FAITH[language]:
        assert words in text
    assert f"{recipient} A Site" in lines
    assert f"{reference} {REFERENCE}" in lines


@pytest.mark.parametrize("language", list(Language))
def test_a_us_request_has_every_element_of_the_act(law: Law, language: Language) -> None:
    notice = compose(facts_of(NoticeKind.TAKE_IT_DOWN, language), law)
    text, lines = flat(notice.text), lines_of(notice)
    assert "47 U.S.C. § 223a" in text
    # (i) Signature of an authorised person, (ii) location, (iii) good faith, (iv) contact.
    assert any(each.endswith(": /s/ Ann Example, head of unit") for each in lines)
    assert f"{LABELS[language][0]} {PAGE_URL}" in lines
    assert GOOD_FAITH[language][0] in text
    assert "notices@body.example (A Street 1, 1000 Brussels)" in text
    assert "48" in text


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("decision", [Decision.REFUSED, Decision.PARTIAL, Decision.IDENTITY_ASKED])
def test_a_complaint_states_the_decision_it_is_against(
    law: Law, language: Language, decision: Decision
) -> None:
    earlier = dataclasses.replace(EARLIER, decision=decision, provider_reference=OneLine("T-1"))
    notice = compose(facts_of(NoticeKind.COMPLAINT, language, earlier=earlier), law)
    text = flat(notice.text)
    assert "20" in notice.title
    assert ARTICLE_16[language] in text
    for fact in ("2026-05-21", "2026-05-24", "Within our rules.", "T-1", PAGE_URL, IMAGE_URL):
        assert fact in text
    for words in GOOD_FAITH[language]:
        assert words in text


@pytest.mark.parametrize("language", list(Language))
def test_each_decision_gives_a_different_text(law: Law, language: Language) -> None:
    texts = set()
    for decision in Decision:
        earlier = dataclasses.replace(
            EARLIER,
            decision=decision,
            decided_on=None if decision is Decision.NO_ANSWER else EARLIER.decided_on,
        )
        notice = compose(facts_of(NoticeKind.COORDINATOR, language, earlier=earlier), law)
        assert "53" in notice.title
        assert "A Site" in notice.text
        texts.add(notice.text)
    assert len(texts) == len(Decision)


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_a_notice_has_every_blank_of_its_template_filled_in(
    law: Law, kind: NoticeKind, language: Language
) -> None:
    notice = compose(facts_of(kind, language, explanation=Explanation("A reason more.")), law)
    for sign in ("{", "}", "None", "  ,", "()"):
        assert sign not in notice.text
    assert "A reason more." in flat(notice.text)
    numbers = [part.lines[0].split(".")[0] for part in notice.parts if part.role == "heading"]
    assert numbers == [str(n) for n in range(1, len(numbers) + 1)]
    assert len(numbers) >= 4


@pytest.mark.parametrize("kind", list(NoticeKind))
def test_every_language_has_its_own_words_and_the_same_parts(law: Law, kind: NoticeKind) -> None:
    notices = [compose(facts_of(kind, language), law) for language in Language]
    for position in (0, -3):
        assert len({each.parts[position] for each in notices}) == 4
    # The parts are the same and in the same order, so no translation leaves anything out.
    assert len({tuple(part.role for part in each.parts) for each in notices}) == 1
    assert len({tuple(len(part.lines) for part in each.parts) for each in notices}) == 1


def found_at(seen: datetime, posted_on: date | None = None) -> Location:
    return Location(LOCATION.page_url, LOCATION.image_url, seen, posted_on)


def offences(notice: NoticeDocument) -> list[str]:
    return [each.reference.id for each in notice.cited if each.topic is Topic.OFFENCE]


@pytest.mark.parametrize(
    ("seen", "posted_on", "cited"),
    [
        # If only the day of the find is known, the law of that day is cited.
        (datetime(2026, 8, 31, 12, tzinfo=UTC), None, OLD_CODE),
        (datetime(2026, 9, 1, 12, tzinfo=UTC), None, NEW_CODE),
        (datetime(2026, 9, 2, 12, tzinfo=UTC), None, NEW_CODE),
        # Days are Belgian days. Summer time in Belgium is two hours ahead of UTC.
        (datetime(2026, 8, 31, 21, 59, tzinfo=UTC), None, OLD_CODE),
        (datetime(2026, 8, 31, 22, 0, tzinfo=UTC), None, NEW_CODE),
        # If the day of posting is known, the law of that day is cited. The day of the find does
        # not matter.
        (datetime(2026, 8, 31, 12, tzinfo=UTC), date(2026, 8, 30), OLD_CODE),
        (datetime(2026, 9, 1, 12, tzinfo=UTC), date(2026, 8, 31), OLD_CODE),
        (datetime(2026, 10, 1, 12, tzinfo=UTC), date(2026, 8, 31), OLD_CODE),
        (datetime(2026, 10, 1, 12, tzinfo=UTC), date(2026, 9, 1), NEW_CODE),
    ],
)
@pytest.mark.parametrize("language", list(Language))
def test_a_notice_cites_the_offence_in_force_on_the_day_of_the_deed(
    law: Law, language: Language, seen: datetime, posted_on: date | None, cited: list[str]
) -> None:
    facts = facts_of(
        language=language, locations=(found_at(seen, posted_on),), written_on=date(2026, 11, 1)
    )
    notice = compose(facts, law)
    assert offences(notice) == cited
    assert ("417/9" in notice.text) is (cited == OLD_CODE)
    assert ("2024" in notice.text) is (cited == NEW_CODE)


def test_a_notice_across_the_change_cites_the_law_of_each_locations_day(law: Law) -> None:
    before, after = datetime(2026, 8, 31, 12, tzinfo=UTC), datetime(2026, 9, 1, 12, tzinfo=UTC)
    facts = facts_of(locations=(found_at(after), found_at(before)), written_on=date(2026, 9, 2))
    assert offences(compose(facts, law)) == OLD_CODE + NEW_CODE


def test_the_day_of_the_notice_does_not_change_the_offence(law: Law) -> None:
    found = {
        tuple(offences(compose(facts_of(written_on=day), law)))
        for day in (date(2026, 6, 1), date(2026, 8, 31), date(2026, 9, 1), date(2027, 1, 1))
    }
    assert found == {tuple(OLD_CODE)}


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_a_notice_says_when_an_image_was_posted_and_when_it_was_found(
    law: Law, kind: NoticeKind, language: Language
) -> None:
    seen = datetime(2026, 9, 1, 12, tzinfo=UTC)
    known = compose(facts_of(kind, language, locations=(found_at(seen, date(2026, 8, 31)),)), law)
    unknown = compose(facts_of(kind, language, locations=(found_at(seen),)), law)
    found = f"{LABELS[language][2]} 2026-09-01"
    assert found in lines_of(known)
    assert found in lines_of(unknown)
    assert f"{POSTED[language]} 2026-08-31" in lines_of(known)
    assert POSTED[language] not in unknown.text


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_a_notice_that_cites_an_offence_says_which_days_law_it_cites(
    law: Law, kind: NoticeKind, language: Language
) -> None:
    text = flat(compose(facts_of(kind, language), law).text)
    assert (LAW_OF_THE_DAY[language] in text) is (kind is not NoticeKind.TAKE_IT_DOWN)


def test_a_day_of_posting_before_all_law_data_is_an_error_that_says_what_to_do(law: Law) -> None:
    with pytest.raises(UnknownLawError, match=r"2022-05-31\. Add the law of that day .* leave out"):
        compose(facts_of(locations=(found_at(SEEN, date(2022, 5, 31)),)), law)


def test_an_image_is_not_posted_after_it_was_seen() -> None:
    found_at(SEEN, SEEN.date())
    with pytest.raises(BadNoticeError, match="cannot be posted after the day it was first seen"):
        found_at(SEEN, SEEN.date() + timedelta(days=1))


def test_a_notice_records_its_template_and_its_law_data(law: Law) -> None:
    notice = compose(facts_of(), law)
    source = (TEMPLATES / "dsa-notice.en.txt").read_bytes()
    assert notice.template.name == "dsa-notice.en.txt"
    assert notice.template.version == "2026-12-01"
    assert notice.template.sha256 == sha256(source).hexdigest()
    assert not notice.template.own
    assert notice.law == (law.version("eu"), law.version("be"))
    assert notice.digest == sha256(notice.text.encode()).hexdigest()
    assert compose(facts_of(), law) == notice


def test_a_notice_without_law_to_cite_is_an_error(law: Law) -> None:
    with pytest.raises(UnknownLawError):
        compose(facts_of(NoticeKind.TAKE_IT_DOWN, written_on=date(2026, 5, 18)), law)
    with pytest.raises(UnknownLawError):
        compose(facts_of(jurisdiction="uk"), law)


def test_one_notice_lists_five_hundred_urls(law: Law) -> None:
    locations = tuple(
        Location(WebAddress(f"https://example.org/{n}"), None, SEEN) for n in range(1, 501)
    )
    lines = lines_of(compose(facts_of(locations=locations), law))
    assert [each for each in lines if each.startswith("Page:")] == [
        f"Page: https://example.org/{n}" for n in range(1, 501)
    ]
    assert not any(each.startswith("Image:") for each in lines)


def test_a_very_long_url_is_on_one_line(law: Law) -> None:
    url = "https://example.org/" + "a-b/" * 1_900
    notice = compose(facts_of(locations=(Location(WebAddress(url), None, SEEN),)), law)
    assert f"Page: {url}" in lines_of(notice)
    assert url in notice.html


def test_no_url_becomes_markup_or_reverses_the_text(law: Law) -> None:
    url = "https://example.org/?q=\"><img src=x onerror=alert(1)>&amp;'\u202e\u200b"
    notice = compose(facts_of(locations=(Location(WebAddress(url), WebAddress(url), SEEN),)), law)
    for text in (notice.text, notice.html):
        assert "<img" not in text
        assert not set(text) & {"\u202e", "\u200b"}
        assert "%E2%80%AE%E2%80%8B" in text
    assert "&amp;amp;&#39;" in notice.html
    assert "<a " not in notice.html


def test_no_name_becomes_markup(law: Law) -> None:
    sender = Sender(OneLine("<script>alert(1)</script>"), Email("a&b@body.example"))
    html = compose(facts_of(sender=sender), law).html
    assert "<script" not in html
    assert "a&amp;b@body.example" in html


def test_a_value_with_template_syntax_is_not_run(law: Law) -> None:
    explanation = Explanation("{{ sender.email }} {% raw %} {{ 7 * 7 }}")
    assert explanation.text in flat(compose(facts_of(explanation=explanation), law).text)


@pytest.mark.parametrize("text", ["1. Where it is", "- a", "# a"])
def test_no_value_becomes_a_heading(law: Law, text: str) -> None:
    plain = compose(facts_of(explanation=Explanation("a")), law)
    notice = compose(facts_of(explanation=Explanation(text)), law)
    assert [part.role for part in notice.parts] == [part.role for part in plain.parts]


def test_the_operators_template_replaces_the_shipped_one(law: Law, tmp_path: Path) -> None:
    own = (
        "{# version: 2027-01-02.3, ours #}\nOurs to {{ recipient }}\n\nAt {{ locations[0].page }}."
    )
    (tmp_path / "dsa-notice.en.txt").write_text(own)
    notice = compose(facts_of(), law, own_templates=tmp_path)
    assert notice.text == f"Ours to A Site\n\nAt {PAGE_URL}.\n"
    assert notice.template.own
    assert notice.template.version == "2027-01-02.3"
    assert notice.template.sha256 == sha256(own.encode()).hexdigest()
    other = compose(facts_of(language=Language.NL), law, own_templates=tmp_path)
    assert not other.template.own


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("Ours", "the first line must be"),
        (
            "{# version: 2027-01-01 #}\n{{ case_number }}",
            "uses a value that a document does not have",
        ),
        (
            "{# version: 2027-01-01 #}\n{{ sender.telephone }}",
            "uses a value that a document does not",
        ),
        ("{# version: 2027-01-01 #}\n{% if %}", "line 2: this is not valid template syntax"),
        ("{# version: 2027-01-01 #}\n{{ sender.__class__.__mro__ }}", "may use its values only"),
        ("{# version: 2027-01-01 #}\n{{ ''.format.__globals__ }}", "may use its values only"),
        ("{# version: 2027-01-01 #}\n{{ locations.append(1) }}", "may use its values only"),
        ("{# version: 2027-01-01 #}\n{% include '/etc/passwd' %}", "this template does not exist"),
        ("{# version: 2027-01-01 #}\n{{ 1 / 0 }}", "in a way that fails"),
    ],
)
def test_an_error_names_the_broken_template_and_the_rule(
    law: Law, tmp_path: Path, source: str, rule: str
) -> None:
    (tmp_path / "dsa-notice.en.txt").write_text(source)
    with pytest.raises(TemplateError) as caught:
        compose(facts_of(), law, own_templates=tmp_path)
    assert str(caught.value).startswith("dsa-notice.en.txt")
    assert rule in str(caught.value)


def test_a_missing_directory_of_templates_is_an_error(law: Law, tmp_path: Path) -> None:
    with pytest.raises(TemplateError):
        compose(facts_of(), law, own_templates=tmp_path / "none")


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_every_shipped_template_says_that_a_lawyer_reviews_it(
    kind: NoticeKind, language: Language
) -> None:
    first = (TEMPLATES / f"{kind}.{language}.txt").read_text("utf-8").splitlines()[0]
    assert first.startswith("{# version: ")
    assert "lawyer reviews" in first


def test_every_fact_has_a_type_that_refuses_what_is_private() -> None:
    """No field is free text, so nothing that must not leave the service fits in a notice."""
    checked = {OneLine, Host, Email, Explanation, NoticeReference, WebAddress, Sender, Earlier}
    checked |= {NoticeKind, Language, Decision, date, datetime, type(None), tuple[Location, ...]}
    for kind in (Facts, Sender, Location, Earlier):
        for name, hint in get_type_hints(kind).items():
            # The jurisdiction selects law data and is never printed.
            if name != "jurisdiction":
                assert set(get_args(hint) if isinstance(hint, UnionType) else (hint,)) <= checked


@pytest.mark.parametrize(
    ("rule", "more"),
    [
        ("1 to 1000 locations", {"locations": ()}),
        ("1 to 1000 locations", {"locations": (LOCATION,) * (MOST_LOCATIONS + 1)}),
        ("needs a signatory", {"kind": NoticeKind.TAKE_IT_DOWN, "signatory": None}),
        ("must have an earlier notice", {"kind": NoticeKind.COMPLAINT, "earlier": None}),
        ("must have an earlier notice", {"earlier": EARLIER}),
        (
            "needs a decision to complain about",
            {
                "kind": NoticeKind.COMPLAINT,
                "earlier": Earlier(date(2026, 5, 1), Decision.NO_ANSWER, OneLine("A Site")),
            },
        ),
    ],
)
def test_facts_that_do_not_fit_together_are_refused(rule: str, more: dict[str, object]) -> None:
    with pytest.raises(BadNoticeError, match=rule):
        facts_of(**more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "more",
    [
        {"decided_on": date(2026, 5, 20)},
        {"receipted_on": date(2026, 5, 20)},
        {"decided_on": None},
        {"decision": Decision.NO_ANSWER},
    ],
)
def test_days_of_an_earlier_notice_that_contradict_each_other_are_refused(
    more: dict[str, object],
) -> None:
    with pytest.raises(BadNoticeError):
        dataclasses.replace(EARLIER, **more)  # type: ignore[arg-type]
