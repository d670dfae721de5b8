"""Example facts for notices and annexes."""

from datetime import UTC, date, datetime

from hashsvc.removal.law.legal import Language
from hashsvc.removal.notices.facts import Decision, Earlier, Facts, Location, NoticeKind, Sender
from hashsvc.removal.notices.fields import Email, Explanation, NoticeReference, OneLine, WebAddress

PAGE_URL = "https://www.example.org/thread/7?post=3"
IMAGE_URL = "https://img.example.net/a/b.jpg?size=large"
REFERENCE = "0123456789abcdef" * 2
SEEN = datetime(2026, 5, 20, 8, 15, tzinfo=UTC)
WRITTEN = date(2026, 6, 1)
SENDER = Sender(
    OneLine("A Body"), Email("notices@body.example"), OneLine("A Street 1, 1000 Brussels")
)
LOCATION = Location(WebAddress(PAGE_URL), WebAddress(IMAGE_URL), SEEN)
EARLIER = Earlier(
    sent_on=date(2026, 5, 21),
    decision=Decision.REFUSED,
    provider=OneLine("A Site"),
    receipted_on=date(2026, 5, 22),
    decided_on=date(2026, 5, 24),
    reason=Explanation("Within our rules."),
)


def facts_of(
    kind: NoticeKind = NoticeKind.DSA_NOTICE, language: Language = Language.EN, **more: object
) -> Facts:
    """Return the facts of a notice with one location; `more` replaces single facts."""
    about = kind in {NoticeKind.COMPLAINT, NoticeKind.COORDINATOR}
    values: dict[str, object] = {
        "kind": kind,
        "language": language,
        "reference": NoticeReference(REFERENCE),
        "sender": SENDER,
        "recipient": OneLine("A Site"),
        "locations": (LOCATION,),
        "written_on": WRITTEN,
        "earlier": EARLIER if about else None,
        "signatory": OneLine("Ann Example, head of unit")
        if kind is NoticeKind.TAKE_IT_DOWN
        else None,
    }
    return Facts(**{**values, **more})  # type: ignore[arg-type]


def flat(text: str) -> str:
    """Return a text with one space in place of each run of spaces and line ends."""
    return " ".join(text.split())
