"""
Candidates: images that scans saw, kept for a time so that contents added later can match them.

All candidates of a day are sealed under that day's key. When the day expires, its key is destroyed.
From then on nobody can read that day's candidates. Their rows are deleted later, in batches.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, delete, exists, func, insert, select

from hashsvc.keyring import DataKey
from hashsvc.store import data_keys, rows
from hashsvc.store.data_keys import WrappedKey
from hashsvc.store.feedback_tables import candidate, candidate_day, candidate_regions
from hashsvc.store.ids import CandidateId, DataKeyId, ScanId
from hashsvc.store.tables import data_key

# Built once: this query runs for each item of each scan.
_KEYS_OF_DAYS = (
    select(candidate_day.c.day, *data_keys.COLUMNS)
    .join(data_key, data_key.c.id == candidate_day.c.key_id)
    .order_by(candidate_day.c.day)
)


@dataclass(frozen=True, slots=True, repr=False)
class Sighted:
    """
    What is stored about a candidate.

    Attributes:
        facts: Facts about the download (status, headers, address …), as a JSON object.

        whole: Codes of whole images, frame by frame.

        regions: Codes of regions, frame by frame.
    """

    page_url: str
    image_url: str
    image_sha256: bytes
    facts: str
    whole: bytes
    regions: bytes


@dataclass(frozen=True, slots=True, repr=False)
class Candidate:
    """A stored candidate, with the day it was last seen and the scan that saw it then."""

    id: CandidateId
    day: str
    scan_id: ScanId | None
    seen: Sighted


def keep(connection: Connection, seen: Sighted, *, scan_id: ScanId, day: str) -> CandidateId | None:
    """Store one candidate; see `keep_all`."""
    return keep_all(connection, [seen], scan_id=scan_id, day=day)[0]


def keep_all(
    connection: Connection, seen: Sequence[Sighted], *, scan_id: ScanId, day: str
) -> list[CandidateId | None]:
    """
    Store candidates seen on a day; return the id of each, or None if that day already has it.

    A candidate with the same URL and bytes from an earlier day is replaced.
    """
    keys = _live_keys(connection)
    key = keys.pop(day, None) or _begin(connection, day)
    digests = [key.digest(_dedup_key(each.image_url, each.image_sha256)) for each in seen]
    # An image that a page shows twice is stored once.
    by_digest = dict(zip(digests, seen, strict=True))
    new = [
        {
            "day": day,
            "dedup_digest": digest,
            "scan_id": scan_id,
            "private": key.seal(_private(each), context=_context("private", digest)),
            "whole": key.seal(each.whole, context=_context("whole", digest)),
        }
        for digest, each in by_digest.items()
    ]
    if not new:
        return []
    query = rows.insert_once(connection, candidate)
    inserted = connection.execute(query.returning(candidate.c.dedup_digest, candidate.c.id), new)
    ids = {digest: CandidateId(candidate_id) for digest, candidate_id in inserted}
    regions = [
        {
            "candidate_id": candidate_id,
            "sealed": key.seal(by_digest[digest].regions, context=_context("regions", digest)),
        }
        for digest, candidate_id in ids.items()
    ]
    if regions:
        connection.execute(insert(candidate_regions), regions)
    _forget_earlier(connection, [by_digest[digest] for digest in ids], list(keys.values()))
    return [ids.get(digest) for digest in digests]


def _forget_earlier(
    connection: Connection, seen: Sequence[Sighted], keys: Sequence[DataKey]
) -> None:
    """Delete the candidates for the same images that are sealed under other days' keys."""
    dedup_keys = [_dedup_key(each.image_url, each.image_sha256) for each in seen]
    digests = [key.digest(each) for key in keys for each in dedup_keys]
    if digests:
        connection.execute(delete(candidate).where(candidate.c.dedup_digest.in_(digests)))


def find(connection: Connection, image_url: str, image_sha256: bytes) -> Candidate | None:
    """Return the candidate with this URL and these bytes; None if there is no such candidate."""
    dedup_key = _dedup_key(image_url, image_sha256)
    digests = [key.digest(dedup_key) for key in _live_keys(connection).values()]
    query = select(candidate.c.id).where(candidate.c.dedup_digest.in_(digests))
    ids = [CandidateId(each) for each in connection.execute(query.limit(1)).scalars()]
    found = by_ids(connection, ids) if ids else []
    return found[0] if found else None


def by_ids(connection: Connection, ids: Sequence[CandidateId]) -> list[Candidate]:
    """Return the candidates with these ids, in order of id; expired ones are left out."""
    query = (
        _live(
            select(
                candidate.c.id, candidate.c.day, candidate.c.scan_id, candidate.c.dedup_digest,
                candidate.c.private, candidate.c.whole, candidate_regions.c.sealed,
            ).join(candidate_regions, candidate_regions.c.candidate_id == candidate.c.id)
        )
        .where(candidate.c.id.in_(ids))
        .order_by(candidate.c.id)
    )  # fmt: skip
    keys = _Unwrapped(connection)
    found = []
    for row in connection.execute(query).mappings():
        key = keys.of(WrappedKey(*(row[name] for name in WrappedKey._fields)))
        digest = row["dedup_digest"]
        private = json.loads(key.open(row["private"], context=_context("private", digest)))
        seen = Sighted(
            page_url=private["page_url"],
            image_url=private["image_url"],
            image_sha256=bytes.fromhex(private["image_sha256"]),
            facts=private["facts"],
            whole=key.open(row["whole"], context=_context("whole", digest)),
            regions=key.open(row["sealed"], context=_context("regions", digest)),
        )
        found.append(Candidate(row["id"], row["day"], row["scan_id"], seen))
    return found


