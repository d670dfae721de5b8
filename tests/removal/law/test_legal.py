"""The law is dated data: what applies on a day is found, what is not in force is not cited."""

from datetime import date, timedelta
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from hashsvc.removal.errors import DataFileError, UnknownLawError
from hashsvc.removal.law.legal import Language, Law, Topic, Verification, load_law

DATA = files("hashsvc.removal") / "data"
CHANGE = date(2026, 4, 9)
OWN = """
jurisdiction: be
version: "2027-01-01"
reviewed_by_lawyer: 2027-01-01
references:
  - id: be-new
    topic: offence
    citation: {en: a, nl: b, fr: c, de: d}
    summary: The same.
    from: 2026-04-09
    sources: ["https://example.org/law"]
    verified: text
"""


@pytest.fixture(scope="module")
def law() -> Law:
    return load_law()


def ids(law: Law, *args: object, **kwargs: object) -> list[str]:
    return [each.id for each in law.references(*args, **kwargs)]  # type: ignore[arg-type]


def test_there_is_law_of_five_origins(law: Law) -> None:
    assert law.jurisdictions == ("be", "eu", "own", "uk", "us")


@pytest.mark.parametrize("name", ["be", "eu", "own", "uk", "us"])
def test_each_file_has_a_version_and_a_digest_and_no_lawyer_has_seen_it(
    law: Law, name: str
) -> None:
    version = law.version(name)
    assert version.version == "2026-11-25"
    assert version.sha256 == sha256((DATA / f"legal-{name}.yaml").read_bytes()).hexdigest()
    assert law.reviewed(name) is None


def test_the_articles_of_the_belgian_code_change_on_the_day_that_is_listed(law: Law) -> None:
    old = ["be-criminal-code-417-9", "be-criminal-code-417-10"]
    assert ids(law, "be", CHANGE - timedelta(days=1), topic=Topic.OFFENCE) == old
    assert ids(law, "be", CHANGE, topic=Topic.OFFENCE) == ["be-criminal-code-book-2"]


def test_an_image_put_up_before_the_change_is_under_both(law: Law) -> None:
    both = ids(law, "be", CHANGE, topic=Topic.OFFENCE, since=CHANGE - timedelta(days=1))
    assert both == ["be-criminal-code-417-9", "be-criminal-code-417-10", "be-criminal-code-book-2"]
    assert ids(law, "be", CHANGE, topic=Topic.OFFENCE, since=CHANGE) == both[2:]


def test_the_numbers_of_the_new_code_are_not_verified_and_not_cited(law: Law) -> None:
    (book_2,) = law.references("be", CHANGE, topic=Topic.OFFENCE)
    assert book_2.verified is Verification.NO
    assert book_2.note is not None
    assert "postponed was not verified" in " ".join(book_2.note.split())
    for language in Language:
        digits = book_2.citation.of(language).replace("2024", "").replace("29", "")
        assert not any(map(str.isdigit, digits))


def test_uk_rules_are_pending_until_their_day_is_known(law: Law) -> None:
    assert law.references("uk", date(2030, 1, 1)) == ()
    with pytest.raises(UnknownLawError):
        law.deadline("uk-request", date(2030, 1, 1))


@pytest.mark.parametrize(("day", "there"), [(date(2026, 5, 18), False), (date(2026, 5, 19), True)])
def test_the_us_law_binds_platforms_from_its_day_on(law: Law, day: date, there: bool) -> None:
    assert bool(law.references("us", day, topic=Topic.NOTICE)) is there


@pytest.mark.parametrize(
    ("jurisdiction", "reference", "elements"),
    [
        ("eu", "eu-dsa-16", ["reasons", "location", "notifier", "good-faith"]),
        ("us", "us-take-it-down", ["signature", "location", "good-faith", "contact"]),
    ],
)
def test_a_notice_has_its_elements_in_the_data(
    law: Law, jurisdiction: str, reference: str, elements: list[str]
) -> None:
    found = {each.id: each for each in law.references(jurisdiction, date(2026, 6, 1))}
    assert [each.id for each in found[reference].elements] == elements


