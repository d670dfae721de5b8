"""The bank: opening, viewing, renewing and withdrawing cases, adding and withdrawing contents."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Connection

from hashsvc import audit
from hashsvc.bank.consents import CONSENT_VERSION, FIRST_CONSENTS, ConsentKind
from hashsvc.bank.errors import (
    ContentExistsError,
    MinorError,
    UnknownCaseError,
    UnknownContentError,
)
from hashsvc.bank.finding import find_case
from hashsvc.bank.lists import Listed
from hashsvc.bank.numbers import new_case_number, new_pin
from hashsvc.bank.pins import hash_pin
from hashsvc.bank.submissions import NewContent, Screening, check_submittable, refuse_common
from hashsvc.clock import Clock, utc_now
from hashsvc.store import Database, cases, consents, erasures, notices, pending, rekeying, requests
from hashsvc.store.cases import Case, Content
from hashsvc.store.ids import (
    DEFAULT_ORGANISATION,
    OrganisationId,
    PublicContentId,
)

LIFETIME_DAYS = 730
"""Days from the opening or renewal of a case to its end, unless the settings say otherwise."""

WARNED_DAYS = 30
"""A case is shown as ending soon when it ends within this many days."""


@dataclass(frozen=True, slots=True, repr=False)
class OpenedCase:
    """A new case's number and PIN; the PIN is shown only once, and stored only as Argon2id."""

    number: str
    pin: str


@dataclass(frozen=True, slots=True)
class ContentView:
    """What is shown of a content; `pending` means that an analyst must release it first."""

    content: PublicContentId
    quality: int
    added_on: str
    pending: bool = False


@dataclass(frozen=True, slots=True)
class CaseView:
    """
    What is shown of a case.

    Attributes:
        ends_on: The first day on which the case no longer exists, unless it is renewed before;
            None if it lasts until it is withdrawn.

        ends_soon: Whether the case ends within WARNED_DAYS.
    """

    number: str
    opened_on: str
    ends_on: str | None
    ends_soon: bool
    contents: tuple[ContentView, ...]


