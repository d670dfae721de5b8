"""What a content is when it comes, and what is refused at the door."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from hashsvc.bank.errors import CommonImageError, NotSubmittableError, TooPlainError
from hashsvc.bank.lists import ImageList, Listed
from hashsvc.signals import PDQ, PHASH, Signature, View
from hashsvc.store.ids import PublicContentId

MAX_SIGNALS = 120
"""A content has one signal of each whole-image algorithm and at most a hundred region signals."""

MAX_CONTENTS = 100
"""Contents that are added in one go."""

# Both set the bits above a median, which are half of them in each of 299 photographs; on a surface
# of one colour there is nothing to be above. How far from a half the share may be: four standard
# deviations of random bits.
_MOST_OFF = {PDQ.name: 0.125, PHASH.name: 0.25}

Screening = Callable[[Connection, Signature], Listed | None]
"""Tells which listed image a signature is like; None for none."""


@dataclass(frozen=True, slots=True)
class NewContent:
    """One image as its holder submits it: an id made at random on their machine, a signature."""

    public_id: PublicContentId
    signature: Signature


def refuse_common(likenesses: Sequence[Listed | None]) -> None:
    """
    Refuse contents one of which is like a common image.

    Raises:
        CommonImageError: With the number of the first such one, from 1.
    """
    for number, likeness in enumerate(likenesses, start=1):
        if likeness is not None and likeness.kind is ImageList.COMMON:
            raise CommonImageError(
                f"Image {number} is one that many have, such as a logo, an icon or a pattern; it "
                "would be found where nothing of this case is."
            )


def check_submittable(signature: Signature) -> None:
    """
    Check that a signature is one that a content may have.

    Raises:
        NotSubmittableError: If it has no whole `pdq1` signal, one of another view, one algorithm of
            whole images twice, or more than MAX_SIGNALS.

        TooPlainError: If the image's quality is below PDQ's 50, or, whatever quality is claimed,
            its signals are those of a surface of one colour.
    """
    if len(signature.signals) > MAX_SIGNALS:
        raise NotSubmittableError(f"A content has at most {MAX_SIGNALS} signals.")
    if any(viewed.view is not View.WHOLE for viewed in signature.signals):
        raise NotSubmittableError("A content has signals of the view `whole` only.")
    whole = [
        viewed.signal.algorithm
        for viewed in signature.signals
        if not viewed.signal.profile.many_per_image
    ]
    if len(set(whole)) != len(whole):
        raise NotSubmittableError("A content has one signal of each algorithm for whole images.")
    if PDQ.name not in whole:
        raise NotSubmittableError(f"A content has a {PDQ.name} signal.")
    if signature.quality < PDQ.min_quality:
        raise TooPlainError(
            f"The image's quality is {signature.quality} of 100; below {PDQ.min_quality} it is "
            "too plain to tell from others."
        )
    _refuse_flat(signature)


def _refuse_flat(signature: Signature) -> None:
    for viewed in signature.signals:
        share = int.from_bytes(viewed.signal.code).bit_count() / viewed.signal.profile.bits
        if abs(share - 0.5) > _MOST_OFF.get(viewed.signal.algorithm, 1):
            raise TooPlainError(
                "The image's signals are those of a blank one, of one colour or nearly so."
            )
