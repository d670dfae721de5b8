"""The options of commands that speak to a service, and the connection that they open."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from hashsvc.cli.client import Client, ServiceError
from hashsvc.cli.output import fail

Url = Annotated[str, typer.Option(envvar="HASHSVC_URL", help="URL of the service.")]
Key = Annotated[
    str,
    typer.Option(
        envvar="HASHSVC_KEY",
        help="API key. Other users of this machine can see options: prefer the variable.",
    ),
]
Insecure = Annotated[
    bool,
    typer.Option(
        "--insecure",
        envvar="HASHSVC_INSECURE",
        help="Allow http:// to another machine. The network can then read key and signals.",
    ),
]
LOCAL = "http://127.0.0.1:8000"


@contextmanager
def connected(url: str, key: str, insecure: bool) -> Iterator[Client]:
    """Open a connection to a service. If it refuses a call, the command ends with its reason."""
    try:
        with Client(url, key, insecure=insecure) as client:
            yield client
    except ServiceError as error:
        fail(str(error))
