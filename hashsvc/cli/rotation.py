"""`hashsvc keys rotate`: another key-encryption key, while the service runs."""

from hashsvc import audit
from hashsvc.cli.configured import open_existing, read_settings
from hashsvc.cli.output import fail, say
from hashsvc.clock import utc_now
from hashsvc.keyring import KeyringError, OwnKeyFile
from hashsvc.store.rotation import rotate

_ACTOR = "cli"


def rotate_keys() -> None:
    """Wrap all data keys by a new key-encryption key; a running service goes on meanwhile."""
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
    say(f"{rotated.keys} keys are under the key-encryption key {rotated.kek_id} now.")
    if isinstance(source, OwnKeyFile):
        say("The old one is gone. Keep a copy of the new one elsewhere.")
        say("Backups made before need the old one: without a copy of it nobody opens them again.")
    else:
        say(f"The old one may be taken out of {source.name}, and destroyed.")
        say("Backups made before need it: without it nobody opens them again.")
    say("Make a backup now: hashsvc backup DIR")
