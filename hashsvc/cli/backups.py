"""`hashsvc backup` and `hashsvc restore`, on the service's own machine."""

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from hashsvc import audit, bank
from hashsvc.cli.configured import open_existing, read_settings
from hashsvc.cli.output import fail, say
from hashsvc.clock import utc_now
from hashsvc.store import StoreError, backups, erasures

_ACTOR = "cli"


def backup(
    folder: Annotated[
        Path, typer.Argument(help="A new or empty folder outside the data directory.")
    ],
) -> None:
    """Write a consistent copy of the database, even while the service runs."""
    with open_existing(read_settings()) as database:
        backups.check_possible(database)
        with database.write() as connection:
            audit.record(
                connection, actor=_ACTOR, action="backup.make", subject="all", now=utc_now()
            )
        made = backups.back_up(database, folder, version=version("hashsvc"), now=utc_now())
    say(f"Backed up: {made.bytes:,} bytes, SHA-256 {made.sha256}.")
    say(f"It needs the key-encryption key {made.key_encryption_key}, which is not in it:")
    say("keep a copy of the key away from the backup. Nobody can open the backup without it.")


def restore(
    folder: Annotated[Path, typer.Argument(help="Folder of the backup.")],
    erased: Annotated[
        Path | None,
        typer.Option(
            help=f"The newest {erasures.LIST_NAME}. If unset, the one in the data directory."
        ),
    ] = None,
    no_erased: Annotated[
        bool,
        typer.Option(
            "--no-erased",
            help="Restore without a list. What was withdrawn after the backup then comes back.",
        ),
    ] = False,
) -> None:
    """
    Restore a backup into an empty data directory, without what was withdrawn later.

    Stop the service first. The key-encryption key must be where the settings say.
    """
    settings = read_settings()
    try:
        ids = [] if no_erased else _erased_ids(erased or settings.data_dir / erasures.LIST_NAME)
        with backups.restoring(folder, settings) as database:
            withdrawn = bank.erase_again(bank.Bank(database), database, ids, actor="restore")
            now = utc_now()
            with database.write() as connection:
                erasures.add_missing(connection, ids, now=now)
                audit.record(
                    connection, actor="restore", action="backup.restore", subject="all", now=now
                )
            database.purge(now)
        made = backups.check(folder)
    except StoreError as error:
        fail(str(error))
    say(f"Restored the backup of {made.made_at}. {withdrawn} later withdrawals were repeated.")


def _erased_ids(path: Path) -> list[str]:
    try:
        return erasures.read_list(path)
    except (OSError, UnicodeDecodeError):
        fail(
            f"The list of erasures, {erasures.LIST_NAME}, cannot be read. Without it, what was "
            "withdrawn since the backup would come back. Name it with --erased, or use --no-erased."
        )
