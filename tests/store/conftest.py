"""Rows to test with: cases, contents, matches and requests, put there by the store's own words."""

import random
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, insert, select

from hashsvc.store import (
    Database,
    cases,
    consents,
    matches,
    notices,
    requests,
    scans,
    signatures,
)
from hashsvc.store.ids import (
    CaseId,
    ContentId,
    KeyId,
    MatchId,
    NoticeId,
    PublicContentId,
    RequestId,
    ScanId,
    random_id,
)
from hashsvc.store.notices import Notice
from hashsvc.store.requests import Request, Step
from hashsvc.store.tables import change, data_key

START = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
IMAGE_URL = "https://www.example.org/img/1.jpg"


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def go_on(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def store_case(database: Database, number: str = "7K3M-X9QD-5") -> CaseId:
    with database.write() as connection:
        cases.open_case(connection, number=number, pin_hash="$argon2id$", day="2026-01-05")
        case_id = cases.case_by_number(connection, number).id
        for kind in ("hash", "notify"):
            consents.give(connection, case_id, kind=kind, version="1", day="2026-01-05")
        return case_id


def some_signals(rng: random.Random) -> list[tuple[str, str, bytes]]:
    sizes = {"pdq1": 32, "phash1": 8, "dhash1": 8}
    return [(name, "whole", rng.randbytes(size)) for name, size in sizes.items()]


def store_content(
    database: Database,
    case_id: CaseId,
    signals: Sequence[tuple[str, str, bytes]] | None = None,
    quality: int = 100,
) -> ContentId:
    with database.write() as connection:
        return cases.add_content(
            connection,
            case_id,
            public_id=PublicContentId(random_id()),
            quality=quality,
            day="2026-01-05",
            signals=signals or some_signals(random.Random()),
        )


@dataclass(frozen=True, slots=True)
class StoredSignal:
    """One of a content's codes, and the id by which indices know it."""

    id: int
    content_id: ContentId
    algorithm: str
    view: str
    code: bytes


def signals_of(database: Database, *content_ids: ContentId) -> list[StoredSignal]:
    with database.read() as connection:
        return [
            StoredSignal(each.first_id + number, each.content_id, group.algorithm, group.view, code)
            for each in signatures.codes_of(connection, content_ids)
            for group in (each.group,)
            for number, code in enumerate(group)
        ]


def wrapped_keys(database: Database) -> dict[str, bytes]:
    """Return every data key as it is stored, by its id."""
    with database.read() as connection:
        return dict(connection.execute(select(data_key.c.id, data_key.c.wrapped)).all())


def store_match(
    database: Database,
    content_id: ContentId,
    *,
    state: str = "suspected",
    page_url: str = "https://example.org/page",
    image_url: str = IMAGE_URL,
    found_at: datetime = START,
) -> MatchId:
    match_id = MatchId(random_id())
    with database.write() as connection:
        scan_id = ScanId(random_id())
        scans.add(connection, scan_id, KeyId("reporter"), [page_url], found_at)
        match_id = matches.add(
            connection,
            match_id,
            content_id=content_id,
            scan_id=scan_id,
            page_url=page_url,
            image_url=image_url,
            image_sha256=random.randbytes(32),
            tier="certain",
            evidence='{"tier":"certain","why":"","findings":[]}',
            now=found_at,
        )
        if state != "suspected":
            matches.review(
                connection, match_id, state=state, reviewer=KeyId("analyst"), now=found_at
            )
    return match_id


def store_request(database: Database, match_id: MatchId | None, state: str) -> RequestId:
    """Store a request that is in a state, whichever way it came there, on a notice of its own."""
    request = Request(
        id=RequestId(random_id()),
        match_id=match_id,
        platform="example.org",
        page_url="https://example.org/page",
        image_url=IMAGE_URL,
        state=state,
        created_at=START,
    )
    with database.write() as connection:
        case_id = None
        if match_id is not None:
            number = matches.by_id(connection, match_id).case
            case_id = cases.case_by_number(connection, number).id
        notice = Notice(
            id=NoticeId(random_id()),
            organisation_id=request.organisation_id,
            case_id=case_id,
            platform=request.platform,
            kind="dsa-notice",
            basis="dsa-notice",
            channel=None,
            address=None,
            language="en",
            created_at=START,
        )
        requests.add(connection, request, Step(START, "analyst", state))
        notices.add(connection, notice, [request.id])
        if state != "draft":
            notices.fix(connection, notice, "{}", {"text": b"A notice."})
    return request.id


def rows_of(folder: Path) -> list[str]:
    """Return everything that the database in a data directory holds, as SQL."""
    with sqlite3.connect(folder / "hashsvc.db") as connection:
        rows = list(connection.iterdump())
    connection.close()
    return rows


def bytes_of(folder: Path) -> bytes:
    """Return all bytes of all files in a data directory."""
    return b"\0".join(file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file())


def tell(connection: Connection, content_id: int) -> None:
    """Add a step to the change feed."""
    connection.execute(insert(change).values(kind="add", content_id=ContentId(content_id)))


def write_nothing(database: Database, *, alone: bool) -> None:
    with database.write(alone=alone):
        pass
