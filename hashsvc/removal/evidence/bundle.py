"""
Writes evidence bundles: removal requests, their outcome and the proofs, in one signed ZIP file.

`verify.py` checks a bundle without the service, and docs/evidence.md says what each proof proves.
A bundle contains URLs and notices. It contains no case number, signal, PIN or match.
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
"""The files that the manifest does not list: itself, and the two files made from it."""

Documents = Mapping[NoticeId, Mapping[str, bytes]]

_ENDINGS = {"text": "txt", "xarf": "xarf.json"}
_README = f"""\
Evidence of removal requests

{README}        this text
{TIMELINE}     the requests, their steps and their notices, for programs
{PAGE}     the same, for people
notices/          each notice as it was sent, in every format
{CHECKS}     the answers of servers at each re-check
{AUDIT}        the audit log's entries for the steps, with their proofs
{MANIFEST}     the length and SHA-256 of every file
{SIGNATURE}    the signature of the manifest, and the key
{STAMP}     a time stamp (RFC 3161) of the manifest, if the bundle has one

Check the bundle with:  hashsvc evidence verify BUNDLE.zip --key KEY-OF-THE-ORGANISATION
The program needs no account and no connection. Without --key it prints the fingerprint of the key
that signed the bundle: compare it with the fingerprint that the organisation publishes.

To check it without the program, compare each file's `sha256sum` with {MANIFEST}. The signature is
Ed25519 (RFC 8032). The key in {SIGNATURE} signed the text
["hashsvc {SIGNED_AS}","D"], where D is the SHA-256 of the text
{{"manifest.json":"M","timestamp.tsr":T}}. M is the SHA-256 of {MANIFEST}. T is the SHA-256 of
{STAMP} in quotes, or null. Check a time stamp with `openssl ts -verify -data {MANIFEST}`.

The audit log is a chain, and the bundle shows only its entries for these requests. Each entry has a
path of digests to the checkpoint in {AUDIT}, which is signed. The organisation's anchor file has
the same checkpoint, and a witness may have a copy of that file.
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
    Return the bundle of some requests. The same requests and time give the same bytes.

    The caller checks beforehand that the user may see the requests, and writes to the audit log
    who asked for the bundle before handing it out.

    Args:
        documents: The documents of each notice, by format. A draft has none.

        excerpt: The audit entries of the requests' steps, and no others; see `entries_of`.

        stamp: Gets a time stamp for the manifest, as a function of `hashsvc.audit.stamp_by` does;
            None for a bundle without a time stamp.

        never: Texts that the bundle must not contain, such as the case number.

    Raises:
        BadBundleError: If the bundle would contain a text in `never`, or the wrong audit entries.

        BadTimestampError: If the time stamp is for other content.
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
    """Return the sorted numbers of the audit entries for the steps of some requests."""
    return sorted({each.audit_seq for each in _events(views) if each.audit_seq is not None})


def signed_content(manifest: bytes, stamp: bytes | None) -> bytes:
    """Return the content that a bundle's signature signs."""
    digests = {MANIFEST: sha256(manifest), STAMP: None if stamp is None else sha256(stamp)}
    return json.dumps(digests, separators=(",", ":")).encode()


def signature_file(key: PublicKey, signature: bytes) -> bytes:
    """Return the content of a bundle's signature file."""
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
    """Return values as JSON, in the form of every JSON file in a bundle."""
    return (json.dumps(values, ensure_ascii=False, indent=1) + "\n").encode()


def sha256(content: bytes) -> str:
    """Return a SHA-256 digest in hexadecimal, its form in a bundle."""
    return hashlib.sha256(content).hexdigest()


def moment(at: datetime) -> str:
    """Return a time in its form in a bundle: ISO 8601, UTC, microseconds."""
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
        raise BadBundleError(AUDIT, "must have the entries of the requests' steps and no others")
    subjects: set[str] = {view.request.id for view in views}
    subjects |= {notice.id for view in views for notice in view.notices}
    for each in excerpt.entries:
        if each.subject not in subjects:
            raise BadBundleError(
                AUDIT, f"entry {each.seq} is about something other than these requests"
            )


def _check_private(contents: Mapping[str, bytes], never: Sequence[str]) -> None:
    for name, content in contents.items():
        if any(each.encode() in content for each in never if each):
            raise BadBundleError(
                name, "contains a text that must not leave the service, such as a case number"
            )


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
