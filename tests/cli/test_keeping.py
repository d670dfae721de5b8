"""Keys are rotated and backups made while the service runs, and a withdrawal is proven."""

import base64
import json
import secrets
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from hashsvc.access import Role
from hashsvc.cli.client import Client
from hashsvc.cli.hashing import as_record
from hashsvc.cli.scans import follow
from hashsvc.keyring import DataKey
from hashsvc.signals import Signal, sign_image
from tests.cli.conftest import Run
from tests.conftest import generated_photo, jpeg
from tests.helpers.database import bytes_of
from tests.helpers.service import running_service, token_for
from tests.helpers.site import Site

MANY = {f"limit_{each}_per_minute": "100000" for each in ("submissions", "reads", "lookups")}


@contextmanager
def clients(url: str, data_dir: Path) -> Iterator[tuple[Client, Client]]:
    """Yield the client of an intake worker and that of an analyst."""
    with (
        Client(url, token_for(data_dir, Role.INTAKE)) as intake,
        Client(url, token_for(data_dir, Role.ANALYST)) as analyst,
    ):
        yield intake, analyst


def submit(intake: Client, seed: int) -> tuple[str, dict[str, Any]]:
    """Open a case with one generated photo; return its number and the content."""
    number = intake.post("/v1/cases", {"adult": True})["number"]
    content = as_record(sign_image(jpeg(generated_photo(seed))).whole())
    intake.post(f"/v1/cases/{number}/contents", {"contents": [content]})
    return number, content


def withdraw(url: str, data_dir: Path, path: str) -> None:
    headers = {"Authorization": f"Bearer {token_for(data_dir, Role.INTAKE)}"}
    assert httpx2.delete(f"{url}/v1/cases/{path}", headers=headers).status_code == 204


def tiers(run: Run, url: str, data_dir: Path, photo: Path) -> list[str]:
    """Return the tiers at which a photo is found in the bank."""
    variables = {"HASHSVC_URL": url, "HASHSVC_KEY": token_for(data_dir, Role.ANALYST)}
    done = run("match", photo, **variables)
    assert done.exit_code == 0, done.stderr
    return [each["tier"] for each in json.loads(done.stdout)["matches"]]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    (tmp_path / "service").mkdir()
    return tmp_path / "service"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(jpeg(generated_photo(41)))
    return path


def codes_of(content: dict[str, Any]) -> list[bytes]:
    return [Signal.parse(each["signal"]).code for each in content["signals"]]


def stored_keys(data_dir: Path) -> list[tuple[str, str, bytes]]:
    with sqlite3.connect(data_dir / "hashsvc.db") as connection:
        query = "SELECT id, kek_id, wrapped FROM data_key WHERE id != 'records'"
        rows = connection.execute(query).fetchall()
    connection.close()
    return rows


def unwrapped(wrapped: bytes, key_id: str, data_dir: Path) -> bytes:
    """Return the bytes of a data key, which are sealed under the key-encryption key."""
    text = (data_dir / "key-encryption-key").read_text()
    return DataKey(base64.b64decode(text)).open(wrapped, context=f"data key {key_id}")


def left_of(marks: list[bytes], folder: Path) -> list[bytes]:
    everything = bytes_of(folder)
    shown = [each.hex().encode() for each in marks]
    return [each for each in (*marks, *shown, *(x.upper() for x in shown)) if each in everything]


