"""The facts that a notice states. Each has a type that checks its value when it is created."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from hashsvc.removal.days import day_of
from hashsvc.removal.errors import BadNoticeError
from hashsvc.removal.law.legal import Language
from hashsvc.removal.notices.fields import (
    Email,
    Explanation,
    Host,
    NoticeReference,
    OneLine,
    WebAddress,
)

MOST_LOCATIONS = 1_000
"""The most locations in one notice. A platform with more locations gets several notices."""


class NoticeKind(StrEnum):
    """The kind of document. The value is the first part of the template's file name."""

    DSA_NOTICE = "dsa-notice"
    """To a hosting service, under Article 16 of the Digital Services Act."""

    TAKE_IT_DOWN = "take-it-down"
    """To a platform under the law of the United States; signed by an authorised person."""

    COMPLAINT = "complaint"
    """To the platform, against its decision: Article 20 of the Digital Services Act."""

    COORDINATOR = "coordinator"
    """To the Digital Services Coordinator, about how a platform handled a notice."""

    HOST = "host"
    """To the company that provides a site's machines, network or domain name."""


class Decision(StrEnum):
    """A platform's answer to a notice."""

    REFUSED = "refused"
    PARTIAL = "partial"
    IDENTITY_ASKED = "identity-asked"
    NO_ANSWER = "no-answer"


@dataclass(frozen=True, slots=True)
class Sender:
    """
    The organisation that sends the notice, never the person shown.

    Attributes:
        contact: A postal address or telephone number, on one line.
    """

    name: OneLine
    email: Email
    contact: OneLine | None = None


@dataclass(frozen=True, slots=True)
class Location:
    """
    Where an image is, when it was first seen there, and when it was posted, if that is known.

    Attributes:
        first_seen: When the organisation first saw the image there; aware.

        posted_on: The day on which somebody posted the image there, in Belgium's time zone.
    """

    page_url: WebAddress
    image_url: WebAddress | None
    first_seen: datetime
    posted_on: date | None = None

    def __post_init__(self) -> None:
        if self.first_seen.tzinfo is None:
            raise BadNoticeError("A time in a notice must have a time zone.")
        if self.posted_on is not None and self.posted_on > self.seen_on:
            raise BadNoticeError("An image cannot be posted after the day it was first seen.")

    @property
    def seen_on(self) -> date:
        """The day on which the image was first seen, in Belgium's time zone."""
        return day_of(self.first_seen)

    @property
    def deed_day(self) -> date:
        """The day whose criminal law counts: the day of posting if known, else `seen_on`."""
        return self.seen_on if self.posted_on is None else self.posted_on


@dataclass(frozen=True, slots=True)
class Earlier:
    """The notice that a complaint or a referral is about, and the platform's answer."""

    sent_on: date
    decision: Decision
    provider: OneLine | Host
    receipted_on: date | None = None
    decided_on: date | None = None
    reason: Explanation | None = None
    provider_reference: OneLine | None = None

    def __post_init__(self) -> None:
        later = [each for each in (self.receipted_on, self.decided_on) if each is not None]
        if any(each < self.sent_on for each in later):
            raise BadNoticeError(
                "The days of receipt and decision cannot be before the day of sending."
            )
        if (self.decided_on is None) != (self.decision is Decision.NO_ANSWER):
            raise BadNoticeError("State the day of a decision; state no day if there is no answer.")


@dataclass(frozen=True, slots=True)
class Facts:
    """
    All facts that a document states.

    Attributes:
        recipient: The platform, host or coordinator that receives the document.

        written_on: The day of the document. The document cites the offence that was in force on
            each location's `deed_day`, and otherwise the law that is in force on `written_on`.

        explanation: The organisation's own reasons, added to those in the template.

        signatory: Name and role of the authorised person who signs. A US notice needs one.

        earlier: The notice that a complaint or a referral is about.

        jurisdiction: The jurisdiction whose criminal law the document cites.
    """

    kind: NoticeKind
    language: Language
    reference: NoticeReference
    sender: Sender
    recipient: OneLine | Host
    locations: tuple[Location, ...]
    written_on: date
    explanation: Explanation | None = None
    signatory: OneLine | None = None
    earlier: Earlier | None = None
    jurisdiction: str = "be"

    def __post_init__(self) -> None:
        if not 1 <= len(self.locations) <= MOST_LOCATIONS:
            raise BadNoticeError(f"A notice has 1 to {MOST_LOCATIONS} locations.")
        if self.kind is NoticeKind.TAKE_IT_DOWN and self.signatory is None:
            raise BadNoticeError("A notice under the TAKE IT DOWN Act needs a signatory.")
        needs_earlier = self.kind in {NoticeKind.COMPLAINT, NoticeKind.COORDINATOR}
        if needs_earlier != (self.earlier is not None):
            raise BadNoticeError(
                "A complaint or a referral must have an earlier notice; no other document may."
            )
        decision = self.earlier.decision if self.earlier else None
        if self.kind is NoticeKind.COMPLAINT and decision is Decision.NO_ANSWER:
            raise BadNoticeError("An internal complaint needs a decision to complain about.")

    @property
    def deed_days(self) -> tuple[date, ...]:
        """The days whose criminal law the document cites, each once, in order."""
        return tuple(sorted({each.deed_day for each in self.locations}))
