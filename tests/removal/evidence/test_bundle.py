"""Checking a bundle finds any altered, added or missing byte, and says what it proves."""

import hashlib
import io
import json
import zipfile
from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hashsvc.audit import SigningKey, stamp_by
from hashsvc.removal.errors import BadBundleError
from hashsvc.removal.evidence.archive import pack, unpack
from hashsvc.removal.evidence.bundle import (
    AUDIT,
    CHECKS,
    MANIFEST,
    PAGE,
    README,
    SIGNATURE,
    SIGNED_AS,
    STAMP,
    TIMELINE,
    dumped,
    sha256,
    signature_file,
    signed_content,
    write_bundle,
)
from hashsvc.removal.evidence.verify import verify_bundle
from hashsvc.removal.history import RequestView
from tests.helpers import authority
from tests.helpers.authority import Authority
from tests.removal.bundles import AT, FACTS, REASON, TEXT, documents_of, excerpt_of, two_requests
from tests.removal.timelines import ACTOR, CASE, IMAGE_URL, PAGE_URL

Change = Callable[[dict[str, bytes]], None]


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return SigningKey.at(tmp_path_factory.mktemp("keys") / "key")


@pytest.fixture(scope="module")
def views() -> list[RequestView]:
    return two_requests()


def written(views: Sequence[RequestView], key: SigningKey, **more: Any) -> bytes:
    excerpt = more.pop("excerpt", None) or excerpt_of(views, key)
    return write_bundle(views, documents_of(views), excerpt, key, now=AT, **more)


@pytest.fixture(scope="module")
def bundle(views: list[RequestView], key: SigningKey) -> bytes:
    return written(views, key)


def signed_again(contents: dict[str, bytes], key: SigningKey, **claims: str) -> bytes:
    """Return a bundle of these contents, listed and signed again with a key."""
    files = {name: each for name, each in contents.items() if name not in (MANIFEST, SIGNATURE)}
    manifest = json.loads(contents[MANIFEST]) | claims
    manifest["files"] = [
        {"name": name, "bytes": len(content), "sha256": sha256(content)}
        for name, content in sorted(files.items())
        if name != STAMP
    ]
    files[MANIFEST] = dumped(manifest)
    signed = signed_content(files[MANIFEST], files.get(STAMP))
    files[SIGNATURE] = signature_file(key.public(), key.sign_content(SIGNED_AS, signed))
    return pack(files)


def test_a_good_bundle_passes_every_check(
    bundle: bytes, views: list[RequestView], key: SigningKey
) -> None:
    for given in (None, key.public()):
        found = verify_bundle(bundle, given)
        assert found.made_at == AT
        assert found.requests == tuple(each.request.id for each in views)
        assert (found.notices, found.checks, found.proven, found.unproven) == (2, 3, 8, 0)
        assert found.files == 10
        assert (str(found.key), found.key_was_given) == (str(key.public()), given is not None)
        assert found.stamp is None


def test_a_bundle_contains_what_a_court_asks_for(bundle: bytes, views: list[RequestView]) -> None:
    contents = unpack(bundle)
    (notice,) = views[0].notices
    assert contents[f"notices/{notice.id}/notice.txt"] == TEXT
    assert {each.rpartition(".")[2] for each in contents if "notice" in each} == {
        "txt",
        "pdf",
        "json",
    }
    timeline = json.loads(contents[TIMELINE])
    (first, second) = timeline["requests"]
    assert (first["page_url"], first["image_url"]) == (PAGE_URL, IMAGE_URL)
    assert [each["state"] for each in first["steps"]][:3] == ["draft", "sent", "refused"]
    assert first["steps"][2]["reason"] == REASON
    assert (second["goes_on_from"], second["because"]) == (first["id"], "reappeared")
    assert timeline["notices"][0]["made_with"]["text_sha256"] == sha256(TEXT)
    assert timeline["notices"][1]["files"] == []
    checks = json.loads(contents[CHECKS])["checks"]
    assert [each["seen"] for each in checks] == ["still-there", "image-gone", "image-gone"]
    assert checks[0]["facts"] == FACTS
    assert b"&lt;script&gt;" in contents[PAGE]
    assert b"<script>" not in contents[PAGE]
    assert b"href" not in contents[PAGE]


