"""The `hashsvc` command."""

import sys

import typer

from hashsvc.cli import (
    audit,
    backups,
    bank,
    evidence,
    keys,
    lists,
    local,
    organisations,
    platforms,
    remote,
    removal,
    rotation,
    scans,
    serving,
    statistics,
    working,
)
from hashsvc.cli.output import fail

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Finds re-uploads of intimate images spread without consent, from signals alone.",
)
app.command("hash")(local.hash_images)
app.command("compare")(local.compare_images)
app.command("submit")(remote.submit)
app.command("match")(remote.match)
app.command("scan")(scans.scan)
app.command("statistics")(statistics.statistics)
app.command("serve")(serving.serve)
app.command("worker")(working.work)
app.command("backup")(backups.backup)
app.command("restore")(backups.restore)
keys.app.command("rotate")(rotation.rotate_keys)
app.add_typer(scans.app, name="scans")
app.add_typer(removal.app, name="removal")
app.add_typer(platforms.app, name="platforms")
app.add_typer(keys.app, name="keys")
app.add_typer(bank.app, name="bank")
app.add_typer(audit.app, name="audit")
app.add_typer(evidence.app, name="evidence")
app.add_typer(organisations.app, name="organisations")
app.add_typer(lists.app, name="lists")


def main() -> None:
    """Run the command; an interruption ends it without a traceback."""
    try:
        app()
    except KeyboardInterrupt:
        fail("Stopped.", code=130)
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(1) from None
