"""
Evidence bundles: what was asked of whom, what came of it, and the proof, in one signed ZIP.

`bundle_check.py` checks one without the service; docs/evidence.md says what each proof proves. A
bundle has the URLs and the notices; no case number, no signal, no PIN and no match is in it.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from hashsvc.audit import Excerpt, PublicKey, SigningKey
from hashsvc.removal.errors import BadBundleError
from hashsvc.removal.evidence.archive import pack
from hashsvc.removal.history import RequestView
from hashsvc.removal.notices.rendering import fill_page
from hashsvc.store.ids import NoticeId
from hashsvc.store.notices import Notice
from hashsvc.store.requests import Event

SCHEMA = "hashsvc-evidence/1"
SIGNED_AS = "evidence bundle 1"
README, MANIFEST, SIGNATURE, STAMP = (
    "README.txt",
    "manifest.json",
    "signature.json",
    "timestamp.tsr",
)
TIMELINE, PAGE, CHECKS, AUDIT = "timeline.json", "timeline.html", "rechecks.json", "audit.json"
UNLISTED = frozenset({MANIFEST, SIGNATURE, STAMP})
"""What the manifest does not list: itself, and what is made of it."""

Documents = Mapping[NoticeId, Mapping[str, bytes]]

_ENDINGS = {"text": "txt", "xarf": "xarf.json"}
_README = f"""\
Evidence of removal requests

{README}        this text
{TIMELINE}     the requests, their steps and their notices, for programs
{PAGE}     the same, for people
notices/          each notice as it was sent, in every form
{CHECKS}     what servers answered at each re-check
{AUDIT}        the entries of the audit log behind the steps, with their proofs
{MANIFEST}     every file's length and SHA-256
{SIGNATURE}    who signed the manifest
{STAMP}     only if there is one: a time stamp (RFC 3161) of the manifest

Check it with:  hashsvc evidence verify BUNDLE.zip --key KEY-OF-THE-ORGANISATION
The program needs no account and no connection. Without --key it says which key the bundle was
signed with: compare its fingerprint with the one that the organisation publishes.

Without the program: `sha256sum` gives each file's digest in {MANIFEST}. The signature is Ed25519
(RFC 8032), by the key in {SIGNATURE}, of the text
["hashsvc {SIGNED_AS}","D"], where D is the SHA-256 of the text
{{"manifest.json":"M","timestamp.tsr":T}}, M the SHA-256 of {MANIFEST} and T that of {STAMP} in
quotes, or null. A time stamp is checked with `openssl ts -verify -data {MANIFEST}`.

The audit log is a chain of which only these entries are shown. Each has a path of digests to what
the checkpoint in {AUDIT} signed; the same line stands in the organisation's anchor file, of which
a witness may hold a copy.
"""


def write_bundle(
    views: Sequence[RequestView],
    documents: Documents,
    excerpt: Excerpt,
    key: SigningKey,
    *,
    now: datetime,
    stamp: Callable[[bytes], bytes] | None = None,
    never: Sequence[str] = (),
) -> bytes:
    """
    Return the bundle of some requests; the same ones at the same time give the same bytes.

    Whoever calls this has checked that the caller may see them, and writes to the audit log, before
    the bundle is handed out, who asked for it.

    Args:
        documents: Of each notice its documents, by format; of a draft none.

        excerpt: The audit entries of the requests' steps, and no other; see `entries_of`.

        stamp: Returns an RFC 3161 answer for a content, as `hashsvc.audit.stamp_by` does.

        never: What may stand nowhere in it, such as the case number.

    Raises:
        BadBundleError: If it would hold what it may not, or lack what it has to.

        BadTimestampError: If the stamp is of something else.
    """
    notices = {each.id: each for view in views for each in view.notices}
    _check_excerpt(views, excerpt)
    contents = {
        _place(notice_id, form): content
        for notice_id in notices
        for form, content in documents.get(notice_id, {}).items()
    }
    timeline = _timeline(views, list(notices.values()), documents)
    contents |= {
        README: _README.encode(),
        TIMELINE: dumped(timeline),
        PAGE: _page(timeline, excerpt).encode(),
        CHECKS: dumped(_checks(views)),
        AUDIT: dumped({"schema": SCHEMA, **excerpt.as_json()}),
    }
    _check_private(contents, never)
    manifest = _manifest(contents, key.public(), now)
    contents[MANIFEST] = manifest
    if stamp is not None:
        contents[STAMP] = stamp(manifest)
    signed = signed_content(manifest, contents.get(STAMP))
    contents[SIGNATURE] = signature_file(key.public(), key.sign_content(SIGNED_AS, signed))
    return pack(contents)


def entries_of(views: Sequence[RequestView]) -> list[int]:
    """Return the numbers of the audit entries of some requests' steps, in order."""
    return sorted({each.audit_seq for each in _events(views) if each.audit_seq is not None})


