"""Hands notices to the operator's mail server."""

import hashlib
import smtplib
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from email import message_from_bytes, policy
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from hashsvc.removal.errors import SendingError, UnsureSendingError

_TIMEOUT_S = 30
# The most time between connecting to the server and handing over the mail itself.
_LONGEST_S = 180
_OK = 250
_FORWARDED = 251


@dataclass(frozen=True, slots=True)
class Mail:
    """
    The headers and the digest of a mail.

    Attributes:
        size: Size in bytes.

        sha256: SHA-256 of the bytes, hexadecimal.
    """

    to: str
    sender: str
    subject: str
    size: int
    sha256: str


def describe(content: bytes) -> Mail:
    """Return the headers and the digest of a mail, for a person who decides whether to send it."""
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
    Hand a mail to the mail server, over TLS unless the server runs on this machine.

    Args:
        url: `smtp://user:password@host:port` or `smtps://…`, as in the settings.

    Raises:
        SendingError: If the server cannot be reached or refuses the mail. The mail was not sent.
            The message names neither the server nor the mail.

        UnsureSendingError: If the connection broke after the mail was handed over, before the
            server accepted or refused it.
    """
    deadline = time.monotonic() + _LONGEST_S
    parts = urlsplit(url.get_secret_value())
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise SendingError(
            "The setting smtp_url must begin with smtp:// or smtps://, and name a host."
        )
    mail = describe(content)
    context = ssl.create_default_context()
    try:
        server = _connected(parts.scheme, parts.hostname, parts.port, context)
        try:
            if parts.scheme == "smtp" and parts.hostname not in {"localhost", "127.0.0.1", "::1"}:
                server.starttls(context=context)
            if parts.username:
                server.login(unquote(parts.username), unquote(parts.password or ""))
            _name_sender_and_recipient(server, mail)
            if time.monotonic() > deadline:
                raise TimeoutError
            _hand_over(server, content)
        finally:
            _leave(server)
    except (OSError, smtplib.SMTPException, UnicodeError) as error:
        raise SendingError(
            f"The mail server did not take the notice ({type(error).__name__}). It was not sent."
        ) from error


def _name_sender_and_recipient(server: smtplib.SMTP, mail: Mail) -> None:
    server.ehlo_or_helo_if_needed()
    options = [f"size={mail.size}"] if server.has_extn("size") else []
    code, reply = server.mail(mail.sender, options)
    if code != _OK:
        raise smtplib.SMTPSenderRefused(code, reply, mail.sender)
    code, reply = server.rcpt(mail.to)
    if code not in {_OK, _FORWARDED}:
        raise smtplib.SMTPRecipientsRefused({mail.to: (code, reply)})


def _hand_over(server: smtplib.SMTP, content: bytes) -> None:
    try:
        code, reply = server.data(content)
    except smtplib.SMTPResponseException:
        raise
    except (OSError, smtplib.SMTPException) as error:
        raise UnsureSendingError(
            "The service handed the notice to the mail server, which did not say whether it "
            f"accepted it ({type(error).__name__}). Find out whether the notice was sent, and "
            "settle the mail."
        ) from error
    if code != _OK:
        raise smtplib.SMTPDataError(code, reply)


def _leave(server: smtplib.SMTP) -> None:
    # The server has already taken or refused the mail, so its answer to QUIT changes nothing.
    with suppress(OSError, smtplib.SMTPException):
        server.quit()
    server.close()


def _connected(scheme: str, host: str, port: int | None, context: ssl.SSLContext) -> smtplib.SMTP:
    if scheme == "smtps":
        return smtplib.SMTP_SSL(host, port or 465, timeout=_TIMEOUT_S, context=context)
    return smtplib.SMTP(host, port or 587, timeout=_TIMEOUT_S)
