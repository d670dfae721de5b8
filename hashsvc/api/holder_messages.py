"""
Messages that tell holders the state of their case in plain words.

Each message has a key and values, so that a client can show it in another language.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from hashsvc.bank import CaseView, HolderView
from hashsvc.removal import State
from hashsvc.store.holder_views import RequestState

TEXTS: dict[str, str] = {
    "case.ends": "This case ends on {day}. All of it is deleted then, unless you renew it first.",
    "case.ends-soon": (
        "This case ends soon, on {day}. All of it is deleted then, unless you renew it first."
    ),
    "case.stays": "This case stays until you withdraw it.",
    "contents.none": "There are no images in this case, so we are not looking for any.",
    "contents.pending": "Images that a person has to check before we look for copies: {count}.",
    "matches.none": "No copies have been found so far.",
    "matches.suspected": "Possible copies that a person still has to check: {count}.",
    "matches.confirmed": "Copies found: {count}.",
    "matches.dismissed": "Similar images that turned out not to be copies: {count}.",
    "request.draft": "A request to remove an image from {platform} is being prepared.",
    "request.approved": "A request to remove an image from {platform} is ready to be sent.",
    "request.sent": "On {day} we asked {platform} to remove an image. It has not answered yet.",
    "request.receipted": "On {day} {platform} confirmed that it has our request.",
    "request.refused": "On {day} {platform} refused to remove an image. We are pursuing this.",
    "request.removed": "On {day} {platform} said that it removed an image. We are checking that.",
    "request.partial": (
        "On {day} {platform} removed part of what we reported. We are pursuing the rest."
    ),
    "request.identity-asked": (
        "On {day} {platform} asked who you are. We do not tell them, and keep pursuing the request."
    ),
    "request.silent": "{platform} had not answered by the deadline on {day}. We are pursuing this.",
    "request.complained": "On {day} we complained to {platform} about its answer.",
    "request.escalated": "On {day} we took this beyond {platform}, to others who can act.",
    "request.order-sought": "On {day} a court was asked to order {platform} to remove an image.",
    "request.order-served": "On {day} {platform} received the court's order.",
    "request.complied": "On {day} {platform} said that it obeyed the order. We are checking that.",
    "request.breached": (
        "On {day} we noted that {platform} had not followed the court's order in time."
    ),
    "request.revoked": "On {day} the court's order to {platform} was revoked.",
    "request.gone": "An image is gone from {platform}. We saw that on {day}.",
    "request.reappeared": "An image was gone from {platform}, but we saw it there again on {day}.",
    "request.withdrawn": "On {day} we ended a request to {platform}: you withdrew the image.",
}


@dataclass(frozen=True, slots=True)
class Message:
    """A message for the holder: its key in TEXTS, and the values that the text contains."""

    key: str
    values: Mapping[str, str]

    @property
    def text(self) -> str:
        """The message in English."""
        return TEXTS[self.key].format_map(self.values)


def of_case(holding: HolderView) -> list[Message]:
    """Return the messages about a case as a whole."""
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
    """Return the message about a removal request."""
    values = {"platform": request.platform, "day": request.since.date().isoformat()}
    return Message(f"request.{State(request.state)}", values)


def _end(case: CaseView) -> Message:
    if case.ends_on is None:
        return Message("case.stays", {})
    return Message("case.ends-soon" if case.ends_soon else "case.ends", {"day": case.ends_on})
