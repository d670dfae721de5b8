"""`hashsvc bank`: remove withdrawn data from the files, and prove that it is gone."""

import json
from pathlib import Path
from typing import Annotated

import typer

from hashsvc import audit, bank
from hashsvc.cli.configured import open_existing, read_settings
from hashsvc.cli.images import signatures
from hashsvc.cli.output import fail, say
from hashsvc.clock import utc_now
from hashsvc.signals import Signal, SignalFormatError, Signature, View, ViewedSignal
from hashsvc.store import Database, erasures

app = typer.Typer(
    no_args_is_help=True, help="The bank's files: purge, prove-withdrawn, withdraw-again."
)


@app.command()
def purge() -> None:
    """Rewrite the database file (or PostgreSQL's table of keys) now, without withdrawn data."""
    with open_existing(read_settings()) as database:
        _record(database, "bank.purge")
        if not database.purge(utc_now()):
            fail("Another process has locked the database for too long. Try again.")
        what = "file" if database.is_sqlite else "table of keys"
    say(f"The {what} was rewritten without withdrawn data.")


@app.command("prove-withdrawn")
def prove(
    paths: Annotated[
        list[Path],
        typer.Argument(help="The withdrawn images, or files with the output of `hashsvc hash`."),
    ],
) -> None:
    """
    Prove that no file of the data directory and no content of the bank has an image's codes.

    Images are hashed on this machine and not sent. The command searches the files for parts of the
    codes, as bytes and as hexadecimal digits. It decrypts the bank's contents and compares them. A
    file may still hold data that was encrypted under a destroyed key, but nobody can read it.
    """
    settings = read_settings()
    images = [each for path in paths for each in _read(path)]
    with open_existing(settings) as database:
        folder = database.folder or settings.data_dir
        _record(database, "bank.prove-withdrawn")
        proof = bank.prove_withdrawn(database, folder, images)
        is_sqlite = database.is_sqlite
    _print_proof(proof)
    if not is_sqlite:
        say("NOT SEARCHED: the files of PostgreSQL's server, its log and its backups.")
    if not proof.holds:
        raise typer.Exit(1)


@app.command("withdraw-again")
def withdraw_again(
    erased: Annotated[
        Path | None,
        typer.Argument(
            help=f"The newest {erasures.LIST_NAME}. If unset, the one in the data directory."
        ),
    ] = None,
) -> None:
    """
    After pg_restore, repeat the withdrawals that were made after the backup.

    Run it before you start the service. For SQLite, `hashsvc restore` does the same.
    """
    settings = read_settings()
    try:
        ids = erasures.read_list(erased or settings.data_dir / erasures.LIST_NAME)
    except (OSError, UnicodeDecodeError):
        fail(f"The list of erasures, {erasures.LIST_NAME}, cannot be read.")
    with open_existing(settings) as database:
        withdrawn = bank.erase_again(bank.Bank(database), database, ids, actor="restore")
        with database.write() as connection:
            erasures.add_missing(connection, ids, now=utc_now())
        _record(database, "bank.withdraw-again")
        database.finish_erasures()
    say(f"{withdrawn} withdrawals were repeated.")


def _record(database: Database, action: str) -> None:
    with database.write() as connection:
        audit.record(connection, actor="cli", action=action, subject="all", now=utc_now())


def _read(path: Path) -> list[Signature]:
    try:
        with path.open("rb") as file:
            is_json = file.read(1) == b"{"
        if is_json:
            return [_signature(json.loads(line)) for line in path.read_text().splitlines()]
    except (SignalFormatError, ValueError, KeyError, TypeError):
        fail("A file is neither an image nor the output of `hashsvc hash`.")
    except OSError:
        pass  # `signatures` opens the file again and says why it cannot be read.
    signed = [each for each in signatures([path]) if each is not None]
    if not signed:
        raise typer.Exit(1)
    return signed


def _signature(record: dict[str, list[dict[str, str]]]) -> Signature:
    signals = [ViewedSignal(Signal.parse(each["signal"]), View.WHOLE) for each in record["signals"]]
    return Signature(100, tuple(signals))


def _print_proof(proof: "bank.Proof") -> None:
    say(f"Searched {proof.files} files of {proof.bytes:,} bytes for {proof.codes} codes.")
    if proof.too_plain:
        say(f"NOT SEARCHED: {proof.too_plain} codes that are nearly all zeros.")
    for name in proof.found_in:
        say(f"FOUND in {name}.")
    if proof.live_contents:
        say(f"FOUND in the bank: {proof.live_contents} contents are not withdrawn.")
    if proof.stray_keys:
        say(f"FOUND {proof.stray_keys} data keys that belong to no case.")
    if not proof.rewritten:
        say("The file has not been rewritten since the last withdrawal. Run: hashsvc bank purge")
    if proof.holds:
        say("Nothing was found. Every data key belongs to a case that is open.")
