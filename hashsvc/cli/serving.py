"""`hashsvc serve`: the service itself."""

import resource
from typing import Annotated

import typer
import uvicorn

from hashsvc import api
from hashsvc.access import Role, SetupError, create_key
from hashsvc.api.connections import ConnectionLimits, Connections
from hashsvc.cli.configured import read_settings
from hashsvc.cli.logs import configure_logs
from hashsvc.cli.output import fail, say
from hashsvc.keyring import OwnKeyFile
from hashsvc.removal import RemovalError
from hashsvc.scanning import ProxyError
from hashsvc.store import StoreError, keys

_SHUTDOWN_S = 5
_LARGEST_HEAD = 32_000
# The server accepts up to this many connections before it can end the first of them.
_BACKLOG = 256
# Databases, threads that scan, and connections that are about to end.
_OTHER_FILES = 500


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65_535)] = 8000,
) -> None:
    """Serve the API, its documentation at /docs and a status page at /."""
    settings = read_settings()
    configure_logs()
    raise_file_limit(settings.max_connections + _OTHER_FILES)
    try:
        services = api.Services.build(settings)
    except (StoreError, SetupError, ProxyError, RemovalError) as error:
        fail(str(error))
    _print_key_file(services)
    _make_first_key(services)
    connections = Connections(
        ConnectionLimits(
            most=settings.max_connections,
            most_per_address=settings.max_connections_per_address,
            proxies=settings.trusted_proxies,
            head_s=settings.max_head_s,
            idle_s=settings.max_idle_s,
        )
    )
    # No access log: a path may hold the number of a case.
    config = uvicorn.Config(
        api.create_app(services),
        host=host,
        port=port,
        http=connections.protocol,
        # A WebSocket would leave the limits of connections; the service has none.
        ws="none",
        h11_max_incomplete_event_size=_LARGEST_HEAD,
        timeout_keep_alive=settings.max_idle_s,
        backlog=_BACKLOG,
        # By default, uvicorn would believe any program on this machine, or a variable.
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=[str(each) for each in settings.trusted_proxies],
        access_log=False,
        server_header=False,
        log_config=None,
        # A stream of events would keep the server waiting until its scan ends.
        timeout_graceful_shutdown=_SHUTDOWN_S,
    )
    say(f"hashsvc listens on http://{host}:{port} — documentation at /docs. Ctrl-C stops it.")
    uvicorn.Server(config).run()


def raise_file_limit(needed: int) -> None:
    """
    Let this process have `needed` files and connections open, or stop it with an error.

    Many systems allow 1,024 by default, and let a process raise that itself.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        fail(
            f"HASHSVC_MAX_CONNECTIONS needs {needed} open files, but the system allows {hard}. "
            "Lower the setting, or raise the limit (`ulimit -n`, or LimitNOFILE in systemd)."
        )
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


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