def test_a_bundle_contains_no_case_match_or_organisation(
    bundle: bytes, views: list[RequestView]
) -> None:
    content = b"".join(unpack(bundle).values())
    assert IMAGE_URL.encode() in content
    for private in (str(CASE), views[0].request.match_id, views[0].request.organisation_id):
        assert str(private).encode() not in content


def test_a_bundle_with_a_forbidden_text_is_not_written(
    views: list[RequestView], key: SigningKey
) -> None:
    with pytest.raises(BadBundleError, match="must not leave") as raised:
        written(views, key, never=["Within our rules"])
    assert raised.value.file in {TIMELINE, PAGE}
    assert "rules" not in raised.value.rule
    written(views, key, never=["", "absent text"])


def test_the_same_requests_give_the_same_bytes(
    bundle: bytes, views: list[RequestView], key: SigningKey
) -> None:
    assert written(views, key) == bundle
    later = write_bundle(
        views, documents_of(views), excerpt_of(views, key), key, now=AT + timedelta(seconds=1)
    )
    assert later != bundle


def test_any_altered_byte_of_the_archive_is_found(bundle: bytes, key: SigningKey) -> None:
    """One bit is altered, also where neither a file nor a ZIP checksum covers it."""
    step = 7
    for place in [*range(0, len(bundle), step), *range(len(bundle) - 800, len(bundle))]:
        altered = bytearray(bundle)
        altered[place] ^= 1 << place % 8
        with pytest.raises(BadBundleError):
            verify_bundle(bytes(altered), key.public())


def test_any_altered_byte_of_a_file_is_found(bundle: bytes, key: SigningKey) -> None:
    """This holds even if the archive's own checksums are corrected."""
    contents = unpack(bundle)
    for name, content in contents.items():
        for place in range(0, len(content), 1 if len(content) < 600 else 61):
            altered = bytearray(content)
            altered[place] ^= 1 << place % 8
            with pytest.raises(BadBundleError):
                verify_bundle(pack(contents | {name: bytes(altered)}))
        for changed in (content[:-1], content + b" ", b"\n" + content):
            with pytest.raises(BadBundleError):
                verify_bundle(pack(contents | {name: changed}))


@pytest.mark.parametrize("place", range(10))
def test_a_missing_file_is_found(bundle: bytes, place: int) -> None:
    contents = unpack(bundle)
    assert len(contents) == 10
    del contents[sorted(contents)[place]]
    with pytest.raises(BadBundleError, match="missing"):
        verify_bundle(pack(contents))


def test_an_added_file_is_found(bundle: bytes) -> None:
    for name in ("more.txt", "notices/x.txt", STAMP):
        with pytest.raises(BadBundleError):
            verify_bundle(pack(unpack(bundle) | {name: b""}))


def test_the_error_names_the_file_and_the_rule(bundle: bytes) -> None:
    contents = unpack(bundle)
    with pytest.raises(BadBundleError) as raised:
        verify_bundle(pack(contents | {CHECKS: b"{}"}))
    assert (raised.value.file, raised.value.rule) == (
        "rechecks.json",
        "was altered: the manifest lists another length or digest",
    )
    assert str(raised.value).startswith("rechecks.json: was altered")


