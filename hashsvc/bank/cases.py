"""The bank: every way in which a case or a content comes and goes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC

import argon2
from sqlalchemy import Connection

from hashsvc import audit
from hashsvc.bank.errors import (
    ContentExistsError,
    MinorError,
    NotSubmittableError,
    TooPlainError,
    UnknownCaseError,
    UnknownContentError,
)
from hashsvc.bank.numbers import is_case_number, new_case_number, new_pin
from hashsvc.clock import Clock, utc_now
from hashsvc.signals import PDQ, Signature, View
from hashsvc.store import Database, UnknownRowError, cases, requests
from hashsvc.store.cases import Case, Content
from hashsvc.store.ids import PublicContentId

MAX_SIGNALS = 120
"""A content has one signal of each whole-image algorithm and at most a hundred region signals."""

MAX_CONTENTS = 100
"""Contents that are added in one go."""

_PINS = argon2.PasswordHasher()


@dataclass(frozen=True, slots=True, repr=False)
class OpenedCase:
    """A new case's number, and its PIN, which is shown this once and kept only as Argon2id."""

    number: str
    pin: str


@dataclass(frozen=True, slots=True)
class NewContent:
    """One image as its holder submits it: an id made at random on their machine, a signature."""

    public_id: PublicContentId
    signature: Signature


@dataclass(frozen=True, slots=True)
class ContentView:
    """What is shown of a content: its id, quality and day."""

    content: PublicContentId
    quality: int
    added_on: str


@dataclass(frozen=True, slots=True)
class CaseView:
    """What is shown of a case."""

    number: str
    opened_on: str
    contents: tuple[ContentView, ...]


class Bank:
    """All live cases."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    def open_case(self, *, adult: bool, actor: str) -> OpenedCase:
        """
        Open a case without contents.

        Args:
            adult: Whether the person shown was an adult in every image.

            actor: Who opens it, for the audit log.

        Raises:
            MinorError: If not; nothing is stored then.
        """
        if not adult:
            raise MinorError(
                "This service is for images of adults, and has stored nothing. Child Focus helps "
                "when the person shown was under 18: telephone 116000, day and night, free."
            )
        opened = OpenedCase(new_case_number(), new_pin())
        pin_hash = _PINS.hash(opened.pin)
        with self._database.write() as connection:
            cases.open_case(connection, number=opened.number, pin_hash=pin_hash, day=self._today())
            self._record(connection, actor, "case.open", opened.number)
        return opened

    def view(self, number: str, *, actor: str) -> CaseView:
        """
        Return what is shown of a case.

        Raises:
            UnknownCaseError: If there is none with this number.
        """
        with self._database.write() as connection:
            case = _case(connection, number)
            contents = cases.contents_of(connection, case.id)
            self._record(connection, actor, "case.read", number)
        return CaseView(
            number=case.number,
            opened_on=case.opened_on,
            contents=tuple(
                ContentView(each.public_id, each.quality, each.added_on) for each in contents
            ),
        )

    def add_contents(self, number: str, contents: Sequence[NewContent], *, actor: str) -> None:
        """
        Add contents to a case: all of them, or none when one is refused.

        Raises:
            UnknownCaseError: If there is no such case.

            NotSubmittableError: If a content has no whole `pdq1` signal, one of another view,
                one algorithm of whole images twice, or more than MAX_SIGNALS.

            TooPlainError: If an image's quality is below PDQ's 50.

            ContentExistsError: If a content's id is taken.
        """
        for each in contents:
            _check_submittable(each.signature)
        public_ids = [each.public_id for each in contents]
        with self._database.write() as connection:
            case = _case(connection, number)
            if len(set(public_ids)) != len(public_ids) or cases.has_public_ids(
                connection, public_ids
            ):
                raise ContentExistsError(
                    "A content's id is random and used once; this one is taken."
                )
            for each in contents:
                cases.add_content(
                    connection,
                    case.id,
                    public_id=each.public_id,
                    quality=each.signature.quality,
                    day=self._today(),
                    signals=[
                        (viewed.signal.algorithm, viewed.view, viewed.signal.code)
                        for viewed in each.signature.signals
                    ],
                )
                self._record(connection, actor, "content.add", each.public_id)

    def withdraw_content(self, number: str, content: PublicContentId, *, actor: str) -> None:
        """
        Delete one content, its signals and its matches, in the files too; no search finds it again.

        Raises:
            UnknownCaseError: If there is no such case.

            UnknownContentError: If the case holds no such content.
        """
        with self._database.write() as connection:
            case = _case(connection, number)
            held = {each.public_id: each for each in cases.contents_of(connection, case.id)}
            if content not in held:
                raise UnknownContentError("The case holds no such content.")
            self._withdraw(connection, held[content], actor)
        self._database.forget_deleted()

    def withdraw_case(self, number: str, *, actor: str) -> int:
        """
        Delete a case with all its contents, signals and matches, and return how many contents.

        As with a single content, its bytes leave the files and no search finds it again.

        Raises:
            UnknownCaseError: If there is no such case.
        """
        with self._database.write() as connection:
            case = _case(connection, number)
            contents = cases.contents_of(connection, case.id)
            for each in contents:
                self._withdraw(connection, each, actor)
            cases.delete_case(connection, case.id)
            self._record(connection, actor, "case.withdraw", number)
        self._database.forget_deleted()
        return len(contents)

    def _withdraw(self, connection: Connection, content: Content, actor: str) -> None:
        requests.withdraw_for(connection, content.id, actor=actor, now=self._clock())
        cases.delete_content(connection, content.id)
        self._record(connection, actor, "content.withdraw", content.public_id)

    def _today(self) -> str:
        return self._clock().astimezone(UTC).date().isoformat()

    def _record(self, connection: Connection, actor: str, action: str, subject: str) -> None:
        audit.record(connection, actor=actor, action=action, subject=subject, now=self._clock())


def _case(connection: Connection, number: str) -> Case:
    if is_case_number(number):
        try:
            return cases.case_by_number(connection, number)
        except UnknownRowError as error:
            raise UnknownCaseError("There is no such case.") from error
    raise UnknownCaseError("There is no such case.")


def _check_submittable(signature: Signature) -> None:
    if len(signature.signals) > MAX_SIGNALS:
        raise NotSubmittableError(f"A content has at most {MAX_SIGNALS} signals.")
    if any(viewed.view is not View.WHOLE for viewed in signature.signals):
        raise NotSubmittableError("A content has signals of the view `whole` only.")
    whole = [
        viewed.signal.algorithm
        for viewed in signature.signals
        if not viewed.signal.profile.many_per_image
    ]
    if len(set(whole)) != len(whole):
        raise NotSubmittableError("A content has one signal of each algorithm for whole images.")
    if PDQ.name not in whole:
        raise NotSubmittableError(f"A content has a {PDQ.name} signal.")
    if signature.quality < PDQ.min_quality:
        raise TooPlainError(
            f"The image's quality is {signature.quality} of 100; below {PDQ.min_quality} it is "
            "too plain to tell from others."
        )
