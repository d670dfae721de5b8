"""The states of a removal request, and which may follow which."""

from enum import StrEnum


class State(StrEnum):
    """Where a removal request stands."""

    DRAFT = "draft"
    APPROVED = "approved"
    SENT = "sent"
    RECEIPTED = "receipted"
    REMOVED = "removed"
    """The platform says that it removed the image; re-checks show whether it did."""

    REFUSED = "refused"
    PARTIAL = "partial"
    IDENTITY_ASKED = "identity-asked"
    """The platform asks who the person shown is before it does anything."""

    SILENT = "silent"
    """The platform did not answer within the law's or the organisation's own limit."""

    COMPLAINED = "complained"
    ESCALATED = "escalated"
    ORDER_SOUGHT = "order-sought"
    ORDER_SERVED = "order-served"
    COMPLIED = "complied"
    BREACHED = "breached"
    REVOKED = "revoked"
    GONE = "gone"
    """Two re-checks in a row, some time apart, did not find the image."""

    REAPPEARED = "reappeared"
    """The image was gone and is back. A new request continues this one."""

    WITHDRAWN = "withdrawn"


_ANSWERS = frozenset({State.REMOVED, State.REFUSED, State.PARTIAL, State.IDENTITY_ASKED})
_BEYOND = frozenset({State.ESCALATED, State.ORDER_SOUGHT})

MOVES: dict[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.APPROVED, State.WITHDRAWN}),
    State.APPROVED: frozenset({State.SENT, State.WITHDRAWN}),
    State.SENT: _ANSWERS | _BEYOND | {State.RECEIPTED, State.SILENT},
    State.RECEIPTED: _ANSWERS | _BEYOND | {State.SILENT},
    State.REMOVED: _BEYOND | {State.REFUSED, State.PARTIAL, State.COMPLAINED},
    State.REFUSED: _BEYOND | {State.SENT, State.REMOVED, State.PARTIAL, State.COMPLAINED},
    State.PARTIAL: _BEYOND | {State.SENT, State.REMOVED, State.REFUSED, State.COMPLAINED},
    State.IDENTITY_ASKED: _BEYOND | _ANSWERS | {State.SENT, State.SILENT, State.COMPLAINED},
    State.SILENT: _BEYOND | _ANSWERS | {State.SENT, State.RECEIPTED},
    State.COMPLAINED: _BEYOND | _ANSWERS | {State.SILENT},
    State.ESCALATED: _ANSWERS | {State.RECEIPTED, State.COMPLAINED, State.ORDER_SOUGHT},
    State.ORDER_SOUGHT: frozenset({State.ORDER_SERVED, State.REMOVED, State.REVOKED}),
    State.ORDER_SERVED: frozenset({State.COMPLIED, State.BREACHED, State.REVOKED}),
    State.BREACHED: frozenset({State.COMPLIED, State.REVOKED}),
    State.COMPLIED: frozenset({State.BREACHED}),
    State.REVOKED: _BEYOND | {State.COMPLAINED},
    State.GONE: _ANSWERS | {State.RECEIPTED},
}
"""
The moves that an analyst may make. Only re-checks lead to `gone` and `reappeared`.

If a platform answers about an image that is gone, the service records the answer, and the state
stays `gone`.
"""

RECHECKED = frozenset(State) - {State.DRAFT, State.APPROVED, State.REAPPEARED, State.WITHDRAWN}
"""The states in which the service re-checks the image, which may disappear or come back."""

WAITING = frozenset({State.SENT, State.RECEIPTED})
"""The states in which the platform owes an answer to the notice."""

DECIDED = _ANSWERS
"""The states that record a platform's answer."""


class Outcome(StrEnum):
    """What one re-check saw."""

    STILL_THERE = "still-there"
    IMAGE_GONE = "image-gone"
    IMAGE_REPLACED = "image-replaced"
    """The image's own address shows another image, and the page does not show the image."""

    PAGE_GONE = "page-gone"
    UNREACHABLE = "unreachable"
    """A login wall, a block by country or an error is in the way: an analyst has to look."""


ABSENT = frozenset({Outcome.IMAGE_GONE, Outcome.IMAGE_REPLACED, Outcome.PAGE_GONE})
"""The outcomes of a check that did not find the image."""
