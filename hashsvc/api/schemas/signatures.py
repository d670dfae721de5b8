"""Schemas for signatures: contents of a case, and lookups."""

from collections import Counter
from typing import Self

from pydantic import BaseModel, Field, model_validator

from hashsvc.access.lookups import LookupAnswer
from hashsvc.api.schemas.base import Body, Evidence, LongList, OpaqueId, Quality, SignalText
from hashsvc.bank import MAX_CONTENTS, NewContent
from hashsvc.matching import Tier
from hashsvc.signals import REGION, Signal, Signature, View, ViewedSignal
from hashsvc.store.ids import PublicContentId

# The most region signals that `sign_image` makes of each view. The view `whole` has 100. `part` has
# the other signals of the image as it is, and `mirror` has all signals of the mirrored image. Both
# come from up to 1,000 regions in two directions each.
_MOST_REGIONS = {View.WHOLE: 100, View.PART: 2_000, View.MIRROR: 2_000}
_MOST_SIGNALS = sum(_MOST_REGIONS.values()) + 100


class ViewedSignalIn(Body):
    """A signal and the view from which it was made."""

    signal: SignalText
    view: View = Field(
        description="View of the image. Contents have `whole` only; lookups may have any view."
    )


class SignatureIn(Body):
    """The signals of one image, made on the caller's machine."""

    quality: Quality
    signals: LongList[ViewedSignalIn] = Field(min_length=1, max_length=_MOST_SIGNALS)

    def signature(self) -> Signature:
        """
        Return the signature.

        Raises:
            SignalFormatError: If an algorithm is unknown, or a signal has the wrong length.
        """
        return Signature(
            self.quality,
            tuple(ViewedSignal(Signal.parse(each.signal), each.view) for each in self.signals),
        )


class LookupIn(SignatureIn):
    """The signals of one image, as `hashsvc match` makes them."""

    @model_validator(mode="after")
    def _is_of_one_image(self) -> Self:
        counts = Counter((each.signal.partition(":")[0], each.view) for each in self.signals)
        for (algorithm, view), count in counts.items():
            if algorithm == REGION.name:
                most = _MOST_REGIONS.get(view, 0)
                if count > most:
                    raise ValueError(f"An image has at most {most} {algorithm} of view {view}.")
            elif count > 1:
                raise ValueError("An image has one signal of each algorithm and view.")
        return self


class ContentIn(SignatureIn):
    """One image of a case: a random id and the image's signature."""

    content: OpaqueId

    def new_content(self) -> NewContent:
        """Return the content in the form that the bank takes."""
        return NewContent(PublicContentId(self.content), self.signature())


class ContentsIn(Body):
    """Contents to add. If one is refused, none is added."""

    contents: list[ContentIn] = Field(
        min_length=1, max_length=MAX_CONTENTS, description="The contents to add."
    )


class LookupOut(BaseModel):
    """One content that the signature matches. The answer does not say which."""

    pseudonym: OpaqueId = Field(
        description="A name for the content. A key always gets the same name, and other keys get "
        "other names. It is not an id."
    )
    tier: Tier = Field(
        description="Tier of the match. Only analysts of the content's organisation see `possible`."
    )
    evidence: Evidence | None = Field(
        description="The evidence, for analysts of the content's organisation. Null for others."
    )

    @classmethod
    def of(cls, answer: LookupAnswer) -> "LookupOut":
        return cls(pseudonym=answer.pseudonym, tier=answer.tier, evidence=answer.evidence)
