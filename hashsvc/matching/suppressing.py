"""Suppressions: no more matches are recorded of images that were dismissed as `other-image`."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from hashsvc import audit
from hashsvc.clock import Clock, utc_now
from hashsvc.matching.candidates import frames_in
from hashsvc.matching.contents import signature_of
from hashsvc.matching.errors import UnknownSuppressionError
from hashsvc.signals import PDQ
from hashsvc.store import (
    Database,
    UnknownRowError,
    candidates,
    matches,
    suppressions,
    unmatched,
)
from hashsvc.store.candidates import Sighted
from hashsvc.store.ids import ContentId, KeyId, OrganisationId, SuppressionId, random_id
from hashsvc.store.matches import Match
from hashsvc.store.suppressions import Dismissed, Suppression
from index import nearest

_Codes = NDArray[np.uint8]


def is_suppressed(connection: Connection, content_id: ContentId, seen: Sighted) -> bool:
    """
    Return whether a candidate is an image that was dismissed for a content or its organisation.

    A candidate is a dismissed image if the bytes are the same, or if PDQ is within its threshold in
    any pose of the two. But a candidate that is at least as near to the content as to the dismissed
    image is recorded, so that no copy of the content is lost because a similar image was dismissed.
    """
    dismissed = suppressions.of_content(connection, content_id)
    if any(each.image_sha256 == seen.image_sha256 for each in dismissed):
        return True
    codes = _packed(_pdq_codes(seen))
    known = [_packed(each.codes) for each in dismissed if each.codes]
    if not known or not len(codes):
        return False
    away = min(int(nearest(codes, each).min()) for each in known)
    return away <= PDQ.threshold and away < _from_content(connection, content_id, codes)


def suppress(
    connection: Connection, match: Match, *, everywhere: bool, actor: KeyId, now: datetime
) -> SuppressionId:
    """
    Suppress a match's image, for its content or for the whole organisation, and return the id.

    The suppression stores the image's SHA-256, and its PDQ codes if its candidate is still kept.
    """
    kept = candidates.find(connection, match.image_url, match.image_sha256)
    codes = _pdq_codes(kept.seen) if kept is not None else []
    suppression_id = SuppressionId(random_id())
    suppressions.add(
        connection,
        suppression_id,
        Dismissed(match.image_sha256, tuple(codes)),
        organisation_id=match.organisation_id,
        content_id=None if everywhere else match.content_id,
        match_id=match.id,
        by=actor,
        now=now,
    )
    return suppression_id


class Suppressions:
    """The suppressions. Analysts see only those of their own organisation."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    def search(self, *, organisation_id: OrganisationId, limit: int) -> Sequence[Suppression]:
        """Return suppressions, newest first."""
        with self._database.read() as connection:
            return suppressions.search(connection, organisation_id, limit)

    def take_back(
        self, suppression_id: SuppressionId, *, actor: KeyId, organisation_id: OrganisationId
    ) -> None:
        """
        Remove a suppression: the dismissed match is open again, and new ones may be recorded.

        The match's content is compared with the kept candidates again.

        Raises:
            UnknownSuppressionError: If there is no such suppression.
        """
        now = self._clock()
        with self._database.write() as connection:
            try:
                found = suppressions.by_id(connection, suppression_id, organisation_id)
            except UnknownRowError as error:
                raise UnknownSuppressionError("There is no such suppression.") from error
            suppressions.remove(connection, suppression_id)
            deeds = [("match.unsuppress", str(suppression_id))]
            if found.match_id is not None:
                match = matches.by_id(connection, found.match_id)
                unmatched.add(connection, [match.content_id])
                if matches.reopen(connection, match.id):
                    deeds.append(("match.reopen", match.id))
            audit.record_all(connection, deeds, actor=actor, now=now)


def _from_content(connection: Connection, content_id: ContentId, codes: _Codes) -> int:
    mine = signature_of(connection, content_id).codes(PDQ)
    return int(nearest(codes, mine).min()) if len(mine) else PDQ.bits


def _pdq_codes(seen: Sighted) -> list[bytes]:
    return [
        code
        for _, groups in frames_in(seen.whole)
        for group in groups
        if group.algorithm == PDQ.name
        for code in group
    ]


def _packed(codes: list[bytes] | tuple[bytes, ...]) -> _Codes:
    return np.frombuffer(b"".join(codes), np.uint8).reshape(-1, PDQ.bits // 8)
