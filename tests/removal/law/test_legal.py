"""Law data is dated: a lookup finds the law of a day, and law not in force is not cited."""

import re
from datetime import date, timedelta
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from hashsvc.removal.errors import DataFileError, UnknownLawError
from hashsvc.removal.law.deadlines import COMPLAINT, ORDER, TIMELY, US_REQUEST
from hashsvc.removal.law.legal import Language, Law, Topic, Verification, load_law

DATA = files("hashsvc.removal") / "data"
CHANGE = date(2026, 9, 1)
NAMES = ("be", "eu", "own", "uk", "us")
OWN = """
jurisdiction: be
version: "2027-01-01"
reviewed_by_lawyer: 2027-01-01
references:
  - id: be-new
    topic: offence
    citation: {en: a, nl: b, fr: c, de: d}
    summary: The same.
    from: 2026-09-01
    sources: ["https://example.org/law"]
    verified: text
"""
COMMENCEMENT = """
commencements:
  - {id: c, sources: ["https://example.org/law"], verified: text}
"""


@pytest.fixture(scope="module")
def law() -> Law:
    return load_law()


def ids(law: Law, jurisdiction: str, on: date, *, topic: Topic | None = None) -> list[str]:
    return [each.id for each in law.references(jurisdiction, on, topic=topic)]


def test_five_files_of_law_data_are_shipped(law: Law) -> None:
    assert law.jurisdictions == ("be", "eu", "own", "uk", "us")


@pytest.mark.parametrize("name", NAMES)
def test_each_file_has_a_version_and_a_digest_and_awaits_a_lawyers_review(
    law: Law, name: str
) -> None:
    version = law.version(name)
    assert version.version == "2026-12-01"
    assert version.sha256 == sha256((DATA / f"legal-{name}.yaml").read_bytes()).hexdigest()
    shipped = yaml.safe_load((DATA / f"legal-{name}.yaml").read_text("utf-8"))
    assert shipped["reviewed_by_lawyer"] is None


def test_the_new_belgian_criminal_code_replaces_the_old_one_on_1_september_2026(law: Law) -> None:
    old = ["be-criminal-code-417-9", "be-criminal-code-417-10"]
    assert ids(law, "be", CHANGE - timedelta(days=1), topic=Topic.OFFENCE) == old
    assert ids(law, "be", CHANGE, topic=Topic.OFFENCE) == ["be-criminal-code-book-2"]


@pytest.mark.parametrize("name", NAMES)
def test_each_day_on_which_the_law_changes_stands_on_one_line(name: str) -> None:
    lines = (DATA / f"legal-{name}.yaml").read_text("utf-8").splitlines()
    days = [
        found[1]
        for each in lines
        if (found := re.search(r"\b(?:day|from|until): (\d{4}-\d{2}-\d{2})", each))
    ]
    assert len(days) == len(set(days))


def test_moving_a_commencement_moves_the_old_law_and_the_new_one(tmp_path: Path) -> None:
    shipped = (DATA / "legal-be.yaml").read_text("utf-8")
    (tmp_path / "legal-be.yaml").write_text(shipped.replace("day: 2026-09-01", "day: 2027-01-01"))
    law, moved = load_law(tmp_path), date(2027, 1, 1)
    old = ["be-criminal-code-417-9", "be-criminal-code-417-10"]
    assert ids(law, "be", moved - timedelta(days=1), topic=Topic.OFFENCE) == old
    assert ids(law, "be", moved, topic=Topic.OFFENCE) == ["be-criminal-code-book-2"]


def test_a_commencement_without_a_day_ends_nothing_and_starts_nothing(tmp_path: Path) -> None:
    shipped = (DATA / "legal-be.yaml").read_text("utf-8")
    (tmp_path / "legal-be.yaml").write_text(shipped.replace("day: 2026-09-01", "day: null"))
    found = ids(load_law(tmp_path), "be", date(2030, 1, 1), topic=Topic.OFFENCE)
    assert found == ["be-criminal-code-417-9", "be-criminal-code-417-10"]


def test_every_deadline_that_the_code_names_is_in_the_data(law: Law) -> None:
    for each in (TIMELY, US_REQUEST, ORDER, COMPLAINT):
        assert law.deadline(each, CHANGE)[0].id == each


def test_the_numbers_of_the_new_code_are_not_verified_and_not_cited(law: Law) -> None:
    (book_2,) = law.references("be", CHANGE, topic=Topic.OFFENCE)
    assert book_2.verified is Verification.NO
    assert book_2.note is not None
    assert "numbers of the articles were not verified" in " ".join(book_2.note.split())
    for language in Language:
        digits = book_2.citation.of(language).replace("2024", "").replace("29", "")
        assert not any(map(str.isdigit, digits))


def test_uk_rules_are_pending_until_their_day_is_known(law: Law) -> None:
    assert law.references("uk", date(2030, 1, 1)) == ()
    with pytest.raises(UnknownLawError):
        law.deadline("uk-request", date(2030, 1, 1))


@pytest.mark.parametrize(("day", "binds"), [(date(2026, 5, 18), False), (date(2026, 5, 19), True)])
def test_the_us_law_binds_platforms_since_19_may_2026(law: Law, day: date, binds: bool) -> None:
    assert bool(law.references("us", day, topic=Topic.NOTICE)) is binds