def test_a_bundle_signed_with_another_key_is_found(
    bundle: bytes, key: SigningKey, tmp_path: Path
) -> None:
    other = SigningKey.at(tmp_path / "other")
    with pytest.raises(BadBundleError, match="another key"):
        verify_bundle(bundle, other.public())
    # A forger can sign everything again with another key. That key did not sign the checkpoint.
    forged = signed_again(unpack(bundle), other)
    with pytest.raises(BadBundleError, match="another key"):
        verify_bundle(forged, key.public())
    with pytest.raises(BadBundleError, match="names another key"):
        verify_bundle(forged)
    forged = signed_again(unpack(bundle), other, key_fingerprint=other.public().fingerprint)
    with pytest.raises(BadBundleError, match=r"audit\.json: The checkpoint .* another key"):
        verify_bundle(forged)


def test_a_signature_of_something_else_is_refused(bundle: bytes, key: SigningKey) -> None:
    contents = unpack(bundle)
    signed = signed_content(contents[MANIFEST], None)
    for kind, content in (("audit checkpoint 2", signed), (SIGNED_AS, contents[MANIFEST])):
        contents[SIGNATURE] = signature_file(key.public(), key.sign_content(kind, content))
        with pytest.raises(BadBundleError, match="not what was signed"):
            verify_bundle(pack(contents))


def in_timeline(change: Callable[[dict[str, Any]], None]) -> Change:
    def do(contents: dict[str, bytes]) -> None:
        values = json.loads(contents[TIMELINE])
        change(values)
        contents[TIMELINE] = dumped(values)

    return do


def in_audit(change: Callable[[dict[str, Any]], None]) -> Change:
    def do(contents: dict[str, bytes]) -> None:
        values = json.loads(contents[AUDIT])
        change(values)
        contents[AUDIT] = dumped(values)

    return do


def in_checks(change: Callable[[dict[str, Any]], None]) -> Change:
    def do(contents: dict[str, bytes]) -> None:
        values = json.loads(contents[CHECKS])
        change(values)
        contents[CHECKS] = dumped(values)

    return do


def alter_notice(contents: dict[str, bytes]) -> None:
    name = next(each for each in contents if each.endswith("notice.txt"))
    contents[name] = b"Another notice.\n"


WRONG: dict[str, tuple[str, Change]] = {
    "an entry altered": (AUDIT, in_audit(lambda v: v["entries"][0].update(action="request.read"))),
    "an entry moved": (AUDIT, in_audit(lambda v: v["entries"][0].update(seq=11))),
    "an entry left out": (TIMELINE, in_audit(lambda v: v["entries"].pop())),
    "a path cut": (AUDIT, in_audit(lambda v: v["entries"][0]["path"].pop())),
    "a checkpoint altered": (AUDIT, in_audit(lambda v: v["checkpoint"].update(seq=81))),
    "no tree": (AUDIT, in_audit(lambda v: v["checkpoint"].pop("peaks"))),
    "a step of another entry": (
        TIMELINE,
        in_timeline(lambda v: v["requests"][0]["steps"][0].update(audit=7)),
    ),
    "a step of another's entry": (
        TIMELINE,
        in_timeline(lambda v: v["requests"][0]["steps"][0].update(audit=80)),
    ),
    "a step of another actor": (
        TIMELINE,
        in_timeline(lambda v: v["requests"][0]["steps"][0].update(actor="b" * 32)),
    ),
    "a step left out": (AUDIT, in_timeline(lambda v: v["requests"][1]["steps"].pop())),
    "a step without an entry": (
        AUDIT,
        in_timeline(lambda v: v["requests"][1]["steps"][0].update(audit=None)),
    ),
    "a re-check made up": (CHECKS, in_checks(lambda v: v["checks"].append(v["checks"][0]))),
    "a re-check altered": (CHECKS, in_checks(lambda v: v["checks"][0].update(seen="image-gone"))),
    "a notice's text altered": ("notices/", alter_notice),
    "a notice left out": (TIMELINE, in_timeline(lambda v: v["notices"][0]["files"].pop())),
    "no JSON": (TIMELINE, lambda contents: contents.update({TIMELINE: b"{"})),
    "deep JSON": (TIMELINE, lambda contents: contents.update({TIMELINE: b"[" * 100_000})),
    "another schema": (CHECKS, in_checks(lambda v: v.update(schema="hashsvc-evidence/2"))),
    "no steps": (TIMELINE, in_timeline(lambda v: v["requests"][0].pop("steps"))),
    "a strange number": (
        TIMELINE,
        in_timeline(lambda v: v["requests"][0]["steps"][0].update(audit=["x"])),
    ),
    "strange checks": (CHECKS, in_checks(lambda v: v.update(checks=3))),
    "strange entries": (AUDIT, in_audit(lambda v: v.update(entries=[3]))),
}


