"""The states of a removal request, and which may follow which."""

from enum import StrEnum


class State(StrEnum):
    """Where a removal request stands."""

    DRAFT = "draft"
    APPROVED = "approved"
    SENT = "sent"
    RECEIPTED = "receipted"
    REFUSED = "refused"
    GONE = "gone"
    REAPPEARED = "reappeared"
    WITHDRAWN = "withdrawn"


MOVES: dict[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.APPROVED}),
    State.APPROVED: frozenset({State.SENT}),
    State.SENT: frozenset({State.RECEIPTED, State.REFUSED}),
    State.RECEIPTED: frozenset({State.REFUSED}),
    State.REFUSED: frozenset({State.SENT}),
    State.REAPPEARED: frozenset({State.SENT}),
}
"""The moves that an analyst may make; `gone` and `reappeared` need a re-check's evidence."""

RECHECKED = frozenset({State.SENT, State.RECEIPTED, State.REFUSED, State.GONE, State.REAPPEARED})
"""The states in which a re-check may find the image gone, or back."""
