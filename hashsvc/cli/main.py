"""The `hashsvc` command."""

import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from hashsvc.cli.output import fail

COMMANDS = {
    "hash": (
        "hashing:hash_images",
        "Hash images on this machine. Neither the images nor their names are sent anywhere.",
    ),
    "compare": (
        "comparing:compare_images",
        "Compare two images or signals on this machine, and print tier, distances and reasons.",
    ),
    "submit": (
        "remote:submit",
        "Hash images on this machine and submit their signals to a case. No image is sent.",
    ),
    "match": (
        "remote:match",
        "Hash images on this machine, look them up, and print one line of JSON for each image.",
    ),
    "scan": (
        "scans:scan",
        "Submit reported URLs for a scan. With --wait, show its progress until it ends.",
    ),
    "statistics": (
        "statistics:statistics",
        "Show how platforms handled the requests that were first sent in a period.",
    ),
    "serve": (
        "serving:serve",
        "Serve the API, its documentation at /docs and a status page at /.",
    ),
    "worker": (
        "working:work",
        "Scan URLs for the service that has the same settings, until you stop this command.",
    ),
    "backup": (
        "backups:backup",
        "Write a consistent copy of the database, even while the service runs.",
    ),
    "restore": (
        "backups:restore",
        "Restore a backup into an empty data directory, without what was withdrawn later.",
    ),
    "scans": ("scans:app", "Scans of reported URLs: follow, stop, results."),
    "removal": ("removal:app", "Removal requests: raise, send, follow, and see what is due."),
    "platforms": ("platforms:app", "The registry of platforms and how to reach them."),
    "keys": ("keys:app", "API keys: create, list, revoke. Key-encryption key: rotate."),
    "bank": ("bank:app", "The bank's files: purge, prove-withdrawn, withdraw-again."),
    "audit": ("audit:app", "The audit log: verify, checkpoint, export."),
    "evidence": ("evidence:app", "Evidence bundles: verify."),
    "organisations": ("organisations:app", "Organisations: create, list."),
    "lists": (
        "lists:app",
        "Lists of images: common images are refused, protected images wait for an analyst.",
    ),
}
"""
For each command, the place in this package that defines it, and the first paragraph of its help.

`hashsvc --help` prints these paragraphs without importing the commands' modules. A test compares
them with what `hashsvc COMMAND --help` prints.
"""


class _LazyGroup(TyperGroup):
    """A group of COMMANDS, each of which is imported when it is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, (_, summary) in COMMANDS.items():
            self.add_command(TyperCommand(name, help=summary))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the name, the command (not its stand-in) and the arguments."""
        name, stand_in, rest = super().resolve_command(ctx, args)
        return name, stand_in and load_command(stand_in.name or ""), rest


def load_command(name: str) -> Any:
    """Import one of COMMANDS and return it."""
    module, _, attribute = COMMANDS[name][0].partition(":")
    found = getattr(import_module(f"hashsvc.cli.{module}"), attribute)
    if isinstance(found, typer.Typer):
        return get_group(found)
    alone = typer.Typer(add_completion=False)
    alone.command(name)(found)
    return get_command(alone)


app = typer.Typer(
    cls=_LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Finds re-uploads of intimate images spread without consent, from signals alone.",
)
# Typer makes no group of an app that has neither a callback nor registered commands.
app.callback()(lambda: None)


def main() -> None:
    """Run the command; an interruption ends it without a traceback."""
    try:
        app()
    except KeyboardInterrupt:
        fail("Stopped.", code=130)
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(1) from None
