"""
The law that notices and clocks refer to, read from `data/legal-JURISDICTION.yaml`.

Only these files contain articles, days and durations. A lawyer reviews and changes them. Every
document keeps the version and the digest of the files that it used. An entry states how far it was
verified. An entry without a known first day is pending: no notice cites it and no clock runs.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from hashsvc.removal.errors import DataFileError, UnknownLawError
from hashsvc.removal.law.yaml_files import DataEntry, read_yaml

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=60)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
WebSource = Annotated[str, StringConstraints(pattern=r"^https://\S+$", max_length=500)]


class Language(StrEnum):
    """A language that notices are written in."""

    EN = "en"
    NL = "nl"
    FR = "fr"
    DE = "de"


class Topic(StrEnum):
    """The subject that a reference is cited for."""

    OFFENCE = "offence"
    NOTICE = "notice"
    COMPLAINT = "complaint"
    COORDINATOR = "coordinator"
    ORDER = "order"
    ORDER_ELEMENTS = "order-elements"
    FLAGGERS = "flaggers"


class Anchor(StrEnum):
    """The event that starts a clock."""

    SENT = "sent"
    DECIDED = "decided"
    """The platform informed the organisation of its decision."""

    ORDER_SERVED = "order-served"
    CHECKED = "checked"


class NextStep(StrEnum):
    """What the organisation does before or after a clock ends."""

    RECHECK = "recheck"
    COMPLAIN = "complain"
    REFER_TO_REGULATOR = "refer-to-regulator"
    RECORD_BREACH = "record-breach"


class Verification(StrEnum):
    """What an entry was checked against."""

    TEXT = "text"
    """A copy of the law's text."""

    SECONDARY = "secondary"
    """What others write about the law."""

    NO = "no"
    """Nothing."""


class InLanguages(DataEntry):
    """The same wording in each language."""

    en: Text
    nl: Text
    fr: Text
    de: Text

    def of(self, language: Language) -> str:
        """Return the wording in one language."""
        return str(getattr(self, language.value))


class Sourced(DataEntry):
    """An entry that says where it is from, and how far it was checked."""

    id: Id
    sources: tuple[WebSource, ...] = Field(min_length=1)
    verified: Verification
    note: Text | None = None

    @model_validator(mode="after")
    def _unverified_has_a_note(self) -> Self:
        if self.verified is not Verification.TEXT and self.note is None:
            raise ValueError("an entry not verified against the text must have a note that says so")
        return self


class Commencement(Sourced):
    """
    A day on which the law changes. Entries name it, so that the day is written in one place only.

    Attributes:
        day: The first day of the new law; None if it is not known.
    """

    day: date | None


class Dated(Sourced):
    """
    An entry with the days on which it applies.

    Attributes:
        from_, until: The first and the last day. Without a first day the entry is pending.

        starts_with: The commencement that starts the entry, in place of `from`.

        ends_before: The commencement before which the entry ends, in place of `until`.
    """

    from_: date | None = Field(None, alias="from")
    until: date | None = None
    starts_with: Id | None = None
    ends_before: Id | None = None

    @model_validator(mode="after")
    def _has_its_days(self) -> Self:
        if self.starts_with is None and "from_" not in self.model_fields_set:
            raise ValueError("an entry must have `from`, which may be null, or `starts_with`")
        if self.starts_with is not None and self.from_ is not None:
            raise ValueError("an entry must not have both `from` and `starts_with`")
        if self.ends_before is not None and self.until is not None:
            raise ValueError("an entry must not have both `until` and `ends_before`")
        # The days of commencements are not known here; LawFile checks them.
        if self.starts_with is None and self.until is not None:
            self.check_order()
        return self

    def check_order(self) -> None:
        """
        Check that the entry does not end before it starts.

        Raises:
            ValueError: If it does.
        """
        if self.until is not None and (self.from_ is None or self.until < self.from_):
            raise ValueError(f"{self.id} must not end before it starts, nor end without a start")

    def with_days(self, days: Mapping[str, date | None]) -> Self:
        """Return the entry with the days of the commencements that it names."""
        changes: dict[str, date | None] = {}
        if self.starts_with is not None:
            changes |= {"from_": days[self.starts_with], "starts_with": None}
        if self.ends_before is not None:
            day = days[self.ends_before]
            last = None if day is None else day - timedelta(days=1)
            changes |= {"until": last, "ends_before": None}
        return self.model_copy(update=changes)

    def applies(self, on: date) -> bool:
        """Return whether the entry applies on a day."""
        if self.from_ is None or self.from_ > on:
            return False
        return self.until is None or self.until >= on