def signed_content(manifest: bytes, stamp: bytes | None) -> bytes:
    """Return what a bundle's signature is of."""
    digests = {MANIFEST: sha256(manifest), STAMP: None if stamp is None else sha256(stamp)}
    return json.dumps(digests, separators=(",", ":")).encode()


def signature_file(key: PublicKey, signature: bytes) -> bytes:
    """Return the file that holds a bundle's signature."""
    return dumped(
        {
            "schema": SCHEMA,
            "algorithm": "Ed25519",
            "public_key": str(key),
            "key_fingerprint": key.fingerprint,
            "signature": signature.hex(),
        }
    )


def dumped(values: Any) -> bytes:
    """Return JSON as all files of a bundle are written."""
    return (json.dumps(values, ensure_ascii=False, indent=1) + "\n").encode()


def sha256(content: bytes) -> str:
    """Return a digest as it stands in a bundle."""
    return hashlib.sha256(content).hexdigest()


def moment(at: datetime) -> str:
    """Return a time as it stands in a bundle."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _manifest(contents: Mapping[str, bytes], key: PublicKey, now: datetime) -> bytes:
    return dumped(
        {
            "schema": SCHEMA,
            "software": f"hashsvc {version('hashsvc')}",
            "made_at": moment(now),
            "key_fingerprint": key.fingerprint,
            "files": [
                {"name": name, "bytes": len(content), "sha256": sha256(content)}
                for name, content in sorted(contents.items())
            ],
        }
    )


def _events(views: Sequence[RequestView]) -> list[Event]:
    return [event for view in views for event in view.events]


def _check_excerpt(views: Sequence[RequestView], excerpt: Excerpt) -> None:
    if [each.seq for each in excerpt.entries] != entries_of(views):
        raise BadBundleError(AUDIT, "has the entries of the requests' steps, and no other")
    theirs: set[str] = {view.request.id for view in views}
    theirs |= {notice.id for view in views for notice in view.notices}
    for each in excerpt.entries:
        if each.subject not in theirs:
            raise BadBundleError(AUDIT, f"entry {each.seq} is about something else")


def _check_private(contents: Mapping[str, bytes], never: Sequence[str]) -> None:
    for name, content in contents.items():
        if any(each.encode() in content for each in never if each):
            raise BadBundleError(name, "holds what may not leave, such as a case number")


def _place(notice_id: NoticeId, form: str) -> str:
    return f"notices/{notice_id}/notice.{_ENDINGS.get(form, form)}"


def _timeline(
    views: Sequence[RequestView], notices: Sequence[Notice], documents: Documents
) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "requests": [_request(each) for each in views],
        "notices": [
            {
                "id": each.id,
                "platform": each.platform,
                "kind": each.kind,
                "basis": each.basis,
                "channel": each.channel,
                "address": each.address,
                "language": each.language,
                "created_at": moment(each.created_at),
                "made_with": None if each.fixed is None else json.loads(each.fixed),
                "files": sorted(_place(each.id, form) for form in documents.get(each.id, {})),
            }
            for each in notices
        ],
    }


def _request(view: RequestView) -> dict[str, Any]:
    request = view.request
    return {
        "id": request.id,
        "platform": request.platform,
        "page_url": request.page_url,
        "image_url": request.image_url,
        "state": request.state,
        "created_at": moment(request.created_at),
        "goes_on_from": request.parent_id,
        "because": request.link,
        "notices": [each.id for each in view.notices],
        "steps": [
            {
                "id": each.id,
                "at": moment(each.at),
                "actor": each.actor,
                "state": each.state,
                "seen": each.outcome,
                "reason": each.reason,
                "notice": each.notice_id,
                "audit": each.audit_seq,
            }
            for each in view.events
        ],
    }


def _checks(views: Sequence[RequestView]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "checks": [
            {
                "step": each.id,
                "request": each.request_id,
                "at": moment(each.at),
                "seen": each.outcome,
                "facts": None if each.facts is None else json.loads(each.facts),
            }
            for each in _events(views)
            if each.outcome is not None
        ],
    }


def _page(timeline: Mapping[str, Any], excerpt: Excerpt) -> str:
    recorded = {each.seq: moment(each.at) for each in excerpt.entries}
    return fill_page("timeline.html", {"timeline": timeline, "recorded": recorded})