@pytest.mark.parametrize("name", WRONG)
def test_contents_that_contradict_each_other_are_found_even_if_signed(
    bundle: bytes, key: SigningKey, name: str
) -> None:
    file, change = WRONG[name]
    contents = unpack(bundle)
    verify_bundle(signed_again(contents, key))
    change(contents)
    with pytest.raises(BadBundleError) as raised:
        verify_bundle(signed_again(contents, key))
    assert raised.value.file.startswith(file)


@pytest.mark.parametrize(
    ("file", "values"),
    [
        (SIGNATURE, {"public_key": "AAAA"}),
        (SIGNATURE, {"public_key": None}),
        (SIGNATURE, {"signature": "zz"}),
        (SIGNATURE, {"signature": 7}),
        (SIGNATURE, {"more": 1}),
        (MANIFEST, {"made_at": "yesterday"}),
        (MANIFEST, {"files": 7}),
        (MANIFEST, {"files": [{"name": "x"}]}),
    ],
)
def test_values_of_the_wrong_type_are_refused(
    bundle: bytes, key: SigningKey, file: str, values: dict[str, object]
) -> None:
    contents = unpack(bundle)
    contents[file] = dumped(json.loads(contents[file]) | values)
    if file == MANIFEST:
        signed = signed_content(contents[MANIFEST], None)
        contents[SIGNATURE] = signature_file(key.public(), key.sign_content(SIGNED_AS, signed))
    with pytest.raises(BadBundleError) as raised:
        verify_bundle(pack(contents))
    assert raised.value.file == file


def test_audit_entries_about_other_requests_are_refused(
    views: list[RequestView], key: SigningKey
) -> None:
    with pytest.raises(BadBundleError, match="entry 10 is about something other"):
        written(views, key, excerpt=excerpt_of(views, key, subjects=["somebody else's"]))
    # An entry about a notice counts as an entry about its requests.
    notice = views[0].notices[0].id
    verify_bundle(written(views, key, excerpt=excerpt_of(views, key, subjects=[notice])))


def test_too_many_or_too_few_audit_entries_are_refused(
    views: list[RequestView], key: SigningKey
) -> None:
    excerpt = excerpt_of(views, key)
    for wrong in (views[:1], two_requests()[1:]):
        with pytest.raises(BadBundleError, match="and no others"):
            written(wrong, key, excerpt=excerpt)


def test_the_result_counts_steps_without_an_audit_entry(
    views: list[RequestView], key: SigningKey
) -> None:
    first, *others = views[0].events
    old = replace(views[0], events=(replace(first, audit_seq=None), *others))
    found = verify_bundle(written([old, views[1]], key))
    assert (found.proven, found.unproven) == (7, 1)
    assert "NOT PROVEN: 1 steps" in "\n".join(found.sentences())


def test_one_request_alone_can_be_bundled(views: list[RequestView], key: SigningKey) -> None:
    found = verify_bundle(written(views[:1], key))
    assert len(found.requests) == 1
    assert IMAGE_URL.encode() in unpack(written(views[:1], key))[TIMELINE]


