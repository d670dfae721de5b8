"""`hashsvc keys`: create, list, revoke and re-encrypt keys on the service's own machine."""

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

app = typer.Typer(
    no_args_is_help=True, help="API keys: create, list, revoke. Key-encryption key: rotate."
)
_ACTOR = "cli"


@app.command()
def create(
    role: Annotated[Role, typer.Option(help="What the key may do.")],
    organisation: Annotated[
        str, typer.Option(help="Id of the key's organisation. If unset, the default one.")
    ] = DEFAULT_ORGANISATION,
    days: Annotated[
        int | None,
        typer.Option(
            help="Days until the key expires. If unset, it never expires.", min=1, max=36_500
        ),
    ] = None,
) -> None:
    """Create a key and print its token once. Only a digest of the token is kept."""
    with open_database(read_settings()) as database:
        key = create_key(
            database,
            role,
            actor=_ACTOR,
            clock=utc_now,
            organisation_id=OrganisationId(organisation),
            expires_at=None if days is None else utc_now() + timedelta(days=days),
        )
    say(f"Key {key.key_id} of role {key.role}. Its token, shown only once:")
    typer.echo(key.token)


@app.command("list")
def list_keys() -> None:
    """List keys: id, role, day of creation, day of last use, state, organisation."""
    with open_database(read_settings()) as database, database.write() as connection:
        listed = keys.all_keys(connection)
        audit.record(
            connection, actor=_ACTOR, action="key.list", subject=str(len(listed)), now=utc_now()
        )
        for key in listed:
            used = f"used {key.last_used_on}" if key.last_used_on else "never used"
            owner = "  for a person who signs in at the issuer" if key.is_person else ""
            typer.echo(
                f"{key.id}  {key.role:8}  {key.created_at:%Y-%m-%d}  {used:15}  {_state(key):18}  "
                f"{key.organisation_id}{owner}"
            )


def _state(key: Key) -> str:
    if key.revoked_at:
        return f"revoked {key.revoked_at:%Y-%m-%d}"
    if key.expires_at is None:
        return "live"
    is_expired = key.expires_at <= utc_now()
    return f"{'expired' if is_expired else 'until'} {key.expires_at:%Y-%m-%d}"


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="Id of the key.")]) -> None:
    """Revoke a key. The service refuses it from the next request on."""
    with open_database(read_settings()) as database:
        revoke_key(database, KeyId(key_id), actor=_ACTOR, clock=utc_now)
    say("Revoked.")


app.command("rotate")(rotate_keys)
