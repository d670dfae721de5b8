"""Signatures, as contents of a case and as lookups."""

from collections import Counter
from typing import Self

from pydantic import BaseModel, Field, model_validator

from hashsvc.access.lookups import LookupAnswer
from hashsvc.api.schemas.base import Body, Evidence, OpaqueId, Quality, SignalText
from hashsvc.bank import MAX_CONTENTS, NewContent
from hashsvc.matching import Tier
from hashsvc.signals import REGION, Signal, Signature, View, ViewedSignal
from hashsvc.store.ids import PublicContentId

# What `sign_image` makes at most: it keeps a hundred regions, and shows up to a thousand in two
# directions each, as they are and as in a mirror.
_MOST_REGIONS = {View.WHOLE: 100, View.PART: 2_000, View.MIRROR: 2_000}
_MOST_SIGNALS = sum(_MOST_REGIONS.values()) + 100


class ViewedSignalIn(Body):
    """A signal and the view it was made from."""

    signal: SignalText
    view: View = Field(description="Contents have `whole` only; lookups may have every view.")


class SignatureIn(Body):
    """The signals of one image, made on the sender's machine."""

    quality: Quality
    signals: list[ViewedSignalIn] = Field(min_length=1, max_length=_MOST_SIGNALS)

    def signature(self) -> Signature:
        """Return the signature; raises SignalFormatError for an unknown algorithm or width."""
        return Signature(
            self.quality,
            tuple(ViewedSignal(Signal.parse(each.signal), each.view) for each in self.signals),
        )


class LookupIn(SignatureIn):
    """The signals of one image, as `hashsvc match` makes them; no more than one image has."""

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
    """One image of a case: its random id and its signature."""

    content: OpaqueId

    def new_content(self) -> NewContent:
        """Return the content as the bank takes it."""
        return NewContent(PublicContentId(self.content), self.signature())


class ContentsIn(Body):
    """Contents to add: all of them, or none when one is refused."""

    contents: list[ContentIn] = Field(min_length=1, max_length=MAX_CONTENTS)


class LookupOut(BaseModel):
    """One content that a looked-up signature matches; which one is not told."""

    pseudonym: OpaqueId = Field(
        description="The same whenever this key finds this content; another for every other key."
    )
    tier: Tier = Field(description="`possible` is told to analysts of the content's organisation.")
    evidence: Evidence | None = Field(
        description="Null unless the key is an analyst's of the content's organisation."
    )

    @classmethod
    def of(cls, answer: LookupAnswer) -> "LookupOut":
        return cls(pseudonym=answer.pseudonym, tier=answer.tier, evidence=answer.evidence)