def test_the_sentences_say_what_the_proof_depends_on(bundle: bytes, key: SigningKey) -> None:
    text = "\n".join(verify_bundle(bundle).sentences())
    assert "All 10 files are as they were signed on 2026-09-01" in text
    assert "8 steps have their entry in the audit log" in text
    assert "WHOSE KEY?" in text
    assert "There is no time stamp" in text
    assert f"SHA-256 {key.public().fingerprint}" in text
    text = "\n".join(verify_bundle(bundle, key.public()).sentences())
    assert "WHOSE KEY?" not in text
    assert "the key that you gave" in text


def test_a_bundle_can_be_checked_by_hand_as_its_readme_says(bundle: bytes) -> None:
    """A ZIP program, SHA-256 and Ed25519 are enough."""
    with zipfile.ZipFile(io.BytesIO(bundle)) as file:
        contents = {each: file.read(each) for each in file.namelist()}
    readme = contents[README].decode()
    assert '["hashsvc evidence bundle 1","D"]' in readme
    assert '{"manifest.json":"M","timestamp.tsr":T}' in readme
    listed = json.loads(contents[MANIFEST])["files"]
    for each in listed:
        assert hashlib.sha256(contents[each["name"]]).hexdigest() == each["sha256"]
    digest = hashlib.sha256(contents[MANIFEST]).hexdigest()
    inner = f'{{"manifest.json":"{digest}","timestamp.tsr":null}}'
    text = f'["hashsvc evidence bundle 1","{hashlib.sha256(inner.encode()).hexdigest()}"]'
    signature = json.loads(contents[SIGNATURE])
    raw = b64decode(signature["public_key"])
    assert hashlib.sha256(raw).hexdigest() == signature["key_fingerprint"]
    Ed25519PublicKey.from_public_bytes(raw).verify(
        bytes.fromhex(signature["signature"]), text.encode()
    )


def test_the_page_shows_both_times_of_each_step(bundle: bytes) -> None:
    page = unpack(bundle)[PAGE].decode()
    assert page.count("<tr>") == 2 + 8
    assert ACTOR not in page
    assert "2026-06-01 13:00" in page


@pytest.mark.skipif(authority.MISSING, reason=authority.WHY)
def test_a_time_stamp_covers_the_manifest_and_is_signed(
    views: list[RequestView], key: SigningKey, tmp_path: Path
) -> None:
    one, other = Authority(tmp_path / "one"), Authority(tmp_path / "other")
    stamped = written(views, key, stamp=stamp_by(one.post))
    found = verify_bundle(stamped, key.public(), tsa_roots=one.roots)
    assert found.stamp is not None
    assert found.stamp.verified
    assert "An authority that you trust stamped the manifest on" in "\n".join(found.sentences())
    unchecked = verify_bundle(stamped, key.public())
    assert "NOT CHECKED: a time stamp says" in "\n".join(unchecked.sentences())
    with pytest.raises(BadBundleError, match="None of the given authorities") as raised:
        verify_bundle(stamped, key.public(), tsa_roots=other.roots)
    assert raised.value.file == STAMP
    contents = unpack(stamped)
    for place in range(len(contents[STAMP])):
        altered = bytearray(contents[STAMP])
        altered[place] ^= 1
        with pytest.raises(BadBundleError):
            verify_bundle(pack(contents | {STAMP: bytes(altered)}))
    # Without the stamp, the signature is wrong. If the bundle is signed again, the signature is
    # right, but the stamp to be checked is missing.
    del contents[STAMP]
    with pytest.raises(BadBundleError, match="not what was signed"):
        verify_bundle(pack(contents))
    with pytest.raises(BadBundleError, match=r"timestamp\.tsr: is missing"):
        verify_bundle(signed_again(contents, key), tsa_roots=one.roots)
    # The stamp of another bundle is refused too.
    contents[STAMP] = stamp_by(one.post)(b"another manifest")
    with pytest.raises(BadBundleError, match="for other content"):
        verify_bundle(signed_again(contents, key))
