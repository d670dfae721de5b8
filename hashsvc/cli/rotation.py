"""`hashsvc keys rotate`: change the key-encryption key, even while the service runs."""

from hashsvc import audit
from hashsvc.cli.configured import open_existing, read_settings
from hashsvc.cli.output import fail, say
from hashsvc.clock import utc_now
from hashsvc.keyring import KeyringError, OwnKeyFile
from hashsvc.store.rotation import rotate

_ACTOR = "cli"


def rotate_keys() -> None:
    """Encrypt all data keys under a new key-encryption key, even while the service runs."""
    with open_existing(read_settings()) as database:
        try:
            rotated = rotate(database)
        except KeyringError as error:
            fail(str(error))
        with database.write() as connection:
            audit.record(
                connection,
                actor=_ACTOR,
                action="encryption.rotate",
                subject=rotated.kek_id,
                now=utc_now(),
            )
        source = database.keyring.source
    say(f"{rotated.keys} keys are now encrypted under the key-encryption key {rotated.kek_id}.")
    if isinstance(source, OwnKeyFile):
        say("The old key was deleted. Keep a copy of the new key elsewhere.")
        say("Earlier backups need the old key: without a copy of it, nobody can open them.")
    else:
        say(f"You can now remove the old key from {source.name} and destroy it.")
        say("Earlier backups need the old key: without it, nobody can open them.")
    say("Make a backup now: hashsvc backup DIR")
