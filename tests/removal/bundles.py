"""The parts of an evidence bundle of two requests, and an audit log with their steps."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from hashsvc.audit import Excerpt, ProvenEntry, SigningKey
from hashsvc.audit.chain import body_of
from hashsvc.audit.tree import Tree, leaf_of
from hashsvc.removal.evidence.bundle import Documents, entries_of
from hashsvc.removal.history import RequestView
from hashsvc.removal.states import State
from tests.removal.timelines import GONE, STILL, Timelines, after

S = State
AT = datetime(2026, 9, 1, 12, 30, tzinfo=UTC)
REASON = "Within our rules; =cmd() <script>alert(1)</script>"
FACTS = {
    "page": {
        "url": "https://canary.example/thread/7",
        "status": 404,
        "headers": {"server": "nginx"},
        "certificate_sha256": "ab" * 32,
        "at": "2026-06-02T08:00:00Z",
    }
}
TEXT = b"A notice.\n"


def two_requests() -> list[RequestView]:
    """Return a request that was refused before its image went, and one for the reappearance."""
    made = Timelines()
    facts = json.dumps(FACTS)
    first = made.add(
        (0, S.SENT),
        (5, S.REFUSED, REASON),
        (24, S.REFUSED, STILL),
        (48, S.REFUSED, GONE),
        (72, S.GONE, GONE),
        facts=facts,
    )
    second = made.add((300, S.DRAFT), (301, S.SENT), parent=first)
    fixed = json.dumps({"text_sha256": hashlib.sha256(TEXT).hexdigest(), "law": [], "template": {}})
    return [_fixed(first, fixed), second]


def _fixed(view: RequestView, fixed: str) -> RequestView:
    return replace(view, notices=tuple(replace(each, fixed=fixed) for each in view.notices))


def documents_of(views: Sequence[RequestView]) -> Documents:
    """Return the documents of the first request's notice. The second notice is a draft."""
    (notice,) = views[0].notices
    return {notice.id: {"text": TEXT, "pdf": b"%PDF-", "xarf": b"[]"}}


def excerpt_of(
    views: Sequence[RequestView], key: SigningKey, *, subjects: Iterable[str] = ()
) -> Excerpt:
    """
    Return the audit entries of the steps, from a log that has other entries between them.

    Args:
        subjects: The subjects of the first entries, instead of the ids of their requests.
    """
    steps = {each.audit_seq: each for view in views for each in view.events if each.audit_seq}
    seqs = entries_of(views)
    about = dict(zip(seqs, subjects, strict=False))
    tree, blinder, count = Tree(watched=seqs), key.blinder(), (max(seqs, default=0) + 7)
    entries = []
    for seq in range(1, count + 1):
        if seq not in steps:
            tree.add(hashlib.sha256(f"somebody else's {seq}".encode()).digest())
            continue
        step = steps[seq]
        subject = about.get(seq, step.request_id)
        words = (seq, step.at, step.actor, f"request.{step.state}", subject)
        blind = blinder.of(body_of(*words))
        tree.add(leaf_of(body_of(*words), blind))
        entries.append(ProvenEntry(*words, blind, ()))
    checkpoint = key.sign(count, bytes(range(32)), after(400), tree.peaks)
    proven = (replace(each, path=tree.path(each.seq)) for each in entries)
    return Excerpt(checkpoint, tuple(proven))
