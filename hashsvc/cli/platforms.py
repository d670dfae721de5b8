"""`hashsvc platforms`: the registry of platforms, hosts and search engines."""

import json
from pathlib import Path
from typing import Annotated

import typer
import yaml

from hashsvc.cli.connecting import LOCAL, Insecure, Key, Url, connected
from hashsvc.cli.output import fail, say, write

app = typer.Typer(no_args_is_help=True, help="The registry of platforms and how to reach them.")
Name = Annotated[str, typer.Argument(help="An entry's id or a host name.", metavar="PLATFORM")]
_PATH = "/v1/platforms"


@app.command("list")
def list_platforms(key: Key, url: Url = LOCAL, insecure: Insecure = False) -> None:
    """List all entries: id, kind, domains."""
    with connected(url, key, insecure) as client:
        for each in client.get(_PATH)["platforms"]:
            typer.echo(f"{each['id']}  {each['kind']}  {', '.join(each['domains'])}")


@app.command()
def show(platform: Name, key: Key, url: Url = LOCAL, insecure: Insecure = False) -> None:
    """Show one entry. For a host without an entry, show what the service knows of it."""
    with connected(url, key, insecure) as client:
        typer.echo(json.dumps(client.get(f"{_PATH}/{platform}"), ensure_ascii=False, indent=2))


@app.command()
def export(
    key: Key,
    url: Url = LOCAL,
    insecure: Insecure = False,
    output: Annotated[
        Path | None, typer.Option(help="File to write. If unset, the entries are printed.")
    ] = None,
) -> None:
    """Write all entries as YAML, for the setting HASHSVC_PLATFORMS_FILE."""
    with connected(url, key, insecure) as client:
        write(client.content(f"{_PATH}.yaml"), output)


@app.command("set")
def set_entries(
    file: Annotated[
        Path, typer.Argument(help="YAML file with one entry, or with a list under `platforms:`.")
    ],
    key: Key,
    url: Url = LOCAL,
    insecure: Insecure = False,
) -> None:
    """Store entries. An entry replaces one with the same id."""
    try:
        content = yaml.safe_load(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        fail("The file cannot be read, or is not YAML.")
    entries = content.get("platforms", [content]) if isinstance(content, dict) else content
    if not isinstance(entries, list) or not all(
        isinstance(each, dict) and "id" in each for each in entries
    ):
        fail("The file must have one entry, or a list under `platforms:`. Each entry needs an id.")
    with connected(url, key, insecure) as client:
        for each in entries:
            # YAML has dates and JSON has none: send them as text.
            entry = json.loads(json.dumps(each, default=str))
            client.put(f"{_PATH}/{entry.pop('id')}", entry)
    say(f"{len(entries)} entries stored.")


@app.command()
def remove(platform: Name, key: Key, url: Url = LOCAL, insecure: Insecure = False) -> None:
    """Remove a stored entry. A shipped entry of the same id applies again."""
    with connected(url, key, insecure) as client:
        client.delete(f"{_PATH}/{platform}")
    say("Removed.")