@pytest.mark.parametrize(
    ("jurisdiction", "reference", "elements"),
    [
        ("eu", "eu-dsa-16", ["reasons", "location", "notifier", "good-faith"]),
        ("us", "us-take-it-down", ["signature", "location", "good-faith", "contact"]),
    ],
)
def test_the_data_lists_the_elements_of_a_notice(
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
def test_a_deadline_has_the_duration_that_the_law_sets(
    law: Law, deadline: str, measure: str, value: int, hard: bool
) -> None:
    found, _ = law.deadline(deadline, date(2026, 6, 1))
    assert getattr(found, measure) == value
    assert found.hard is hard


def test_the_operators_file_replaces_the_whole_shipped_file(tmp_path: Path) -> None:
    (tmp_path / "legal-be.yaml").write_text(OWN)
    (tmp_path / "notes.txt").write_text("not law")
    law = load_law(tmp_path)
    assert ids(law, "be", CHANGE) == ["be-new"]
    assert law.version("be").sha256 == sha256(OWN.encode()).hexdigest()
    assert ids(law, "eu", CHANGE) == ids(load_law(), "eu", CHANGE)


BROKEN = {
    "an entry not verified against the text must have a note": OWN.replace(
        "verified: text", "verified: secondary"
    ),
    "set exactly one of hours": OWN
    + """
deadlines:
  - id: d
    label: {en: a, nl: b, fr: c, de: d}
    anchor: sent
    hours: 6
    days: 1
    hard: true
    then: complain
    from: 2026-09-01
    sources: ["https://example.org/law"]
    verified: text
""",
    "references entry be-new: until": OWN.replace(
        "from: 2026-09-01", "from: 2026-09-01\n    until: soon"
    ),
    "be-new must not end before it starts": OWN.replace(
        "from: 2026-09-01", "from: 2026-09-01\n    until: 2026-08-31"
    ),
    "be-new: an entry must have `from`, which may be null, or `starts_with`": OWN.replace(
        "    from: 2026-09-01\n", ""
    ),
    "be-new: an entry must not have both `from` and `starts_with`": OWN.replace(
        "from: 2026-09-01", "from: 2026-09-01\n    starts_with: new-code"
    ),
    "be-new: an entry must not have both `until` and `ends_before`": OWN.replace(
        "from: 2026-09-01", "from: 2026-09-01\n    until: 2026-09-02\n    ends_before: new-code"
    ),
    "'be-new' names a commencement that the file does not have": OWN.replace(
        "from: 2026-09-01", "starts_with: new-code"
    ),
    "legal-be.yaml, be-new must not end before it starts": OWN.replace(
        "from: 2026-09-01", "from: 2026-09-01\n    ends_before: c"
    )
    + COMMENCEMENT.replace("verified: text", "verified: text, day: 2026-08-31"),
    "commencements entry c: an entry not verified": OWN
    + COMMENCEMENT.replace("verified: text", "verified: secondary, day: 2026-09-01"),
    "commencements entry c: day: Field required": OWN + COMMENCEMENT,
    "references entry be-new: topic: Input should be": OWN.replace(
        "topic: offence", "topic: other"
    ),
    "references entry be-new: citation.de: Field required": OWN.replace(", de: d", ""),
    "references entry be-new: artcle": OWN.replace("topic:", "artcle: 1\n    topic:"),
    "line 4: this key is repeated": OWN.replace(
        "reviewed_by", 'version: "2027-01-01"\nreviewed_by'
    ),
    "must be named legal-JURISDICTION.yaml": OWN.replace("jurisdiction: be", "jurisdiction: nl"),
    "this is not YAML": OWN + "\n  - [",
    "reviewed_by_lawyer: Field required": OWN.replace("reviewed_by_lawyer: 2027-01-01", ""),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_an_error_names_the_file_the_entry_and_the_rule_in_one_line(
    tmp_path: Path, rule: str
) -> None:
    (tmp_path / "legal-be.yaml").write_text(BROKEN[rule])
    with pytest.raises(DataFileError) as caught:
        load_law(tmp_path)
    message = str(caught.value)
    assert message.startswith("legal-be.yaml")
    assert rule in message
    assert "\n" not in message


def test_two_files_with_the_same_deadline_id_are_refused(tmp_path: Path) -> None:
    own = yaml.safe_load((DATA / "legal-own.yaml").read_text())
    own["jurisdiction"] = "nl"
    (tmp_path / "legal-nl.yaml").write_text(yaml.safe_dump(own))
    with pytest.raises(
        DataFileError, match=r"entry dsa-timely: legal-.* has a deadline with this id too"
    ):
        load_law(tmp_path)


def test_a_missing_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataFileError):
        load_law(tmp_path / "none")


def test_a_yaml_tag_is_an_error_and_runs_nothing(tmp_path: Path) -> None:
    (tmp_path / "legal-be.yaml").write_text("!!python/object/apply:os.getcwd []")
    with pytest.raises(DataFileError, match="not YAML"):
        load_law(tmp_path)
