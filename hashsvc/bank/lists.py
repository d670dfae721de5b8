"""The operator's lists of images: common ones are refused, protected ones are looked at first."""

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
    """Images that many have, such as logos: a content like one of them is refused."""

    PROTECTED = "protected"
    """Images that must stay public, such as news: a content like one waits for an analyst."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A listed image that a content is like; `label` is None for those that came along."""

    kind: ImageList
    label: LabelId | None


class Lists:
    """The images on both lists; nothing is known of them but a random label."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    def add(self, kind: ImageList, signature: Signature, *, actor: str) -> LabelId:
        """
        Put an image on a list and return its label.

        Args:
            signature: With every pose, so that turned and mirrored copies are known too.

        Raises:
            NotSubmittableError: If it has no `pdq1` signal.
        """
        # Of regions, what a content keeps is enough to know a crop by.
        kept = [
            (viewed.signal.algorithm, viewed.signal.code)
            for viewed in signature.signals
            if viewed.signal.profile is PDQ
            or (viewed.signal.profile is REGION and viewed.view is View.WHOLE)
        ]
        if all(algorithm != PDQ.name for algorithm, _ in kept):
            raise NotSubmittableError(f"A listed image has a {PDQ.name} signal.")
        label, now = LabelId(random_id()), self._clock()
        with self._database.write() as connection:
            listed.add(connection, kind=kind, label=label, signals=kept, by=actor, now=now)
            audit.record(connection, actor=actor, action=f"list.add-{kind}", subject=label, now=now)
        return label

    def remove(self, kind: ImageList, label: LabelId, *, actor: str) -> None:
        """
        Take an image off a list.

        Raises:
            UnknownLabelError: If it is not on it.
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
        """Return what is told of the images on a list."""
        with self._database.read() as connection:
            return listed.all_images(connection, kind)
