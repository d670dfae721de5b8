"""Rows to test with: cases, contents, matches and requests, stored by the store."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from hashsvc.bank import NewContent
from hashsvc.signals import PROFILES, Signal, Signature, View, ViewedSignal
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
from tests.helpers.set_clock import START

IMAGE_URL = "https://www.example.org/img/1.jpg"
WHOLE_ALGORITHMS = ("pdq1", "phash1", "dhash1")


def signature(
    seed: int, *algorithms: str, quality: int = 100, view: View = View.WHOLE
) -> Signature:
    """Return a signature of random codes, the same for the same seed."""
    rng = random.Random(seed)
    return Signature(
        quality,
        tuple(
            ViewedSignal(Signal(name, rng.randbytes(PROFILES[name].bits // 8)), view)
            for name in algorithms or WHOLE_ALGORITHMS
        ),
    )


def new_content(seed: int, signed: Signature | None = None) -> NewContent:
    """Return a content as a holder submits it, the same for the same seed."""
    return NewContent(PublicContentId(f"{seed:032x}"), signed or signature(seed))


def store_case(database: Database, number: str = "7K3M-X9QD-5") -> CaseId:
    """Store a case with consents to the search and to notices."""
    with database.write() as connection:
        cases.open_case(connection, number=number, pin_hash="$argon2id$", day="2026-01-05")
        case_id = cases.case_by_number(connection, number).id
        for kind in ("hash", "notify"):
            consents.give(connection, case_id, kind=kind, version="1", day="2026-01-05")
        return case_id


def some_signals(rng: random.Random) -> list[tuple[str, str, bytes]]:
    """Return random signals of a content, as (algorithm, view, code)."""
    sizes = {"pdq1": 32, "phash1": 8, "dhash1": 8}
    return [(name, "whole", rng.randbytes(size)) for name, size in sizes.items()]


def store_content(
    database: Database,
    case_id: CaseId,
    signals: Sequence[tuple[str, str, bytes]] | None = None,
    quality: int = 100,
) -> ContentId:
    """Store a content, with random signals unless some are given."""
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
    """One of a content's codes, with its id in the indices."""

    id: int
    content_id: ContentId
    algorithm: str
    view: str
    code: bytes


def signals_of(database: Database, *content_ids: ContentId) -> list[StoredSignal]:
    """Return the stored codes of contents."""
    with database.read() as connection:
        return [
            StoredSignal(each.first_id + number, each.content_id, group.algorithm, group.view, code)
            for each in signatures.codes_of(connection, content_ids)
            for group in (each.group,)
            for number, code in enumerate(group)
        ]


def wrapped_keys(database: Database) -> dict[str, bytes]:
    """Return every data key in its wrapped form, by its id."""
    with database.read() as connection:
        rows = connection.execute(select(data_key.c.id, data_key.c.wrapped))
        return {key_id: wrapped for key_id, wrapped in rows}  # noqa: C416


def store_match(
    database: Database,
    content_id: ContentId,
    *,
    state: str = "suspected",
    page_url: str = "https://example.org/page",
    image_url: str = IMAGE_URL,
    found_at: datetime = START,
) -> MatchId:
    """Store a match and the scan that found it, and review it if a verdict is given."""
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
    """Store a request directly in a state, with its own notice."""
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


def add_change(connection: Connection, content_id: int) -> None:
    """Add an entry to the change feed."""
    connection.execute(insert(change).values(kind="add", content_id=ContentId(content_id)))


def write_nothing(database: Database, *, alone: bool) -> None:
    """Begin and end a write transaction."""
    with database.write(alone=alone):
        pass