def test_after_a_withdrawal_no_file_holds_a_code_or_a_key(
    run: Run, data_dir: Path, photo: Path, tmp_path: Path
) -> None:
    """Submit, use, back up, withdraw and purge a content, and search all files after each step."""
    variables = {"HASHSVC_DATA_DIR": str(data_dir)}
    hashed = tmp_path / "hashed.json"
    with Site() as site:
        open_to = {"fetch_networks": "127.0.0.0/8", "fetch_ports": str(site.port)}
        page = site.add_page("/page", [site.add_image("/copy.jpg", photo.read_bytes())])
        with running_service(data_dir, open_to | MANY) as url:
            with clients(url, data_dir) as (intake, analyst):
                number, content = submit(intake, 41)
                other, _ = submit(intake, 42)
                scan = analyst.post("/v1/scans", {"urls": [page]})
                follow(analyst, scan["scan"])
                (match,) = analyst.get("/v1/matches")
                analyst.post(f"/v1/matches/{match['match']}/verdict", {"confirmed": True})
                analyst.post("/v1/removal-requests", {"match": match["match"]})
            assert run("backup", tmp_path / "backup", **variables).exit_code == 0
            (key_id, _, wrapped), *_ = stored_keys(data_dir)
            key = unwrapped(wrapped, key_id, data_dir)
            codes = codes_of(content)
            assert len(codes) > 10
            assert left_of(codes, data_dir) == []
            assert left_of([wrapped], data_dir) == [wrapped]
            hashed.write_text(json.dumps(content) + "\n")
            for proof in (photo, hashed):
                told = run("bank", "prove-withdrawn", proof, **variables)
                assert told.exit_code == 1
                assert "FOUND in the bank: 1 contents are not withdrawn." in told.stderr

            withdraw(url, data_dir, number)
            assert left_of([wrapped, key, *codes], data_dir) == []
            assert tiers(run, url, data_dir, photo) == []
            told = run("bank", "prove-withdrawn", photo, **variables)
            assert "has not been rewritten since the last withdrawal" in told.stderr
            assert run("bank", "purge", **variables).exit_code == 0
            assert left_of([wrapped, key, *codes, number.encode()], data_dir) == [number.encode()]
            for proof in (photo, hashed):
                told = run("bank", "prove-withdrawn", proof, **variables)
                assert (told.exit_code, told.stdout) == (0, "")
                assert told.stderr.splitlines()[-1].startswith("Nothing was found.")
                assert "rewritten" not in told.stderr
        # The audit log and the service's own log are kept. They hold only opaque ids.
        assert left_of([wrapped, key, *codes], data_dir) == []
        assert page.encode() not in bytes_of(data_dir)
        said = (data_dir / "service.log").read_text()
        assert said.count("key-encryption-key: keep a copy elsewhere") == 1
        assert (data_dir / "key-encryption-key").read_text().strip() not in said

    # A backup in the data directory and a code in a log are both found.
    shutil.copytree(tmp_path / "backup", data_dir / "backup")
    assert left_of([wrapped], data_dir) == [wrapped]
    (data_dir / "service.log").write_text(f"a code: {codes[0].hex()}")
    told = run("bank", "prove-withdrawn", hashed, **variables)
    assert told.exit_code == 1
    assert "FOUND in service.log." in told.stderr
    assert other


def test_a_backup_made_while_serving_is_restored_without_what_was_withdrawn_since(
    run: Run, data_dir: Path, photo: Path, tmp_path: Path
) -> None:
    second = tmp_path / "second.jpg"
    second.write_bytes(jpeg(generated_photo(42)))
    backup, anew = tmp_path / "backup", tmp_path / "anew"
    with running_service(data_dir, MANY) as url:
        with clients(url, data_dir) as (intake, _):
            kept, _ = submit(intake, 41)
            gone, _ = submit(intake, 42)
            done = run("backup", backup, HASHSVC_DATA_DIR=str(data_dir))
            assert done.exit_code == 0, done.stderr
            assert "which is not in it" in done.stderr
            submit(intake, 43)
        withdraw(url, data_dir, gone)
        assert tiers(run, url, data_dir, second) == []
        # The disk fails. Only the backup and the copies that were kept elsewhere are left.
        anew.mkdir()
        for name in ("key-encryption-key", "erased-ids.txt"):
            shutil.copy(data_dir / name, tmp_path / name)
    variables = {"HASHSVC_DATA_DIR": str(anew)}
    done = run("restore", backup, **variables)
    assert done.exit_code == 1
    assert "--no-erased" in done.stderr
    done = run("restore", backup, "--erased", tmp_path / "erased-ids.txt", **variables)
    assert done.exit_code == 1
    assert "key-encryption key" in done.stderr
    assert list(anew.glob("hashsvc.db*")) == []
    shutil.copy(tmp_path / "key-encryption-key", anew)
    done = run("restore", backup, "--erased", tmp_path / "erased-ids.txt", **variables)
    assert done.exit_code == 0, done.stderr
    assert "1 later withdrawals were repeated." in done.stderr
    again = run("restore", backup, "--no-erased", **variables)
    assert (again.exit_code, again.stderr) == (
        1, "A backup can be restored only into an empty data directory.\n"
    )  # fmt: skip
    with running_service(anew, MANY) as url:
        assert tiers(run, url, anew, photo) == ["certain"]
        assert tiers(run, url, anew, second) == []
        with clients(url, anew) as (intake, _):
            assert len(intake.get(f"/v1/cases/{kept}")["contents"]) == 1
            submit(intake, 44)