@pytest.mark.parametrize(
    ("deadline", "measure", "value", "hard"),
    [
        ("be-order", "hours", 6, True),
        ("us-request", "hours", 48, True),
        ("dsa-complaint", "months", 6, True),
        ("dsa-timely", "hours", 48, False),
        ("recheck", "hours", 24, False),
    ],
)
def test_a_deadline_has_its_length(
    law: Law, deadline: str, measure: str, value: int, hard: bool
) -> None:
    found, _ = law.deadline(deadline, date(2026, 6, 1))
    assert getattr(found, measure) == value
    assert found.hard is hard


def test_the_operators_file_replaces_a_shipped_one_whole(tmp_path: Path) -> None:
    (tmp_path / "legal-be.yaml").write_text(OWN)
    (tmp_path / "notes.txt").write_text("not law")
    law = load_law(tmp_path)
    assert ids(law, "be", CHANGE) == ["be-new"]
    assert law.reviewed("be") == date(2027, 1, 1)
    assert law.version("be").sha256 == sha256(OWN.encode()).hexdigest()
    assert ids(law, "eu", CHANGE) == ids(load_law(), "eu", CHANGE)


BROKEN = {
    "what was not verified against the text has a note": OWN.replace(
        "verified: text", "verified: secondary"
    ),
    "exactly one of hours": OWN
    + """
deadlines:
  - id: d
    label: {en: a, nl: b, fr: c, de: d}
    anchor: sent
    hours: 6
    days: 1
    hard: true
    then: complain
    from: 2026-04-09
    sources: ["https://example.org/law"]
    verified: text
""",
    "references entry be-new: until": OWN.replace(
        "from: 2026-04-09", "from: 2026-04-09\n    until: soon"
    ),
    "comes no sooner": OWN.replace("from: 2026-04-09", "from: 2026-04-09\n    until: 2026-04-08"),
    "references entry be-new: topic: Input should be": OWN.replace(
        "topic: offence", "topic: other"
    ),
    "references entry be-new: citation.de: Field required": OWN.replace(", de: d", ""),
    "references entry be-new: artcle": OWN.replace("topic:", "artcle: 1\n    topic:"),
    "line 4: a key stands twice": OWN.replace("reviewed_by", 'version: "2027-01-01"\nreviewed_by'),
    "named legal-JURISDICTION.yaml": OWN.replace("jurisdiction: be", "jurisdiction: nl"),
    "this is not YAML": OWN + "\n  - [",
    "reviewed_by_lawyer: Field required": OWN.replace("reviewed_by_lawyer: 2027-01-01", ""),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_an_error_names_file_entry_and_rule_in_one_line(tmp_path: Path, rule: str) -> None:
    (tmp_path / "legal-be.yaml").write_text(BROKEN[rule])
    with pytest.raises(DataFileError) as caught:
        load_law(tmp_path)
    message = str(caught.value)
    assert message.startswith("legal-be.yaml")
    assert rule in message
    assert "\n" not in message


def test_a_deadline_of_one_id_in_two_files_is_refused(tmp_path: Path) -> None:
    own = yaml.safe_load((DATA / "legal-own.yaml").read_text())
    own["jurisdiction"] = "nl"
    (tmp_path / "legal-nl.yaml").write_text(yaml.safe_dump(own))
    with pytest.raises(DataFileError, match="entry dsa-timely: the id stands in legal-"):
        load_law(tmp_path)


def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataFileError):
        load_law(tmp_path / "none")


def test_a_yaml_tag_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "legal-be.yaml").write_text("!!python/object/apply:os.getcwd []")
    with pytest.raises(DataFileError, match="not YAML"):
        load_law(tmp_path)
