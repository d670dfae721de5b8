"""
Candidates: images that scans have seen, kept for a time so that later contents meet them too.

All of a day's are sealed under a key of that day. When the day has expired its key is destroyed,
which ends all of them at once; their rows follow, some at a time.
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

# Asked for each item of each scan, hence made once.
_KEYS_OF_DAYS = (
    select(candidate_day.c.day, *data_keys.COLUMNS)
    .join(data_key, data_key.c.id == candidate_day.c.key_id)
    .order_by(candidate_day.c.day)
)


@dataclass(frozen=True, slots=True, repr=False)
class Sighted:
    """
    What is kept of a candidate.

    Attributes:
        facts: What the server said with the image, as a JSON object's text.

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
    """One that is kept, the scan that saw it last, and on which day."""

    id: CandidateId
    day: str
    scan_id: ScanId | None
    seen: Sighted


def keep(connection: Connection, seen: Sighted, *, scan_id: ScanId, day: str) -> CandidateId | None:
    """Keep one candidate, as `keep_all` keeps several."""
    return keep_all(connection, [seen], scan_id=scan_id, day=day)[0]


def keep_all(
    connection: Connection, seen: Sequence[Sighted], *, scan_id: ScanId, day: str
) -> list[CandidateId | None]:
    """
    Keep candidates from this day on, and return the id of each; None for one kept since today.

    One that was seen on an earlier day, by URL and bytes, is kept anew in its place.
    """
    keys = _live_keys(connection)
    key = keys.pop(day, None) or _begin(connection, day)
    digests = [key.digest(_named(each)) for each in seen]
    # One that a page shows twice is one.
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
    told = connection.execute(query.returning(candidate.c.dedup_digest, candidate.c.id), new)
    ids = {digest: CandidateId(candidate_id) for digest, candidate_id in told}
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
    """Delete what was kept of these on the days of these keys."""
    digests = [key.digest(_named(each)) for key in keys for each in seen]
    if digests:
        connection.execute(delete(candidate).where(candidate.c.dedup_digest.in_(digests)))


def find(connection: Connection, image_url: str, image_sha256: bytes) -> Candidate | None:
    """Return the candidate of this URL and these bytes, if it is kept."""
    named = _name(image_url, image_sha256)
    digests = [key.digest(named) for key in _live_keys(connection).values()]
    query = select(candidate.c.id).where(candidate.c.dedup_digest.in_(digests))
    ids = [CandidateId(each) for each in connection.execute(query.limit(1)).scalars()]
    found = by_ids(connection, ids) if ids else []
    return found[0] if found else None


def by_ids(connection: Connection, ids: Sequence[CandidateId]) -> list[Candidate]:
    """Return those of these candidates that are still kept, by id."""
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
    """Return the codes of whole images of candidates after this one, in order."""
    query = select(candidate.c.id, candidate.c.dedup_digest, candidate.c.whole)
    return _opened(connection, query, "whole", after, limit)


def regions(
    connection: Connection, after: CandidateId, limit: int
) -> list[tuple[CandidateId, bytes]]:
    """Return the codes of regions of candidates after this one, in order."""
    query = select(candidate.c.id, candidate.c.dedup_digest, candidate_regions.c.sealed).join(
        candidate_regions, candidate_regions.c.candidate_id == candidate.c.id
    )
    return _opened(connection, query, "regions", after, limit)


def expire(connection: Connection, before: str) -> int:
    """Destroy the keys of all days before one, and return how many; no candidate opens again."""
    query = select(candidate_day.c.day, candidate_day.c.key_id).where(candidate_day.c.day < before)
    days = connection.execute(query).all()
    for day, key_id in days:
        data_keys.destroy(connection, DataKeyId(key_id))
        connection.execute(delete(candidate_day).where(candidate_day.c.day == day))
    return len(days)


def sweep(connection: Connection, limit: int) -> int:
    """Delete the rows of at most so many candidates whose day has expired; return how many."""
    day = exists().where(candidate_day.c.day == candidate.c.day)
    query = select(candidate.c.id).where(~day).order_by(candidate.c.id).limit(limit)
    return _delete(connection, query)


def drop_beyond(connection: Connection, most: int, limit: int) -> int:
    """Delete the oldest candidates beyond so many, at most `limit`, and return how many."""
    beyond = count(connection) - most
    if beyond <= 0:
        return 0
    oldest = select(candidate.c.id).order_by(candidate.c.id).limit(min(beyond, limit))
    return _delete(connection, oldest)


def count(connection: Connection) -> int:
    """Return how many there are, expired rows among them."""
    return connection.execute(select(func.count()).select_from(candidate)).scalar_one()


def _delete(connection: Connection, query: Select[tuple[int]]) -> int:
    ids = connection.execute(query).scalars().all()
    if ids:
        # SQLite's foreign keys would do so, row by row.
        connection.execute(
            delete(candidate_regions).where(candidate_regions.c.candidate_id.in_(ids))
        )
        connection.execute(delete(candidate).where(candidate.c.id.in_(ids)))
    return len(ids)


class _Unwrapped:
    """The keys of one transaction, each unwrapped once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._keys: dict[DataKeyId, DataKey] = {}

    def of(self, stored: WrappedKey) -> DataKey:
        if stored.key_id not in self._keys:
            self._keys[stored.key_id] = data_keys.unwrap(self._connection, stored)
        return self._keys[stored.key_id]


def _live(query: Select[Any]) -> Select[Any]:
    # Of a day that has expired there is no row.
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
    """Give a day its key; of two workers who do so at midnight, both get the same one."""
    key_id, key = data_keys.add(connection)
    new = rows.insert_once(connection, candidate_day).values(day=day, key_id=key_id)
    if rows.changed_one(connection.execute(new)):
        return key
    data_keys.destroy(connection, key_id)
    return _live_keys(connection)[day]


def _named(seen: Sighted) -> str:
    return _name(seen.image_url, seen.image_sha256)


def _name(image_url: str, image_sha256: bytes) -> str:
    return f"{image_sha256.hex()} {image_url}"


def _private(seen: Sighted) -> bytes:
    told = {
        "page_url": seen.page_url,
        "image_url": seen.image_url,
        "image_sha256": seen.image_sha256.hex(),
        "facts": seen.facts,
    }
    return json.dumps(told, separators=(",", ":")).encode()


def _context(column: str, digest: bytes) -> str:
    return f"{column} of candidate {digest.hex()}"
