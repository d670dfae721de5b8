"""Writes a notice as an e-mail file. This module sends nothing."""

from datetime import datetime
from email.header import Header
from email.headerregistry import AddressHeader
from email.message import EmailMessage
from email.policy import EmailPolicy

from hashsvc.removal.notices.document import NoticeDocument
from hashsvc.removal.notices.facts import NoticeKind
from hashsvc.removal.notices.fields import Email
from hashsvc.removal.notices.json_xarf_csv import notice_json, xarf_reports
from hashsvc.removal.notices.pdf import write_pdf

_MOST_XARF = 50
"""The most X-ARF reports attached to one e-mail. The JSON names any further locations."""


class _Policy(EmailPolicy):
    """
    The SMTP policy, except that `email.header` folds headers with non-ASCII words.

    The newer folding of Python 3.11 adds a space where it cuts a long non-ASCII subject.
    """

    def fold_binary(self, name: str, value: str) -> bytes:
        text = str(value)  # A header is a str with attributes.
        if not text.isascii() and name == "Subject":
            return f"{name}: {_encoded(text, name)}\r\n".encode()
        if not text.isascii() and isinstance(value, AddressHeader):
            (address,) = value.addresses
            words = _encoded(address.display_name, name)
            return f"{name}: {words}\r\n <{address.addr_spec}>\r\n".encode()
        folded: bytes = super().fold_binary(name, value)
        return folded


def notice_pdf(notice: NoticeDocument) -> bytes:
    """Return a notice as PDF."""
    facts = notice.facts
    return write_pdf(
        notice.parts,
        title=notice.title,
        language=facts.language,
        foot=str(facts.reference),
        author=str(facts.sender.name),
        on=facts.written_on,
    )


def write_mail(
    notice: NoticeDocument, *, to: Email, at: datetime, pdf: bytes | None = None
) -> bytes:
    """
    Return a notice as an `.eml` file with text and HTML bodies, and PDF and JSON attachments.

    A notice to a host also carries its X-ARF reports. The same notice and time give the same bytes.

    Args:
        to: The address where the platform receives notices.

        at: The date of the message; aware.

        pdf: The notice's PDF, if the caller already has it, because writing it is slow.
    """
    facts = notice.facts
    message = EmailMessage(policy=_Policy(linesep="\r\n"))
    message["From"] = f"{_quoted(str(facts.sender.name))} <{facts.sender.email}>"
    message["To"] = str(to)
    message["Reply-To"] = str(facts.sender.email)
    message["Subject"] = f"{notice.title} [{facts.reference}]"
    message["Date"] = at
    message["Message-ID"] = f"<{facts.reference}.{facts.kind}@{facts.sender.email.host}>"
    message.set_content(notice.text)
    message.add_alternative(notice.html, subtype="html")
    name = f"{facts.kind}-{facts.reference.text[:8]}"
    message.add_attachment(
        pdf or notice_pdf(notice), maintype="application", subtype="pdf", filename=f"{name}.pdf"
    )
    message.add_attachment(
        notice_json(notice).encode(),
        maintype="application",
        subtype="json",
        filename=f"{name}.json",
    )
    if facts.kind is NoticeKind.HOST:
        for position, each in enumerate(xarf_reports(notice)[:_MOST_XARF], 1):
            message.add_attachment(
                each.encode(),
                maintype="application",
                subtype="json",
                filename=f"{name}-xarf-{position}.json",
            )
    message["Content-Language"] = facts.language.value
    _set_boundaries(message, notice.digest)
    return message.as_bytes()


def _encoded(text: str, name: str) -> str:
    return Header(text, "utf-8", header_name=name).encode(linesep="\r\n")


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _set_boundaries(message: EmailMessage, digest: str) -> None:
    multiparts = (part for part in message.walk() if part.is_multipart())
    for position, part in enumerate(multiparts):
        # Keep the boundary short: the header of a longer one would be folded.
        part.set_boundary(f"notice-{position}-{digest[:32]}")
