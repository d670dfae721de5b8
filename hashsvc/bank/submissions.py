"""Submitted contents, and the checks that refuse unsuitable ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from hashsvc.bank.errors import CommonImageError, NotSubmittableError, TooPlainError
from hashsvc.bank.lists import ImageList, Listed
from hashsvc.signals import PDQ, PHASH, Signature, View
from hashsvc.store.ids import PublicContentId

MAX_SIGNALS = 120
"""
Largest number of signals of a content.

A content has one signal of each whole-image algorithm and at most a hundred region signals.
"""

MAX_CONTENTS = 100
"""How many contents one call may add."""

# Both algorithms set a bit if its value is above the median. In each of 299 photographs half of the
# bits were set. On a surface of one colour no value is above the median, so no bit is set. A code
# whose share of set bits differs from a half by more than this is refused. The limits are four
# standard deviations of random bits.
_MOST_OFF = {PDQ.name: 0.125, PHASH.name: 0.25}

Screening = Callable[[Connection, Signature], Listed | None]
"""Returns the listed image that a signature resembles, or None."""


@dataclass(frozen=True, slots=True)
class NewContent:
    """One image as its holder submits it: a random id chosen on their machine, and a signature."""

    public_id: PublicContentId
    signature: Signature


def refuse_common(likenesses: Sequence[Listed | None]) -> None:
    """
    Refuse contents if one of them resembles a common image.

    Raises:
        CommonImageError: If one does; the message gives its number, counted from 1.
    """
    for number, likeness in enumerate(likenesses, start=1):
        if likeness is not None and likeness.kind is ImageList.COMMON:
            raise CommonImageError(
                f"Image {number} is one that many people have, such as a logo, an icon or a "
                "pattern. It would match images that have nothing to do with this case."
            )


def check_submittable(signature: Signature) -> None:
    """
    Check that a content may have this signature.

    Raises:
        NotSubmittableError: If it has no `pdq1` signal, a signal of a view other than `whole`, two
            signals of one whole-image algorithm, or more signals than MAX_SIGNALS.

        TooPlainError: If the image's quality is below PDQ's 50, or if its signals are those of a
            surface of one colour, even if the caller claims a higher quality.
    """
    if len(signature.signals) > MAX_SIGNALS:
        raise NotSubmittableError(f"A content may have at most {MAX_SIGNALS} signals.")
    if any(viewed.view is not View.WHOLE for viewed in signature.signals):
        raise NotSubmittableError("A content may have signals of the view `whole` only.")
    whole = [
        viewed.signal.algorithm
        for viewed in signature.signals
        if not viewed.signal.profile.many_per_image
    ]
    if len(set(whole)) != len(whole):
        raise NotSubmittableError(
            "A content may have only one signal of each whole-image algorithm."
        )
    if PDQ.name not in whole:
        raise NotSubmittableError(f"A content must have a {PDQ.name} signal.")
    if signature.quality < PDQ.min_quality:
        raise TooPlainError(
            f"The image's quality is {signature.quality} of 100. Below {PDQ.min_quality} an image "
            "is too plain to tell from others."
        )
    _refuse_flat(signature)


def _refuse_flat(signature: Signature) -> None:
    for viewed in signature.signals:
        share = int.from_bytes(viewed.signal.code).bit_count() / viewed.signal.profile.bits
        if abs(share - 0.5) > _MOST_OFF.get(viewed.signal.algorithm, 1):
            raise TooPlainError(
                "The image's signals are those of a blank image, of one colour or nearly so."
            )
