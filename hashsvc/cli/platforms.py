"""`hashsvc platforms`: the registry of who can take an image down."""

import json
from pathlib import Path
from typing import Annotated

import typer
import yaml

from hashsvc.cli.connecting import LOCAL, Insecure, Key, Url, connected
from hashsvc.cli.output import fail, say
from hashsvc.cli.removal import write

app = typer.Typer(no_args_is_help=True, help="The registry of platforms: how each is reached.")
Name = Annotated[str, typer.Argument(help="An entry's id, or a host.", metavar="PLATFORM")]
_PATH = "/v1/platforms"


@app.command("list")
def list_platforms(key: Key, url: Url = LOCAL, insecure: Insecure = False) -> None:
    """List all entries: id, kind, domains."""
    with connected(url, key, insecure) as client:
        for each in client.get(_PATH)["platforms"]:
            typer.echo(f"{each['id']}  {each['kind']}  {', '.join(each['domains'])}")


@app.command()
def show(platform: Name, key: Key, url: Url = LOCAL, insecure: Insecure = False) -> None:
    """Show one entry; of a host that nobody entered, what is known of it."""
    with connected(url, key, insecure) as client:
        typer.echo(json.dumps(client.get(f"{_PATH}/{platform}"), ensure_ascii=False, indent=2))


@app.command()
def export(
    key: Key,
    url: Url = LOCAL,
    insecure: Insecure = False,
    output: Annotated[Path | None, typer.Option(help="File to write; else it is printed.")] = None,
) -> None:
    """Write all entries as YAML, as the setting HASHSVC_PLATFORMS_FILE takes it."""
    with connected(url, key, insecure) as client:
        write(client.content(f"{_PATH}.yaml"), output)


@app.command("set")
def set_entries(
    file: Annotated[Path, typer.Argument(help="YAML with one entry, or with `platforms:`.")],
    key: Key,
    url: Url = LOCAL,
    insecure: Insecure = False,
) -> None:
    """Store entries, in place of those of the same id."""
    try:
        content = yaml.safe_load(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        fail("The file is there, to be read, and YAML.")
    entries = content.get("platforms", [content]) if isinstance(content, dict) else content
    if not isinstance(entries, list) or not all(
        isinstance(each, dict) and "id" in each for each in entries
    ):
        fail("The file has one entry, or a list of them under `platforms:`, each with an id.")
    with connected(url, key, insecure) as client:
        for each in entries:
            # JSON has no dates, and YAML's are what they say.
            entry = json.loads(json.dumps(each, default=str))
            client.put(f"{_PATH}/{entry.pop('id')}", entry)
    say(f"{len(entries)} stored.")


@app.command()
def remove(platform: Name, key: Key, url: Url = LOCAL, insecure: Insecure = False) -> None:
    """Take back what was stored of an entry; a shipped one is then as it came."""
    with connected(url, key, insecure) as client:
        client.delete(f"{_PATH}/{platform}")
    say("Taken back.")