def wholes(
    connection: Connection, after: CandidateId, limit: int
) -> list[tuple[CandidateId, bytes]]:
    """Return the whole-image codes of at most `limit` candidates after this one, in order."""
    query = select(candidate.c.id, candidate.c.dedup_digest, candidate.c.whole)
    return _opened(connection, query, "whole", after, limit)


def regions(
    connection: Connection, after: CandidateId, limit: int
) -> list[tuple[CandidateId, bytes]]:
    """Return the region codes of at most `limit` candidates after this one, in order."""
    query = select(candidate.c.id, candidate.c.dedup_digest, candidate_regions.c.sealed).join(
        candidate_regions, candidate_regions.c.candidate_id == candidate.c.id
    )
    return _opened(connection, query, "regions", after, limit)


def expire(connection: Connection, before: str) -> int:
    """
    Destroy the keys of all days before this one, and return how many were destroyed.

    Nobody can open the candidates of those days afterwards.
    """
    query = select(candidate_day.c.day, candidate_day.c.key_id).where(candidate_day.c.day < before)
    days = connection.execute(query).all()
    for day, key_id in days:
        data_keys.destroy(connection, DataKeyId(key_id))
        connection.execute(delete(candidate_day).where(candidate_day.c.day == day))
    return len(days)


def sweep(connection: Connection, limit: int) -> int:
    """Delete the rows of at most `limit` candidates whose day has expired; return how many."""
    day = exists().where(candidate_day.c.day == candidate.c.day)
    query = select(candidate.c.id).where(~day).order_by(candidate.c.id).limit(limit)
    return _delete(connection, query)


def drop_beyond(connection: Connection, most: int, limit: int) -> int:
    """If there are more than `most` rows, delete the oldest, up to `limit`; return how many."""
    beyond = count(connection) - most
    if beyond <= 0:
        return 0
    oldest = select(candidate.c.id).order_by(candidate.c.id).limit(min(beyond, limit))
    return _delete(connection, oldest)


def count(connection: Connection) -> int:
    """Return how many candidates have a row, including expired ones."""
    return connection.execute(select(func.count()).select_from(candidate)).scalar_one()


def _delete(connection: Connection, query: Select[tuple[int]]) -> int:
    ids = connection.execute(query).scalars().all()
    if ids:
        # SQLite's cascade would delete these too, but one row at a time, which is slower.
        connection.execute(
            delete(candidate_regions).where(candidate_regions.c.candidate_id.in_(ids))
        )
        connection.execute(delete(candidate).where(candidate.c.id.in_(ids)))
    return len(ids)


class _Unwrapped:
    """A cache of data keys for one transaction, so that each key is unwrapped once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._keys: dict[DataKeyId, DataKey] = {}

    def of(self, stored: WrappedKey) -> DataKey:
        if stored.key_id not in self._keys:
            self._keys[stored.key_id] = data_keys.unwrap(self._connection, stored)
        return self._keys[stored.key_id]


def _live(query: Select[Any]) -> Select[Any]:
    # An expired day has no row in candidate_day, so the join leaves its candidates out.
    return (
        query.add_columns(*data_keys.COLUMNS)
        .join(candidate_day, candidate_day.c.day == candidate.c.day)
        .join(data_key, data_key.c.id == candidate_day.c.key_id)
    )


def _opened(
    connection: Connection,
    query: Select[Any],
    column: str,
    after: CandidateId,
    limit: int,
) -> list[tuple[CandidateId, bytes]]:
    query = _live(query).where(candidate.c.id > after).order_by(candidate.c.id).limit(limit)
    keys = _Unwrapped(connection)
    return [
        (candidate_id, keys.of(WrappedKey(*stored)).open(sealed, context=_context(column, digest)))
        for candidate_id, digest, sealed, *stored in connection.execute(query)
    ]


def _live_keys(connection: Connection) -> dict[str, DataKey]:
    return {
        day: data_keys.unwrap(connection, WrappedKey(*stored))
        for day, *stored in connection.execute(_KEYS_OF_DAYS)
    }


def _begin(connection: Connection, day: str) -> DataKey:
    """Create a day's key and return it; two workers that begin the same day get the same key."""
    key_id, key = data_keys.add(connection)
    new = rows.insert_once(connection, candidate_day).values(day=day, key_id=key_id)
    if rows.changed_one(connection.execute(new)):
        return key
    data_keys.destroy(connection, key_id)
    return _live_keys(connection)[day]


def _dedup_key(image_url: str, image_sha256: bytes) -> str:
    return f"{image_sha256.hex()} {image_url}"


def _private(seen: Sighted) -> bytes:
    fields = {
        "page_url": seen.page_url,
        "image_url": seen.image_url,
        "image_sha256": seen.image_sha256.hex(),
        "facts": seen.facts,
    }
    return json.dumps(fields, separators=(",", ":")).encode()


def _context(column: str, digest: bytes) -> str:
    return f"{column} of candidate {digest.hex()}"
