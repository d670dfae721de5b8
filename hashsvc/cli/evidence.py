"""`hashsvc evidence`: check bundles on any machine, without the service or its settings."""

import os
from pathlib import Path
from typing import Annotated

import typer

from hashsvc.audit import AuditError, PublicKey
from hashsvc.cli.output import fail, say
from hashsvc.removal.errors import BadBundleError
from hashsvc.removal.evidence.archive import MOST_BYTES
from hashsvc.removal.evidence.verify import verify_bundle

app = typer.Typer(no_args_is_help=True, help="Evidence bundles: verify.")
_MOST_KEY_BYTES = 2**20


@app.command()
def verify(
    bundle: Annotated[Path, typer.Argument(help="ZIP file of the bundle.")],
    key: Annotated[
        Path | None,
        typer.Option(
            help="File with the organisation's public key, as `hashsvc audit public-key` prints it."
        ),
    ] = None,
    tsa_roots: Annotated[
        Path | None,
        typer.Option(help="File with certificates (PEM) of trusted time stamp authorities."),
    ] = None,
) -> None:
    """Check that a bundle is unchanged since it was signed, and print what it proves."""
    content = _read(bundle, 2 * MOST_BYTES)
    try:
        public = PublicKey.parse(_read(key, _MOST_KEY_BYTES).decode("ascii")) if key else None
        roots = _read(tsa_roots, _MOST_KEY_BYTES) if tsa_roots else None
        verified = verify_bundle(content, public, tsa_roots=roots)
    except BadBundleError as error:
        fail(f"NOT VALID. {error}")
    except UnicodeDecodeError:
        fail("A public key is 32 bytes, written as base64.")
    except AuditError as error:
        fail(str(error))
    for line in verified.sentences():
        say(line)


def _read(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            # A large file is refused before it is read. A pipe must be read to know its size.
            is_large = os.fstat(file.fileno()).st_size > most
            content = b"" if is_large else file.read(most + 1)
    except OSError as error:
        fail(f"A file cannot be read ({error.strerror}).")
    if is_large or len(content) > most:
        fail(f"A file is larger than {most} bytes.")
    return content
