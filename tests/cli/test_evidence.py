"""`hashsvc evidence verify` checks a bundle on a machine that has only the bundle."""

from pathlib import Path

import pytest

from hashsvc.audit import SigningKey
from hashsvc.removal.evidence.archive import MOST_BYTES
from hashsvc.removal.evidence.bundle import write_bundle
from tests.cli.conftest import Run
from tests.removal.bundles import AT, documents_of, excerpt_of, two_requests


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return SigningKey.at(tmp_path / "keys" / "key")


@pytest.fixture
def bundle(tmp_path: Path, key: SigningKey) -> Path:
    views = two_requests()
    path = tmp_path / "evidence.zip"
    path.write_bytes(write_bundle(views, documents_of(views), excerpt_of(views, key), key, now=AT))
    return path


def public(path: Path, key: SigningKey) -> Path:
    path.write_text(f"{key.public()}\n")
    return path


def test_an_unaltered_bundle_is_valid(
    run: Run, bundle: Path, key: SigningKey, tmp_path: Path
) -> None:
    # The command reads no settings, even wrong ones, and writes no file.
    done = run(
        "evidence", "verify", bundle, HASHSVC_DATA_DIR="/proc/nowhere", HASHSVC_MAX_BYTES="x"
    )
    assert done.exit_code == 0, done.output
    assert "10 files are as they were signed" in done.output
    assert "WHOSE KEY?" in done.output
    assert key.public().fingerprint in done.output
    done = run("evidence", "verify", bundle, "--key", public(tmp_path / "k", key))
    assert done.exit_code == 0
    assert "the key that you gave" in done.output
    assert {each.name for each in tmp_path.iterdir()} == {"keys", "evidence.zip", "k"}


def test_one_altered_byte_is_found(run: Run, bundle: Path) -> None:
    content = bytearray(bundle.read_bytes())
    content[len(content) // 2] ^= 1
    bundle.write_bytes(content)
    done = run("evidence", "verify", bundle)
    assert done.exit_code == 1
    assert done.output.startswith("NOT VALID. ")


def test_a_bundle_signed_with_another_key_is_not_valid(
    run: Run, bundle: Path, tmp_path: Path
) -> None:
    other = SigningKey.at(tmp_path / "other")
    done = run("evidence", "verify", bundle, "--key", public(tmp_path / "k", other))
    assert done.exit_code == 1
    assert "NOT VALID. signature.json: the bundle was signed with another key" in done.output


@pytest.mark.parametrize("text", ["", "canary", "é"])
def test_a_file_that_holds_no_key_is_refused(
    run: Run, bundle: Path, tmp_path: Path, text: str
) -> None:
    (tmp_path / "k").write_text(text)
    done = run("evidence", "verify", bundle, "--key", tmp_path / "k")
    assert (done.exit_code, done.output) == (1, "A public key is 32 bytes, written as base64.\n")


def test_a_missing_time_stamp_is_reported(run: Run, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "roots.pem").write_text("")
    done = run("evidence", "verify", bundle, "--tsa-roots", tmp_path / "roots.pem")
    assert (done.exit_code, done.output) == (1, "NOT VALID. timestamp.tsr: is missing.\n")


def test_a_missing_or_too_large_file_is_refused(run: Run, bundle: Path) -> None:
    done = run("evidence", "verify", "canary.zip")
    assert (done.exit_code, done.output) == (
        1,
        "A file cannot be read (No such file or directory).\n",
    )
    with bundle.open("r+b") as file:
        # The file is sparse: it takes no space.
        file.truncate(2 * MOST_BYTES + 1)
    done = run("evidence", "verify", bundle)
    assert (done.exit_code, done.output) == (1, "A file is larger than 536870912 bytes.\n")
