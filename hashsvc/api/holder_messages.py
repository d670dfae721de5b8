"""
What holders are told of their case, in plain words.

Each sentence has a key and values, so that whoever shows it may say the same in another language.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from hashsvc.bank import CaseView, HolderView
from hashsvc.removal import State
from hashsvc.store.holder_views import RequestState

TEXTS: dict[str, str] = {
    "case.ends": "This case ends on {day}. All of it is deleted then, unless you renew it before.",
    "case.ends-soon": (
        "This case ends soon, on {day}. All of it is deleted then, unless you renew it before."
    ),
    "case.stays": "This case stays until you withdraw it.",
    "contents.none": "No image is in this case, so that none is looked for.",
    "contents.pending": "Images that a person has to look at before they are looked for: {count}.",
    "matches.none": "No copy was found so far.",
    "matches.suspected": "Possible copies that a person has yet to look at: {count}.",
    "matches.confirmed": "Copies that were found: {count}.",
    "matches.dismissed": "Images that looked alike and are others: {count}.",
    "request.draft": "A request to remove an image from {platform} is being prepared.",
    "request.approved": "A request to remove an image from {platform} is ready to be sent.",
    "request.sent": "On {day} {platform} was asked to remove an image. It has not answered yet.",
    "request.receipted": "On {day} {platform} said that it has the request to remove an image.",
    "request.refused": "On {day} {platform} refused to remove an image. We go on with it.",
    "request.removed": "On {day} {platform} said that it removed an image. We check that.",
    "request.partial": "On {day} {platform} removed a part of it. We go on with the rest.",
    "request.identity-asked": (
        "On {day} {platform} asked who you are. We do not tell, and go on without."
    ),
    "request.silent": "{platform} did not answer in time; that was on {day}. We go on with it.",
    "request.complained": "On {day} we complained to {platform} about its answer.",
    "request.escalated": "On {day} we turned to others who can act on {platform}.",
    "request.order-sought": "On {day} a court was asked to order {platform} to remove an image.",
    "request.order-served": "On {day} {platform} was given the order of a court.",
    "request.complied": "On {day} {platform} said that it followed the order. We check that.",
    "request.breached": "On {day} {platform} had not followed the order of the court in time.",
    "request.revoked": "On {day} the order of the court to {platform} was taken back.",
    "request.gone": "An image is gone from {platform}. We saw that on {day}.",
    "request.reappeared": "An image was gone from {platform} and was seen there again on {day}.",
    "request.withdrawn": "On {day} a request to {platform} was ended, as you withdrew the image.",
}


@dataclass(frozen=True, slots=True)
class Message:
    """A sentence: which one it is, what is put into it, and the English text."""

    key: str
    values: Mapping[str, str]

    @property
    def text(self) -> str:
        """The sentence in English."""
        return TEXTS[self.key].format_map(self.values)


def of_case(holding: HolderView) -> list[Message]:
    """Return what there is to say of a case as a whole."""
    messages = [_end(holding.case)]
    if not holding.case.contents:
        messages.append(Message("contents.none", {}))
    pending = sum(each.pending for each in holding.case.contents)
    if pending:
        messages.append(Message("contents.pending", {"count": str(pending)}))
    if not holding.matches:
        messages.append(Message("matches.none", {}))
    return messages + [
        Message(f"matches.{state}", {"count": str(holding.matches[state])})
        for state in ("confirmed", "suspected", "dismissed")
        if state in holding.matches
    ]


def of_request(request: RequestState) -> Message:
    """Return what there is to say of a removal request."""
    values = {"platform": request.platform, "day": request.since.date().isoformat()}
    return Message(f"request.{State(request.state)}", values)


def _end(case: CaseView) -> Message:
    if case.ends_on is None:
        return Message("case.stays", {})
    return Message("case.ends-soon" if case.ends_soon else "case.ends", {"day": case.ends_on})