@pytest.mark.parametrize("source", ["own file", "command"])
def test_keys_are_rotated_while_requests_go_on(
    run: Run, data_dir: Path, photo: Path, tmp_path: Path, source: str
) -> None:
    path = data_dir / "key-encryption-key" if source == "own file" else tmp_path / "key"
    settings = {} if source == "own file" else {"key_encryption_key_command": f"cat {path}"}
    if source != "own file":
        path.write_text(new_key())

    def put(keys: str) -> None:
        """Replace the keys atomically, as README says."""
        (tmp_path / "draft").write_text(keys)
        (tmp_path / "draft").replace(path)

    variables = {f"HASHSVC_{name.upper()}": value for name, value in settings.items()}
    variables["HASHSVC_DATA_DIR"] = str(data_dir)
    stop, numbers = threading.Event(), []

    def go_on(url: str) -> None:
        with clients(url, data_dir) as (intake, _):
            content = as_record(sign_image(photo.read_bytes()).whole())
            while not stop.is_set():
                number = intake.post("/v1/cases", {"adult": True})["number"]
                record = content | {"content": secrets.token_hex(16)}
                intake.post(f"/v1/cases/{number}/contents", {"contents": [record]})
                assert len(intake.get(f"/v1/cases/{number}")["contents"]) == 1
                numbers.append(number)

    with running_service(data_dir, MANY | settings) as url, ThreadPoolExecutor(2) as pool:
        going_on = [pool.submit(go_on, url) for _ in range(2)]
        first = path.read_text() if path.exists() else ""
        for _ in range(2):
            before = len(numbers)
            if source != "own file":
                put(f"{new_key()}\n{path.read_text()}")
            done = run("keys", "rotate", **variables)
            assert done.exit_code == 0, done.stderr
            if source != "own file":
                put(path.read_text().split()[0])
            while len(numbers) < before + 4 and not any(each.done() for each in going_on):
                stop.wait(0.01)
        stop.set()
        for each in going_on:
            each.result()
        assert tiers(run, url, data_dir, photo) == ["certain"] * len(numbers)
    assert path.read_text() != first
    assert len(path.read_text().split()) == 1
    assert len({kek_id for _, kek_id, _ in stored_keys(data_dir)}) == 1
    # The new key alone opens all data.
    told = run("bank", "prove-withdrawn", photo, **variables)
    assert f"FOUND in the bank: {len(numbers)} contents" in told.stderr
    assert "Traceback" not in (data_dir / "service.log").read_text()


def new_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def test_a_service_without_the_right_key_does_not_start(
    run: Run, data_dir: Path, tmp_path: Path
) -> None:
    variables = {"HASHSVC_DATA_DIR": str(data_dir)}
    assert run("keys", "create", "--role", "intake", **variables).exit_code == 0
    before = (data_dir / "hashsvc.db").read_bytes()
    wrong = run("serve", HASHSVC_KEY_ENCRYPTION_KEY=new_key(), **variables)
    (data_dir / "key-encryption-key").unlink()
    missing = run("serve", **variables)
    for done in (wrong, missing):
        assert done.exit_code == 1
        assert done.stderr.count("\n") == 1
        assert "key-encryption key" in done.stderr
    assert (data_dir / "hashsvc.db").read_bytes() == before


@pytest.mark.parametrize(
    "command",
    [
        ("bank", "purge"),
        ("bank", "prove-withdrawn", "photo.jpg"),
        ("backup", "x"),
        ("keys", "rotate"),
    ],
)
def test_no_database_is_created_where_there_is_none(
    run: Run, tmp_path: Path, photo: Path, command: tuple[str, ...]
) -> None:
    done = run(*command)
    assert (done.exit_code, done.stderr) == (
        1,
        "There is no database at the place that the settings name.\n",
    )
    assert not (tmp_path / "data").exists()


def test_a_file_that_is_neither_image_nor_signature_proves_nothing(
    run: Run, tmp_path: Path
) -> None:
    run("keys", "create", "--role", "intake")
    for name, text in (("a.json", '{"canary": 1}'), ("b.json", "{canary"), ("c.txt", "canary")):
        (tmp_path / name).write_text(text)
        done = run("bank", "prove-withdrawn", name)
        assert done.exit_code == 1
        assert "canary" not in done.stderr
        assert "Nothing was found" not in done.stderr
    assert run("bank", "prove-withdrawn", "missing").exit_code == 1
