"""`hashsvc bank`: what is withdrawn, taken out of the files and shown to be, on this machine."""

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
    """Rewrite the database's file, or PostgreSQL's of keys, without what was withdrawn, now."""
    with open_existing(read_settings()) as database:
        _record(database, "bank.purge")
        if not database.purge(utc_now()):
            fail("Somebody has held the database for too long; try again.")
        what = "file" if database.is_sqlite else "table of keys"
    say(f"The {what} was rewritten, without anything that was withdrawn.")


@app.command("prove-withdrawn")
def prove(
    paths: Annotated[
        list[Path],
        typer.Argument(help="The withdrawn images, or files with what `hashsvc hash` printed."),
    ],
) -> None:
    """
    Show that no file of the data directory, and no content of the bank, has an image's codes.

    Images are hashed here and go nowhere; the codes are looked for as bytes and as hexadecimal
    digits, in parts too. What was sealed under a destroyed key, nobody can look into any more.
    """
    settings = read_settings()
    images = [each for path in paths for each in _read(path)]
    with open_existing(settings) as database:
        folder = database.folder or settings.data_dir
        _record(database, "bank.prove-withdrawn")
        proof = bank.prove_withdrawn(database, folder, images)
        is_sqlite = database.is_sqlite
    _tell(proof)
    if not is_sqlite:
        say("NOT looked into: the files of PostgreSQL's server, its log and backups.")
    if not proof.holds:
        raise typer.Exit(1)


@app.command("withdraw-again")
def withdraw_again(
    erased: Annotated[
        Path | None,
        typer.Argument(
            help=f"The newest {erasures.LIST_NAME}; else the one in the data directory."
        ),
    ] = None,
) -> None:
    """
    Do again the withdrawals since a backup was made that pg_restore has just put back.

    Before the service is started. `hashsvc restore` does it by itself, for SQLite.
    """
    settings = read_settings()
    try:
        ids = erasures.read_list(erased or settings.data_dir / erasures.LIST_NAME)
    except (OSError, UnicodeDecodeError):
        fail(f"The list of erasures, {erasures.LIST_NAME}, cannot be read.")
    with open_existing(settings) as database:
        gone = bank.erase_again(bank.Bank(database), database, ids, actor="restore")
        with database.write() as connection:
            erasures.add_missing(connection, ids, now=utc_now())
        _record(database, "bank.withdraw-again")
        database.finish_erasures()
    say(f"{gone} withdrawals were done again.")


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
        fail("A file is neither an image nor what `hashsvc hash` prints.")
    except OSError:
        pass  # The next line says which, and why.
    found = [each for each in signatures([path]) if each is not None]
    if not found:
        raise typer.Exit(1)
    return found


def _signature(record: dict[str, list[dict[str, str]]]) -> Signature:
    signals = [ViewedSignal(Signal.parse(each["signal"]), View.WHOLE) for each in record["signals"]]
    return Signature(100, tuple(signals))


def _tell(proof: "bank.Proof") -> None:
    say(f"Looked for {proof.codes} codes in {proof.files} files of {proof.bytes:,} bytes.")
    if proof.too_plain:
        say(f"Not looked for: {proof.too_plain} codes that are hardly more than zeros.")
    for name in proof.found_in:
        say(f"FOUND in {name}.")
    if proof.live_contents:
        say(f"FOUND in the bank: {proof.live_contents} contents are not withdrawn.")
    if proof.stray_keys:
        say(f"FOUND: {proof.stray_keys} data keys that belong to no case.")
    if not proof.rewritten:
        say("The file was not rewritten since the last withdrawal: hashsvc bank purge does it now.")
    if proof.holds:
        say("Nothing was found. Every data key belongs to a case that is open.")
