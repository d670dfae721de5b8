"""
Checks an evidence bundle, without the service, a database or a connection.

The first checks show that the bundle is complete: the archive has its one form, every file is as
the manifest says, and the manifest is signed. The next checks show that it is consistent: every
audit entry is in the signed log, and every step has its entry. The bundle alone cannot show whose
key signed it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hashsvc.audit import (
    AuditError,
    BadTimestampError,
    Checkpoint,
    Excerpt,
    MalformedError,
    PublicKey,
    Stamped,
    check_timestamp,
)
from hashsvc.removal.errors import BadBundleError
from hashsvc.removal.evidence.archive import unpack
from hashsvc.removal.evidence.bundle import (
    AUDIT,
    CHECKS,
    MANIFEST,
    README,
    SCHEMA,
    SIGNATURE,
    SIGNED_AS,
    STAMP,
    TIMELINE,
    UNLISTED,
    sha256,
    signature_file,
    signed_content,
)

_NEEDED = (README, MANIFEST, SIGNATURE, TIMELINE, CHECKS, AUDIT)


@dataclass(frozen=True, slots=True)
class VerifiedBundle:
    """
    The result of a successful check.

    Attributes:
        key: The key that signed the bundle.

        key_was_given: Whether the user gave that key, from another source than the bundle.

        proven, unproven: Numbers of steps with and without an entry in the signed audit log.

        checkpoint: The signed checkpoint that the proofs of the audit entries lead to.

        stamp: The time stamp, or None if the bundle has none.
    """

    made_at: datetime
    key: PublicKey
    key_was_given: bool
    files: int
    requests: tuple[str, ...]
    notices: int
    checks: int
    proven: int
    unproven: int
    checkpoint: Checkpoint
    stamp: Stamped | None

    def sentences(self) -> list[str]:
        """Return sentences that say what was checked, and what depends on trust in the key."""
        lines = [
            f"All {self.files} files are as they were signed on {_day(self.made_at)}. No file is "
            "missing and none was added.",
            f"{len(self.requests)} requests, {self.notices} notices, {self.checks} re-checks.",
            f"{self.proven} steps have their entry in the audit log, at the right place. The log's "
            f"checkpoint of {self.checkpoint.seq} entries was signed on "
            f"{_day(self.checkpoint.at)}.",
        ]
        if self.unproven:
            lines.append(f"NOT PROVEN: {self.unproven} steps have no entry in the audit log.")
        if self.stamp is None:
            lines.append(
                "There is no time stamp: only the organisation says when the bundle was made."
            )
        elif self.stamp.verified:
            lines.append(
                f"An authority that you trust stamped the manifest on {_second(self.stamp.at)}."
            )
        else:
            lines.append(
                f"NOT CHECKED: a time stamp says {_second(self.stamp.at)}. To check who made it, "
                "give the authority's certificates."
            )
        if self.key_was_given:
            lines.append("The bundle was signed with the key that you gave.")
        else:
            lines.append(
                "WHOSE KEY? All of this depends on the key in the bundle. Compare its fingerprint "
                "with the one that the organisation publishes:"
            )
        lines.append(f"SHA-256 {self.key.fingerprint}")
        return lines


def verify_bundle(
    bundle: bytes, key: PublicKey | None = None, *, tsa_roots: bytes | None = None
) -> VerifiedBundle:
    """
    Check a bundle and return what it proves.

    Args:
        key: The organisation's key, from another source. Without it, the key in the bundle is used.

        tsa_roots: Certificates (PEM) of trusted time stamp authorities.

    Raises:
        BadBundleError: If a check fails. The error names the file and the rule of the first check
            that failed.

        NoTimestampsError: If the bundle has a time stamp and the extra that reads it is missing.
    """
    contents = unpack(bundle)
    for each in _NEEDED:
        if each not in contents:
            raise BadBundleError(each, "is missing")
    signer = _check_signature(contents, key)
    made_at = _check_manifest(contents, signer)
    excerpt = _check_audit(contents, signer)
    timeline = _Timeline(contents[TIMELINE])
    proven, unproven = timeline.check(excerpt)
    timeline.check_files(contents)
    checks = timeline.check_seen(_parsed(contents[CHECKS], CHECKS))
    return VerifiedBundle(
        made_at=made_at,
        key=signer,
        key_was_given=key is not None,
        files=len(contents),
        requests=timeline.requests,
        notices=timeline.notices,
        checks=checks,
        proven=proven,
        unproven=unproven,
        checkpoint=excerpt.checkpoint,
        stamp=_check_stamp(contents, tsa_roots),
    )


def _check_signature(contents: Mapping[str, bytes], given: PublicKey | None) -> PublicKey:
    values = _parsed(contents[SIGNATURE], SIGNATURE)
    try:
        key = PublicKey.parse(str(values["public_key"]))
        signature = bytes.fromhex(values["signature"])
    except (KeyError, TypeError, ValueError, MalformedError) as error:
        raise BadBundleError(SIGNATURE, "must contain a key and a signature") from error
    if contents[SIGNATURE] != signature_file(key, signature):
        raise BadBundleError(
            SIGNATURE, "is not in the form of a bundle's signature, or was altered"
        )
    if given is not None and str(given) != str(key):
        raise BadBundleError(
            SIGNATURE, "the bundle was signed with another key than the one you gave"
        )
    signed = signed_content(contents[MANIFEST], contents.get(STAMP))
    try:
        key.check_content(SIGNED_AS, signed, signature)
    except AuditError as error:
        raise BadBundleError(
            SIGNATURE, "the manifest or the time stamp is not what was signed"
        ) from error
    return key


def _check_manifest(contents: Mapping[str, bytes], key: PublicKey) -> datetime:
    values = _parsed(contents[MANIFEST], MANIFEST)
    try:
        listed = {str(each["name"]): each for each in values["files"]}
        made_at = datetime.fromisoformat(values["made_at"])
        fingerprint = values["key_fingerprint"]
        claims = {name: (int(each["bytes"]), each["sha256"]) for name, each in listed.items()}
    except (KeyError, TypeError, ValueError) as error:
        raise BadBundleError(MANIFEST, "must list every file's name, length and digest") from error
    if fingerprint != key.fingerprint:
        raise BadBundleError(MANIFEST, "names another key than the one that signed the bundle")
    for name in sorted(contents.keys() - UNLISTED):
        if name not in claims:
            raise BadBundleError(name, "was added: the manifest does not list it")
        if claims[name] != (len(contents[name]), sha256(contents[name])):
            raise BadBundleError(name, "was altered: the manifest lists another length or digest")
    for name in claims:
        if name not in contents:
            raise BadBundleError(MANIFEST, "lists a file that is missing")
    return made_at


def _check_audit(contents: Mapping[str, bytes], key: PublicKey) -> Excerpt:
    try:
        excerpt = Excerpt.parse(_parsed(contents[AUDIT], AUDIT))
        excerpt.check(key)
    except AuditError as error:
        raise BadBundleError(AUDIT, str(error).rstrip(".")) from error
    return excerpt


def _check_stamp(contents: Mapping[str, bytes], roots: bytes | None) -> Stamped | None:
    if STAMP not in contents:
        if roots is not None:
            raise BadBundleError(STAMP, "is missing")
        return None
    try:
        return check_timestamp(contents[STAMP], contents[MANIFEST], roots)
    except BadTimestampError as error:
        raise BadBundleError(STAMP, str(error).rstrip(".")) from error


@dataclass(frozen=True, slots=True)
class _Step:
    """One step, and the request and notices that its audit entry may be about."""

    id: int
    audit: int | None
    actor: str
    seen: object
    subjects: frozenset[str]


class _Timeline:
    """The parts of the timeline that are compared with other files."""

    def __init__(self, content: bytes) -> None:
        values = _parsed(content, TIMELINE)
        try:
            self.requests = tuple(str(each["id"]) for each in values["requests"])
            self._steps = [
                _Step(
                    id=int(each["id"]),
                    audit=None if each["audit"] is None else int(each["audit"]),
                    actor=str(each["actor"]),
                    seen=each["seen"],
                    subjects=frozenset({str(request["id"]), *map(str, request["notices"])}),
                )
                for request in values["requests"]
                for each in request["steps"]
            ]
            self._notices = [
                (each["made_with"], [str(name) for name in each["files"]])
                for each in values["notices"]
            ]
        except (KeyError, TypeError) as error:
            raise BadBundleError(
                TIMELINE, "must list requests, their steps and their notices"
            ) from error
        self.notices = len(self._notices)

    def check(self, excerpt: Excerpt) -> tuple[int, int]:
        """Check the steps' audit entries; return the numbers of steps with and without one."""
        entries = {each.seq: each for each in excerpt.entries}
        named = [each for each in self._steps if each.audit is not None]
        for step in named:
            entry = entries.get(step.audit or 0)
            if entry is None:
                raise BadBundleError(TIMELINE, f"names audit entry {step.audit}, which is missing")
            if entry.actor != step.actor or entry.subject not in step.subjects:
                raise BadBundleError(
                    TIMELINE, f"has a step that differs from audit entry {entry.seq}"
                )
        if set(entries) != {each.audit for each in named}:
            raise BadBundleError(
                AUDIT, "must have the entries of the requests' steps and no others"
            )
        return len(named), len(self._steps) - len(named)

    def check_seen(self, values: dict[str, Any]) -> int:
        """Check the re-checks against the steps, and return their number."""
        try:
            listed = [(int(each["step"]), str(each["seen"])) for each in values["checks"]]
        except (KeyError, TypeError, ValueError) as error:
            raise BadBundleError(CHECKS, "must list re-checks and what they saw") from error
        seen = [(each.id, str(each.seen)) for each in self._steps if each.seen is not None]
        if sorted(listed) != sorted(seen):
            raise BadBundleError(CHECKS, "must have the re-checks of the timeline and no others")
        return len(listed)

    def check_files(self, contents: Mapping[str, bytes]) -> None:
        """Check that each notice has its files, and a text with the digest in the timeline."""
        claimed = [name for _, names in self._notices for name in names]
        if sorted(claimed) != sorted(each for each in contents if each.startswith("notices/")):
            raise BadBundleError(TIMELINE, "must list the files of every notice and no others")
        for made_with, names in self._notices:
            digest = made_with.get("text_sha256") if isinstance(made_with, dict) else None
            for name in names:
                if name.endswith("/notice.txt") and digest not in (None, sha256(contents[name])):
                    raise BadBundleError(name, "differs from the text that was approved")


def _parsed(content: bytes, name: str) -> dict[str, Any]:
    try:
        values = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BadBundleError(name, "must be JSON") from error
    if not isinstance(values, dict) or values.get("schema") != SCHEMA:
        raise BadBundleError(name, f"must have the schema {SCHEMA}")
    return values


def _second(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _day(at: datetime) -> str:
    return at.date().isoformat()
