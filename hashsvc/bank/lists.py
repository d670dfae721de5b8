"""
The operator's lists of images.

A content like a common image is refused; a content like a protected image waits for an analyst.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from hashsvc import audit
from hashsvc.bank.errors import NotSubmittableError, UnknownLabelError
from hashsvc.clock import Clock, utc_now
from hashsvc.signals import PDQ, REGION, Signature, View
from hashsvc.store import Database, listed
from hashsvc.store.ids import LabelId, random_id
from hashsvc.store.listed import ListedImage


class ImageList(StrEnum):
    """What a list is for."""

    COMMON = "common"
    """Images that many people have, such as logos. A content that resembles one is refused."""

    PROTECTED = "protected"
    """Images that must stay public, such as news. A content that resembles one is pending."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A listed image that a content resembles; `label` is None for images of `common_images`."""

    kind: ImageList
    label: LabelId | None


class Lists:
    """The images on both lists; only a random label identifies each image."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    def add(self, kind: ImageList, signature: Signature, *, actor: str) -> LabelId:
        """
        Put an image on a list and return its label.

        Args:
            signature: The image's signature in every pose, so that turned and mirrored copies are
                recognised too.

        Raises:
            NotSubmittableError: If the signature has no `pdq1` signal.
        """
        # Of region signals, which recognise crops, keep those of the whole view only, as contents
        # do.
        kept = [
            (viewed.signal.algorithm, viewed.signal.code)
            for viewed in signature.signals
            if viewed.signal.profile is PDQ
            or (viewed.signal.profile is REGION and viewed.view is View.WHOLE)
        ]
        if all(algorithm != PDQ.name for algorithm, _ in kept):
            raise NotSubmittableError(f"A listed image must have a {PDQ.name} signal.")
        label, now = LabelId(random_id()), self._clock()
        with self._database.write() as connection:
            listed.add(connection, kind=kind, label=label, signals=kept, by=actor, now=now)
            audit.record(connection, actor=actor, action=f"list.add-{kind}", subject=label, now=now)
        return label

    def remove(self, kind: ImageList, label: LabelId, *, actor: str) -> None:
        """
        Take an image off a list.

        Raises:
            UnknownLabelError: If the image is not on the list.
        """
        with self._database.write() as connection:
            if not listed.remove(connection, kind, label):
                raise UnknownLabelError("No image on this list has this label.")
            audit.record(
                connection,
                actor=actor,
                action=f"list.remove-{kind}",
                subject=label,
                now=self._clock(),
            )

    def images(self, kind: ImageList) -> Sequence[ListedImage]:
        """Return the images on a list, in the order in which they were added."""
        with self._database.read() as connection:
            return listed.all_images(connection, kind)