class NoticeElement(DataEntry):
    """Something that the law requires a document to contain."""

    id: Id
    label: InLanguages


class LegalReference(Dated):
    """A provision: its citation, its summary, and the elements that it requires."""

    topic: Topic
    citation: InLanguages
    summary: Text
    elements: tuple[NoticeElement, ...] = ()


class Deadline(Dated):
    """A period that starts at an event. It has exactly one duration."""

    label: InLanguages
    anchor: Anchor
    hours: int | None = Field(None, ge=1, le=10_000)
    days: int | None = Field(None, ge=1, le=3_660)
    working_days: int | None = Field(None, ge=1, le=1_000)
    months: int | None = Field(None, ge=1, le=120)
    if_not_working: Literal["stays", "next-working-day"] = "stays"
    hard: bool
    then: NextStep
    reference: Id | None = None

    @model_validator(mode="after")
    def _has_one_duration(self) -> Self:
        durations = (self.hours, self.days, self.working_days, self.months)
        if sum(each is not None for each in durations) != 1:
            raise ValueError("set exactly one of hours, days, working_days and months")
        if self.hours is not None and self.if_not_working != "stays":
            raise ValueError("hours run on every day; `if_not_working` is for days and months")
        return self


class LawFile(DataEntry):
    """The content of a `legal-*.yaml` file."""

    jurisdiction: Id
    version: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}(\.\d+)?$")]
    reviewed_by_lawyer: date | None
    keywords: tuple[Annotated[str, StringConstraints(pattern=r"^KEYWORD_[A-Z_]+$")], ...] = ()
    commencements: tuple[Commencement, ...] = ()
    references: tuple[LegalReference, ...] = ()
    deadlines: tuple[Deadline, ...] = ()

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        ids = [each.id for each in (*self.references, *self.deadlines, *self.commencements)]
        for each in ids:
            if ids.count(each) > 1:
                raise ValueError(f"two entries have the id {each!r}")
        known = {each.id for each in self.references}
        for deadline in self.deadlines:
            if deadline.reference is not None and deadline.reference not in known:
                raise ValueError(
                    f"deadline {deadline.id!r} names a reference that the file does not have"
                )
        return self

    @model_validator(mode="after")
    def _commencements_are_there(self) -> Self:
        known = {each.id for each in self.commencements}
        for entry in (*self.references, *self.deadlines):
            for each in (entry.starts_with, entry.ends_before):
                if each is not None and each not in known:
                    raise ValueError(
                        f"{entry.id!r} names a commencement that the file does not have"
                    )
        dated = self.with_days()
        for entry in (*dated.references, *dated.deadlines):
            entry.check_order()
        return self

    def with_days(self) -> Self:
        """Return the file with each commencement's day in the entries that name it."""
        days = {each.id: each.day for each in self.commencements}
        return self.model_copy(
            update={
                "references": tuple(each.with_days(days) for each in self.references),
                "deadlines": tuple(each.with_days(days) for each in self.deadlines),
            }
        )


@dataclass(frozen=True, slots=True)
class LawVersion:
    """The version of a law file, and the SHA-256 of its bytes."""

    jurisdiction: str
    version: str
    sha256: str


