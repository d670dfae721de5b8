"""`hashsvc keys`: API keys, made and revoked on the service's own machine."""

from datetime import timedelta
from typing import Annotated

import typer

from hashsvc import audit
from hashsvc.access import Role, create_key, revoke_key
from hashsvc.cli.configured import open_database, read_settings
from hashsvc.cli.output import say
from hashsvc.cli.rotation import rotate_keys
from hashsvc.clock import utc_now
from hashsvc.store import keys
from hashsvc.store.ids import DEFAULT_ORGANISATION, KeyId, OrganisationId
from hashsvc.store.keys import Key

app = typer.Typer(no_args_is_help=True, help="API keys: create, list, revoke.")
_ACTOR = "cli"


@app.command()
def create(
    role: Annotated[Role, typer.Option(help="What the key is for.")],
    organisation: Annotated[
        str, typer.Option(help="Id of the organisation it belongs to; unset: the default one.")
    ] = DEFAULT_ORGANISATION,
    days: Annotated[
        int | None,
        typer.Option(help="It is useless after so many days; unset: never.", min=1, max=36_500),
    ] = None,
) -> None:
    """Make a key and print its token, this once; only a digest of it is kept."""
    with open_database(read_settings()) as database:
        key = create_key(
            database,
            role,
            actor=_ACTOR,
            clock=utc_now,
            organisation_id=OrganisationId(organisation),
            expires_at=None if days is None else utc_now() + timedelta(days=days),
        )
    say(f"Key {key.key_id} of role {key.role}. Its token, shown this once:")
    typer.echo(key.token)


@app.command("list")
def list_keys() -> None:
    """List keys: id, role, when made, when last used, whether live, organisation."""
    with open_database(read_settings()) as database, database.write() as connection:
        found = keys.all_keys(connection)
        audit.record(
            connection, actor=_ACTOR, action="key.list", subject=str(len(found)), now=utc_now()
        )
        for key in found:
            used = f"used {key.last_used_on}" if key.last_used_on else "never used"
            whose = "  signs in at the issuer" if key.is_person else ""
            typer.echo(
                f"{key.id}  {key.role:8}  {key.created_at:%Y-%m-%d}  {used:15}  {_state(key):18}  "
                f"{key.organisation_id}{whose}"
            )


def _state(key: Key) -> str:
    if key.revoked_at:
        return f"revoked {key.revoked_at:%Y-%m-%d}"
    if key.expires_at is None:
        return "live"
    over = key.expires_at <= utc_now()
    return f"{'expired' if over else 'until'} {key.expires_at:%Y-%m-%d}"


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="Id of the key.")]) -> None:
    """Revoke a key; it is useless from the next request on."""
    with open_database(read_settings()) as database:
        revoke_key(database, KeyId(key_id), actor=_ACTOR, clock=utc_now)
    say("Revoked.")


app.command("rotate")(rotate_keys)
