"""`hashsvc serve`: the service itself."""

from typing import Annotated

import typer
import uvicorn

from hashsvc import api
from hashsvc.access import Role, SetupError, create_key
from hashsvc.cli.configured import read_settings
from hashsvc.cli.logs import configure_logs
from hashsvc.cli.output import fail, say
from hashsvc.keyring import OwnKeyFile
from hashsvc.scanning import ProxyError
from hashsvc.store import StoreError, keys

_SHUTDOWN_S = 5


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65_535)] = 8000,
) -> None:
    """Serve the API, its documentation at /docs and a status page at /."""
    settings = read_settings()
    configure_logs()
    try:
        services = api.Services.build(settings)
    except (StoreError, SetupError, ProxyError) as error:
        fail(str(error))
    _print_key_file(services)
    _make_first_key(services)
    # No access log: a path may hold the number of a case.
    config = uvicorn.Config(
        api.create_app(services),
        host=host,
        port=port,
        access_log=False,
        server_header=False,
        log_config=None,
        # A stream of events would keep the server waiting until its scan ends.
        timeout_graceful_shutdown=_SHUTDOWN_S,
    )
    say(f"hashsvc listens on http://{host}:{port} — documentation at /docs. Ctrl-C stops it.")
    uvicorn.Server(config).run()


def _print_key_file(services: "api.Services") -> None:
    source = services.database.keyring.source
    if isinstance(source, OwnKeyFile):
        say(
            f"The key-encryption key is in {source.path}: keep a copy elsewhere. Nobody can open "
            "the data without the key. The key is safer apart from the data: see "
            "HASHSVC_KEY_ENCRYPTION_KEY_FILE."
        )


def _make_first_key(services: "api.Services") -> None:
    with services.database.read() as connection:
        if keys.count(connection):
            return
    key = create_key(services.database, Role.ADMIN, actor="serve", clock=services.clock)
    say(f"First key, of role admin, shown only once: {key.token}")
    say("Create keys for people with: hashsvc keys create --role intake|analyst|scanner")