class Law:
    """The law data of all jurisdictions."""

    def __init__(self, jurisdictions: Mapping[str, tuple[LawFile, LawVersion]]) -> None:
        self._files = dict(jurisdictions)

    @property
    def jurisdictions(self) -> tuple[str, ...]:
        """Return the jurisdictions that have data, sorted."""
        return tuple(sorted(self._files))

    def version(self, jurisdiction: str) -> LawVersion:
        """
        Return the version of one jurisdiction's data.

        Raises:
            UnknownLawError: If there is no data for the jurisdiction.
        """
        return self._file(jurisdiction)[1]

    def keywords(self, jurisdiction: str) -> tuple[str, ...]:
        """Return the regulator's keywords for intimate images shared without consent."""
        return self._file(jurisdiction)[0].keywords

    def references(
        self, jurisdiction: str, on: date, *, topic: Topic | None = None
    ) -> tuple[LegalReference, ...]:
        """
        Return the references that apply on a day, in the order of the file.

        Raises:
            UnknownLawError: If there is no data for the jurisdiction.
        """
        return tuple(
            each
            for each in self._file(jurisdiction)[0].references
            if each.applies(on) and topic in (None, each.topic)
        )

    def deadline(self, deadline_id: str, on: date) -> tuple[Deadline, LawVersion]:
        """
        Return a deadline that applies on a day, and the version of its file.

        Raises:
            UnknownLawError: If no deadline with this id applies on that day.
        """
        for law, version in self._files.values():
            for each in law.deadlines:
                if each.id == deadline_id and each.applies(on):
                    return each, version
        raise UnknownLawError(f"No deadline {deadline_id!r:.60} applies on {on.isoformat()}.")

    def _file(self, jurisdiction: str) -> tuple[LawFile, LawVersion]:
        if jurisdiction not in self._files:
            raise UnknownLawError(f"There is no law data for jurisdiction {jurisdiction!r:.60}.")
        return self._files[jurisdiction]


def load_law(own: Path | None = None) -> Law:
    """
    Return the shipped law data, with the operator's own files in place of shipped ones.

    Args:
        own: Directory with the operator's `legal-*.yaml` files. A file replaces the whole shipped
            file of its jurisdiction, or adds a jurisdiction.

    Raises:
        DataFileError: If a file breaks a rule. The message is one line that names the file, the
            entry and the rule.
    """
    shipped = [
        (each.name, each.read_bytes()) for each in (files("hashsvc.removal") / "data").iterdir()
    ]
    found = _read(each for each in shipped if _is_law(each[0]))
    if own is not None:
        if not own.is_dir():
            raise DataFileError("The directory of the operator's own law data does not exist.")
        found |= _read(
            (each.name, each.read_bytes()) for each in sorted(own.iterdir()) if _is_law(each.name)
        )
    _check_deadlines(found)
    return Law(found)


def _is_law(name: str) -> bool:
    return name.startswith("legal-") and name.endswith(".yaml")


def _read(named: Iterable[tuple[str, bytes]]) -> dict[str, tuple[LawFile, LawVersion]]:
    found: dict[str, tuple[LawFile, LawVersion]] = {}
    for name, content in named:
        try:
            text = content.decode()
        except UnicodeDecodeError as error:
            raise DataFileError(f"{name}: the file must be UTF-8") from error
        law = read_yaml(text, LawFile, name=name).with_days()
        if name != f"legal-{law.jurisdiction}.yaml":
            raise DataFileError(
                f"{name}: jurisdiction: the file must be named legal-JURISDICTION.yaml"
            )
        digest = hashlib.sha256(content).hexdigest()
        found[law.jurisdiction] = (law, LawVersion(law.jurisdiction, law.version, digest))
    return found


def _check_deadlines(found: Mapping[str, tuple[LawFile, LawVersion]]) -> None:
    """
    Check that no two files have a deadline with the same id.

    A clock names its deadline by the id alone, without the file.

    Raises:
        DataFileError: If two files have such a deadline.
    """
    seen: dict[str, str] = {}
    for jurisdiction, (law, _) in found.items():
        for each in law.deadlines:
            if each.id in seen:
                raise DataFileError(
                    f"legal-{jurisdiction}.yaml: deadlines entry {each.id}: "
                    f"legal-{seen[each.id]}.yaml has a deadline with this id too"
                )
            seen[each.id] = jurisdiction