class Bank:
    """
    All live cases.

    Args:
        lifetime_days: Days from the opening or renewal of a case to its end.

        screen: Returns the listed image that a content resembles; None turns this check off.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock = utc_now,
        *,
        lifetime_days: int = LIFETIME_DAYS,
        screen: Screening | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._lifetime = timedelta(days=lifetime_days)
        self._screen = screen

    def open_case(
        self,
        *,
        adult: bool,
        actor: str,
        organisation_id: OrganisationId = DEFAULT_ORGANISATION,
        consented: Collection[ConsentKind] = FIRST_CONSENTS,
    ) -> OpenedCase:
        """
        Open a case without contents.

        Args:
            adult: Whether the person shown was an adult in every image.

            actor: Id of the key that opens the case, for the audit log.

            organisation_id: The organisation that the case belongs to. To all other organisations
                the case does not exist.

            consented: What the person shown agreed to besides ConsentKind.HASH.

        Raises:
            MinorError: If the person shown was not an adult; nothing is stored then.
        """
        if not adult:
            raise MinorError(
                "This service is only for images of adults, and has stored nothing. If the person "
                "shown was under 18, Child Focus helps: telephone 116000, day and night, free."
            )
        opened = OpenedCase(new_case_number(), new_pin())
        pin_hash, today = hash_pin(opened.pin), self._today().isoformat()
        with self._database.write() as connection:
            cases.open_case(
                connection,
                number=opened.number,
                pin_hash=pin_hash,
                day=today,
                ends_on=self._new_end(),
                organisation_id=organisation_id,
            )
            case_id = cases.case_by_number(connection, opened.number).id
            for kind in sorted({ConsentKind.HASH, *consented}):
                consents.give(connection, case_id, kind=kind, version=CONSENT_VERSION, day=today)
            self._record(connection, actor, "case.open", opened.number)
        return opened

    def view(
        self, number: str, *, actor: str, organisation_id: OrganisationId | None = None
    ) -> CaseView:
        """
        Return what is shown of a case.

        Args:
            organisation_id: The organisation that the case must belong to; None accepts any. The
                other methods use it in the same way.

        Raises:
            UnknownCaseError: If there is no such case.
        """
        with self._database.write() as connection:
            case = find_case(connection, number, organisation_id)
            contents = cases.contents_of(connection, case.id)
            pending_ids = set(pending.pending_of(connection, case.id))
            self._record(connection, actor, "case.read", number)
        return CaseView(
            number=case.number,
            opened_on=case.opened_on,
            ends_on=case.ends_on,
            ends_soon=self._ends_by(case, self._today() + timedelta(days=WARNED_DAYS)),
            contents=tuple(
                ContentView(each.public_id, each.quality, each.added_on, each.id in pending_ids)
                for each in contents
            ),
        )

    def add_contents(
        self,
        number: str,
        contents: Sequence[NewContent],
        *,
        actor: str,
        organisation_id: OrganisationId | None = None,
    ) -> None:
        """
        Add contents to a case: all of them, or none if one of them is refused.

        A content that resembles a protected image is pending: no search finds it until an analyst
        releases it.

        Raises:
            UnknownCaseError: If there is no such case.

            NotSubmittableError: If a content has no `pdq1` signal, a signal of a view other than
                `whole`, two signals of one whole-image algorithm, or more signals than MAX_SIGNALS.

            TooPlainError: If an image's quality is below PDQ's 50, or the image is blank.

            CommonImageError: If an image is a common one, such as a logo.

            ContentExistsError: If a content's id is taken.
        """
        for each in contents:
            check_submittable(each.signature)
        public_ids = [each.public_id for each in contents]
        with self._database.write() as connection:
            case = find_case(connection, number, organisation_id)
            taken = cases.has_public_ids(connection, public_ids)
            # A withdrawn content's id stays taken: a restore erases that id again, and would also
            # erase a new content that had the same id.
            taken = taken or erasures.has_any(connection, public_ids)
            if taken or len(set(public_ids)) != len(public_ids):
                raise ContentExistsError(
                    "A content's id must be random and new; one of these ids is taken."
                )
            likenesses = [
                self._screen(connection, each.signature) if self._screen else None
                for each in contents
            ]
            refuse_common(likenesses)
            for each, likeness in zip(contents, likenesses, strict=True):
                self._add(connection, case, each, likeness, actor)

    def withdraw_content(
        self,
        number: str,
        content: PublicContentId,
        *,
        actor: str,
        organisation_id: OrganisationId | None = None,
    ) -> None:
        """
        Delete one content, its signals and its matches; no search finds it again.

        The case gets a new data key, so that nobody can open leftover bytes of the content.

        Raises:
            UnknownCaseError: If there is no such case.

            UnknownContentError: If the case has no such content.
        """
        with self._database.write() as connection:
            case = find_case(connection, number, organisation_id)
            contents = {each.public_id: each for each in cases.contents_of(connection, case.id)}
            if content not in contents:
                raise UnknownContentError("The case has no such content.")
            self._withdraw(connection, contents[content], actor)
            erasures.add(connection, content, now=self._clock())
            rekeying.rekey(connection, case.id)
        self._database.finish_erasures()

    def withdraw_case(
        self, number: str, *, actor: str, organisation_id: OrganisationId | None = None
    ) -> int:
        """
        Delete a case with all its contents, signals and matches; return how many contents it had.

        The case's data key is destroyed, so that nobody can open leftover bytes of the case. No
        search finds its contents again.

        Raises:
            UnknownCaseError: If there is no such case.
        """
        with self._database.write() as connection:
            case = find_case(connection, number, organisation_id)
            ended = self._end(connection, case, actor, "case.withdraw")
        self._database.finish_erasures()
        return ended

    def renew_case(self, number: str, *, actor: str) -> str:
        """
        Extend a case to a full lifetime from today, and return the day on which it now ends.

        Raises:
            UnknownCaseError: If there is no such case.
        """
        with self._database.write() as connection:
            case, ends_on = find_case(connection, number), self._new_end()
            cases.set_end(connection, case.id, ends_on)
            self._record(connection, actor, "case.renew", number)
        return ends_on

    def end_due_cases(self, *, actor: str) -> int:
        """Withdraw every case whose last day has passed, and return how many were withdrawn."""
        with self._database.read() as connection:
            due = cases.numbers_ending_by(connection, self._today().isoformat())
        ended = 0
        for number in due:
            with self._database.write() as connection:
                try:
                    case = find_case(connection, number)
                except UnknownCaseError:
                    continue
                # The holder may have renewed the case since the list was read.
                if self._ends_by(case, self._today()):
                    self._end(connection, case, actor, "case.expired")
                    ended += 1
        if ended:
            self._database.finish_erasures()
        return ended

    def _add(
        self,
        connection: Connection,
        case: Case,
        new: NewContent,
        likeness: Listed | None,
        actor: str,
    ) -> None:
        content_id = cases.add_content(
            connection,
            case.id,
            public_id=new.public_id,
            quality=new.signature.quality,
            day=self._today().isoformat(),
            signals=[
                (viewed.signal.algorithm, viewed.view, viewed.signal.code)
                for viewed in new.signature.signals
            ],
            pending=likeness is not None,
        )
        self._record(connection, actor, "content.add", new.public_id)
        if likeness is not None:
            pending.add(
                connection,
                content_id,
                reason=likeness.kind,
                label=likeness.label,
                # Only the day is stored, as for all contents: nobody needs the time.
                now=datetime.combine(self._today(), time(), UTC),
            )
            self._record(connection, actor, "content.hold", new.public_id)

    def _end(self, connection: Connection, case: Case, actor: str, action: str) -> int:
        contents = cases.contents_of(connection, case.id)
        for each in contents:
            self._withdraw(connection, each, actor)
        cases.delete_case(connection, case.id)
        erasures.add(connection, case.key_id, now=self._clock())
        self._record(connection, actor, action, case.number)
        return len(contents)

    def _withdraw(self, connection: Connection, content: Content, actor: str) -> None:
        requests.withdraw_for(
            connection,
            content.id,
            actor=actor,
            now=self._clock(),
            record=lambda action, subject: self._record(connection, actor, action, subject),
        )
        notices.delete_empty(connection)
        cases.delete_content(connection, content.id)
        self._record(connection, actor, "content.withdraw", content.public_id)

    def _today(self) -> date:
        return self._clock().astimezone(UTC).date()

    def _new_end(self) -> str:
        return (self._today() + self._lifetime).isoformat()

    def _ends_by(self, case: Case, day: date) -> bool:
        return case.ends_on is not None and case.ends_on <= day.isoformat()

    def _record(self, connection: Connection, actor: str, action: str, subject: str) -> int:
        now = self._clock()
        return audit.record(connection, actor=actor, action=action, subject=subject, now=now)
