"""A small mail server on loopback, which keeps the mails it receives."""

import socket
import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import ClassVar, Self

from pydantic import SecretStr


@dataclass(frozen=True, slots=True, repr=False)
class Mail:
    """A mail as it was received."""

    sender: str
    to: tuple[str, ...]
    content: bytes

    @property
    def message(self) -> EmailMessage:
        """The parsed mail."""
        return message_from_bytes(self.content, policy=policy.default)


class PostOffice:
    """
    Receives mails by SMTP.

    Attributes:
        letters: The mails received, in order.

        refuses: The command that is refused, such as "RCPT"; None refuses nothing.

        hangs_up: Whether the connection is closed in place of the answer to a mail.

        before: For a command such as "DATA": what the server calls before it answers the command.
            For ".": what it calls when it has taken a mail, before it tells the sender.
    """

    def __init__(self) -> None:
        self.letters: list[Mail] = []
        self.refuses: str | None = None
        self.hangs_up = False
        self.before: dict[str, Callable[[], object]] = {}
        self._server = socketserver.ThreadingTCPServer(
            ("127.0.0.1", 0), type("Clerk", (_Clerk,), {"office": self})
        )
        self._server.daemon_threads = True

    @property
    def url(self) -> SecretStr:
        """The server's URL, for the setting `smtp_url`."""
        return SecretStr(f"smtp://127.0.0.1:{self._server.server_address[1]}")

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Clerk(socketserver.StreamRequestHandler):
    office: ClassVar[PostOffice]

    def handle(self) -> None:
        self._sender, self._to = "", list[str]()
        self._say("220 a post office")
        verb = ""
        while verb != "QUIT" and (line := self.rfile.readline()):
            verb, _, rest = line.decode().strip().partition(" ")
            verb = verb.upper()
            self._answer(verb, rest)

    def _answer(self, verb: str, rest: str) -> None:
        self.office.before.get(verb, _nothing)()
        if verb == self.office.refuses:
            self._say("554 not here")
        elif verb == "DATA":
            self._receive()
        elif verb == "QUIT":
            self._say("221 bye")
        else:
            if verb == "MAIL":
                self._sender, self._to = _address(rest), []
            elif verb == "RCPT":
                self._to.append(_address(rest))
            self._say("250 yes")

    def _receive(self) -> None:
        self._say("354 go on")
        lines: list[bytes] = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b".") else line)
        if not line:
            return  # The sender is gone.
        letter = Mail(self._sender, tuple(self._to), b"".join(lines))
        self.office.letters.append(letter)
        self.office.before.get(".", _nothing)()
        if self.office.hangs_up:
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self._say("250 taken")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


def _nothing() -> None:
    pass


def _address(text: str) -> str:
    return text.partition("<")[2].partition(">")[0]
