"""`hashsvc audit`: the audit log checked, signed, and taken out, on the service's own machine."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from hashsvc import audit
from hashsvc.audit import LogSigner, PublicKey, anchor, exports
from hashsvc.cli.configured import open_database, read_settings
from hashsvc.cli.output import fail, say
from hashsvc.clock import utc_now
from hashsvc.store import Database

app = typer.Typer(no_args_is_help=True, help="The audit log: verify, checkpoint, export.")
_ACTOR = "cli"

AnchorFile = Annotated[
    Path | None,
    typer.Option(
        "--anchor", help="A copy of the anchor file, as a witness has kept it; compared too."
    ),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--public-key", help="Key to check signatures with; else the one of this service."
    ),
]


@contextmanager
def _log_signer() -> Iterator[tuple[LogSigner, Database]]:
    settings = read_settings()
    with open_database(settings) as database:
        yield LogSigner(settings, database), database


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except audit.AuditError as error:
        fail(str(error))


@app.command()
def verify(
    file: Annotated[
        Path | None, typer.Argument(help="An export; without it, the service's own log.")
    ] = None,
    public_key: Key = None,
    anchor_file: AnchorFile = None,
) -> None:
    """Find any entry that was altered, removed or moved, and say where."""
    with _told():
        if file is None:
            _verify_log(public_key, anchor_file)
        else:
            _verify_file(file, public_key, anchor_file)


def _verify_log(public_key: str | None, anchor_file: Path | None) -> None:
    with _log_signer() as (log_signer, database):
        own = log_signer.key()
        key = PublicKey.parse(public_key) if public_key else own.public()
        checkpoints = log_signer.checkpoints()
        if anchor_file is not None:
            checkpoints = checkpoints + _read_anchor(anchor_file, key)
        with database.read() as connection:
            # What another key has signed has a tree with other blinds, which it alone knows.
            blinder = own.blinder() if str(key) == str(own.public()) else None
            entries = audit.verify(connection, checkpoints, blinder)
    signed = max((each.seq for each in checkpoints), default=0)
    say(f"{entries} entries follow from one another; {signed} of them are signed.")
    if entries and not signed:
        say("NOT SIGNED: whoever can write the database could have written all of it anew.")


def _verify_file(file: Path, public_key: str | None, anchor_file: Path | None) -> None:
    if public_key:
        key = PublicKey.parse(public_key)
    else:
        with _log_signer() as (log_signer, _):
            key = log_signer.key().public()
    checkpoints = _read_anchor(anchor_file, key) if anchor_file is not None else []
    try:
        with file.open(encoding="ascii") as lines:
            entries = exports.verify_lines(lines, key, checkpoints)
    except (OSError, UnicodeDecodeError):
        fail("The export cannot be read.")
    say(f"{entries} entries follow from one another; all of them are signed.")


def _read_anchor(path: Path, key: PublicKey) -> list[audit.Checkpoint]:
    found = anchor.read(path, key)
    if not found:
        fail("There is no checkpoint in the anchor file.")
    return found


@app.command()
def checkpoint() -> None:
    """Verify the log, sign it as it is now, add that to the anchor file, and print it."""
    with _told(), _log_signer() as (log_signer, _):
        log_signer.verify()
        typer.echo(log_signer.checkpoint().dump())


@app.command()
def export(file: Annotated[Path, typer.Argument(help="A new file.")]) -> None:
    """Write all entries, and a signed checkpoint after them, to a file; JSON, one a line."""
    with _told(), _log_signer() as (log_signer, database):
        key, now = log_signer.key(), utc_now()
        with database.write() as connection:
            audit.record(connection, actor=_ACTOR, action="audit.export", subject="all", now=now)
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            fail(f"The file cannot be made ({error.strerror}).")
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as out, database.read() as connection:
                out.writelines(f"{line}\n" for line in exports.lines(connection, key, now))
        except (audit.AuditError, OSError):
            file.unlink()
            raise
        say(f"Exported. Its signature is checked with the key {key.public()}")


@app.command("public-key")
def public_key() -> None:
    """Print the key that checkpoints are checked with; it may be given to anybody."""
    with _told(), _log_signer() as (log_signer, _):
        key = log_signer.key().public()
        typer.echo(str(key))
        say(f"Its fingerprint, to be published: SHA-256 {key.fingerprint}")
