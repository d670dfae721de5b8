"""The options of commands that speak to a service, and the connection that they open."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from hashsvc.cli.client import Client, ServiceError
from hashsvc.cli.output import fail

Url = Annotated[str, typer.Option(envvar="HASHSVC_URL", help="Where the service is.")]
Key = Annotated[
    str, typer.Option(envvar="HASHSVC_KEY", help="API key; better in the variable than here.")
]
Insecure = Annotated[
    bool,
    typer.Option(
        "--insecure",
        envvar="HASHSVC_INSECURE",
        help="Allow an http:// address of another machine: the network can read key and signals.",
    ),
]
LOCAL = "http://127.0.0.1:8000"


@contextmanager
def connected(url: str, key: str, insecure: bool) -> Iterator[Client]:
    """Open a connection to a service; what it refuses ends the command with one line."""
    try:
        with Client(url, key, insecure=insecure) as client:
            yield client
    except ServiceError as error:
        fail(str(error))
