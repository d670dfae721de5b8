"""`hashsvc audit`: verify, sign and export the audit log on the service's own machine."""

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
        "--anchor", help="A witness's copy of the anchor file. The log is compared with it too."
    ),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--public-key", help="Key to check signatures with. If unset, this service's own key."
    ),
]


@contextmanager
def _log_signer() -> Iterator[tuple[LogSigner, Database]]:
    settings = read_settings()
    with open_database(settings) as database:
        yield LogSigner(settings, database), database


@contextmanager
def _ending_in_one_line() -> Iterator[None]:
    try:
        yield
    except audit.AuditError as error:
        fail(str(error))


@app.command()
def verify(
    file: Annotated[
        Path | None, typer.Argument(help="An exported file. If unset, the service's own log.")
    ] = None,
    public_key: Key = None,
    anchor_file: AnchorFile = None,
) -> None:
    """Check that no entry was altered, removed or moved; if one was, name the first."""
    with _ending_in_one_line():
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
            # Only the key that signed a checkpoint knows the blinds of its tree.
            blinder = own.blinder() if str(key) == str(own.public()) else None
            entries = audit.verify(connection, checkpoints, blinder)
    signed = max((each.seq for each in checkpoints), default=0)
    say(f"{entries} entries are in an unbroken chain; {signed} of them are signed.")
    if entries and not signed:
        say("NOT SIGNED: anybody who can write to the database could have replaced the whole log.")


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
    say(f"{entries} entries are in an unbroken chain; all of them are signed.")


def _read_anchor(path: Path, key: PublicKey) -> list[audit.Checkpoint]:
    found = anchor.read(path, key)
    if not found:
        fail("There is no checkpoint in the anchor file.")
    return found


@app.command()
def checkpoint() -> None:
    """Verify the log, sign a checkpoint, add the checkpoint to the anchor file, and print it."""
    with _ending_in_one_line(), _log_signer() as (log_signer, _):
        log_signer.verify()
        typer.echo(log_signer.checkpoint().dump())


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="The file to write. It must not exist yet.")],
) -> None:
    """Write all entries and a signed checkpoint to a new file, one JSON object per line."""
    with _ending_in_one_line(), _log_signer() as (log_signer, database):
        key, now = log_signer.key(), utc_now()
        with database.write() as connection:
            audit.record(connection, actor=_ACTOR, action="audit.export", subject="all", now=now)
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            fail(f"The file cannot be created ({error.strerror}).")
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as out, database.read() as connection:
                out.writelines(f"{line}\n" for line in exports.lines(connection, key, now))
        except (audit.AuditError, OSError):
            file.unlink()
            raise
        say(f"Exported. To check the file's signature, use the key {key.public()}")


@app.command("public-key")
def public_key() -> None:
    """Print the public key that checks the signatures of checkpoints."""
    with _ending_in_one_line(), _log_signer() as (log_signer, _):
        key = log_signer.key().public()
        typer.echo(str(key))
        say(f"Publish its fingerprint: SHA-256 {key.fingerprint}")
