"""Hands notices to the operator's mail server."""

import hashlib
import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass
from email import message_from_bytes, policy
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from hashsvc.removal.errors import SendingError

_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Mail:
    """
    A mail as it goes out.

    Attributes:
        size: In bytes.

        sha256: Of its bytes, hexadecimal.
    """

    to: str
    sender: str
    subject: str
    size: int
    sha256: str


def describe(content: bytes) -> Mail:
    """Return what a mail is, for a person who decides whether to send it."""
    message = message_from_bytes(content, policy=policy.default)
    return Mail(
        to=str(message["To"]),
        sender=str(message["Reply-To"]),
        subject=str(message["Subject"]),
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def send(content: bytes, url: SecretStr) -> None:
    """
    Hand a mail to the mail server; over TLS, unless that is this machine.

    Args:
        url: `smtp://user:password@host:port` or `smtps://…`, as in the settings.

    Raises:
        SendingError: If the server cannot be reached or does not take it. The message names neither
            the server nor the mail.
    """
    parts = urlsplit(url.get_secret_value())
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise SendingError("The setting smtp_url begins with smtp:// or smtps:// and names a host.")
    mail = describe(content)
    context = ssl.create_default_context()
    try:
        server = _connected(parts.scheme, parts.hostname, parts.port, context)
        try:
            if parts.scheme == "smtp" and parts.hostname not in {"localhost", "127.0.0.1", "::1"}:
                server.starttls(context=context)
            if parts.username:
                server.login(unquote(parts.username), unquote(parts.password or ""))
            server.sendmail(mail.sender, [mail.to], content)
        finally:
            _leave(server)
    except (OSError, smtplib.SMTPException) as error:
        raise SendingError(
            f"The mail server did not take the notice ({type(error).__name__}). It was not sent."
        ) from error


def _leave(server: smtplib.SMTP) -> None:
    # Whatever the server says to a farewell, it has taken the mail, or not, before.
    with suppress(OSError, smtplib.SMTPException):
        server.quit()
    server.close()


def _connected(scheme: str, host: str, port: int | None, context: ssl.SSLContext) -> smtplib.SMTP:
    if scheme == "smtps":
        return smtplib.SMTP_SSL(host, port or 465, timeout=_TIMEOUT_S, context=context)
    return smtplib.SMTP(host, port or 587, timeout=_TIMEOUT_S)
