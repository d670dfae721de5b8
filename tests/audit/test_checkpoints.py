"""A checkpoint states how the log was, and only the owner of the signing key can make one."""

import base64
import dataclasses
import json
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from hashsvc.audit import (
    BadSignatureError,
    Checkpoint,
    MalformedError,
    PublicKey,
    SigningKey,
    anchor,
)
from tests.helpers.set_clock import START

DIGEST = bytes(range(32))
SIGNATURE = (
    "d6ffd8a2b2e5408af0cc06f9379b7e0e4b88a102df5daccc716846a4550d3c42"
    "5731c64dd816f56c54654dccab703d40bb3c4dcc67696100388e64f967256308"
)


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return SigningKey.at(tmp_path / "keys" / "key")


@pytest.fixture
def signed(key: SigningKey) -> Checkpoint:
    return key.sign(6, DIGEST, START)


def test_the_signed_text_of_a_checkpoint_never_changes(tmp_path: Path) -> None:
    """
    The signature was made with `openssl pkeyutl -sign -rawin` and the key of RFC 8032, 7.1, test 1,
    over `["hashsvc audit checkpoint 1",6,"0001…1f","2026-01-05T09:30:00.000000+00:00"]`.
    """
    seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
    path = tmp_path / "key"
    path.write_text(base64.b64encode(bytes.fromhex(seed)).decode())
    path.chmod(0o600)
    key = SigningKey.at(path)
    assert str(key.public()) == "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    assert key.sign(6, DIGEST, START).signature.hex() == SIGNATURE


def test_a_written_checkpoint_can_be_read_again(signed: Checkpoint) -> None:
    assert Checkpoint.parse(json.loads(signed.dump())) == signed
    assert "\n" not in signed.dump()


def test_the_time_zone_does_not_matter(key: SigningKey, signed: Checkpoint) -> None:
    elsewhere = START.astimezone(timezone(timedelta(hours=7)))
    assert key.sign(6, DIGEST, elsewhere).signature == signed.signature


@pytest.mark.parametrize(
    "changed",
    [
        {"seq": 7},
        {"digest": bytes(32)},
        {"at": START + timedelta(microseconds=1)},
        {"signature": bytes(64)},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_an_altered_checkpoint_has_no_valid_signature(
    key: SigningKey, signed: Checkpoint, changed: dict[str, Any]
) -> None:
    key.public().check(signed)
    with pytest.raises(BadSignatureError):
        key.public().check(dataclasses.replace(signed, **changed))


def test_another_key_does_not_check_the_signature(signed: Checkpoint, tmp_path: Path) -> None:
    other = SigningKey.at(tmp_path / "other").public()
    with pytest.raises(BadSignatureError, match="entry 6"):
        other.check(signed)


def test_a_key_is_created_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "below" / "key"
    first, again = SigningKey.at(path), SigningKey.at(path)
    assert str(first.public()) == str(again.public())
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    SigningKey.at(path)
    path.chmod(mode)
    with pytest.raises(MalformedError, match="0600"):
        SigningKey.at(path)


@pytest.mark.parametrize("text", ["", "canary", "AAAA", "é", base64.b64encode(bytes(33)).decode()])
def test_a_malformed_key_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(MalformedError) as raised:
        SigningKey.at(path)
    assert "canary" not in str(raised.value)
    with pytest.raises(MalformedError):
        PublicKey.parse(text)


def test_a_key_that_cannot_be_created_is_refused() -> None:
    with pytest.raises(MalformedError, match="cannot be read or created"):
        SigningKey.at(Path("/proc/no/key"))


def test_a_written_public_key_can_be_read_again(key: SigningKey, signed: Checkpoint) -> None:
    PublicKey.parse(str(key.public())).check(signed)


@pytest.mark.parametrize(
    "values",
    [
        None,
        [],
        {},
        {"seq": "x"},
        {"digest": "zz"},
        {"digest": 5},
        {"at": "yesterday"},
        {"at": "2026-01-05T09:30:00"},
        {"signature": None},
    ],
)
def test_malformed_checkpoints_are_refused(signed: Checkpoint, values: object) -> None:
    whole = signed.as_json() | values if values and isinstance(values, dict) else values
    with pytest.raises(MalformedError):
        Checkpoint.parse(whole)


def test_checkpoints_are_appended_to_the_anchor_file(tmp_path: Path, key: SigningKey) -> None:
    path = tmp_path / "below" / "audit.anchor"
    assert anchor.read(path, key.public()) == []
    made = [key.sign(number, DIGEST, START) for number in range(3)]
    for each in made:
        anchor.append(path, each)
    assert anchor.read(path, key.public()) == made
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("", MalformedError),
        ("{}", MalformedError),
        ("[1]", MalformedError),
        ("canary", MalformedError),
        ("forged", BadSignatureError),
    ],
)
def test_a_wrong_line_in_the_anchor_file_is_named(
    tmp_path: Path, key: SigningKey, line: str, error: type[Exception]
) -> None:
    path = tmp_path / "audit.anchor"
    anchor.append(path, key.sign(1, DIGEST, START))
    if line == "forged":
        line = SigningKey.at(tmp_path / "other").sign(2, DIGEST, START).dump()
    with path.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(error, match=r"Line 2|entry 2") as raised:
        anchor.read(path, key.public())
    assert "canary" not in str(raised.value)


def test_an_unreadable_anchor_file_is_refused(tmp_path: Path, key: SigningKey) -> None:
    with pytest.raises(MalformedError):
        anchor.read(tmp_path, key.public())
