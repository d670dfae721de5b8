"""Writes the notices of requests, and stores their final form when they are approved."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from hashsvc.removal.days import day_of
from hashsvc.removal.errors import BadNoticeError
from hashsvc.removal.law.legal import Language, load_law
from hashsvc.removal.notices import document as texts
from hashsvc.removal.notices.eml import notice_pdf, write_mail
from hashsvc.removal.notices.facts import Earlier, Facts, Location, NoticeKind, Sender
from hashsvc.removal.notices.fields import (
    Email,
    Explanation,
    Host,
    NoticeReference,
    OneLine,
    WebAddress,
)
from hashsvc.removal.notices.json_xarf_csv import notice_json, notices_csv, xarf_reports
from hashsvc.removal.notices.order import OrderAnnex
from hashsvc.removal.platforms.entries import Basis, ChannelType
from hashsvc.settings import Settings
from hashsvc.store import notices, requests
from hashsvc.store.ids import NoticeId
from hashsvc.store.notices import Notice
from hashsvc.store.requests import Request

Field = TypeVar("Field", OneLine, Email)

KIND_FOR = {
    Basis.DSA_NOTICE: NoticeKind.DSA_NOTICE,
    Basis.OWN_RULES: NoticeKind.DSA_NOTICE,
    Basis.ABUSE: NoticeKind.HOST,
    Basis.TAKE_IT_DOWN: NoticeKind.TAKE_IT_DOWN,
}
"""The kind of notice for each basis. An order has none: the court writes it."""


class Letters:
    """
    Writes notices from the settings, the law data and the templates.

    Attributes:
        sender: The organisation that sends the notices.

        signatory: Who signs notices under the law of the United States; None if nobody does.

        coordinator: The Digital Services Coordinator who receives referrals.

    Raises:
        DataFileError: If the law data cannot be used.

        BadNoticeError: If a notice must not contain a name or address from the settings.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.law = load_law(settings.law_dir)
        contact, signatory = settings.organisation_contact, settings.signatory
        self.sender = Sender(
            _setting("organisation", OneLine, settings.organisation),
            _setting("organisation_email", Email, settings.organisation_email),
            _setting("organisation_contact", OneLine, contact) if contact else None,
        )
        self.signatory = _setting("signatory", OneLine, signatory) if signatory else None
        self.coordinator = _setting("coordinator", OneLine, settings.coordinator)

    def facts(
        self,
        notice: Notice,
        named: Sequence[Request],
        recipient: OneLine | Host,
        *,
        now: datetime,
        explanation: str | None = None,
        earlier: Earlier | None = None,
    ) -> Facts:
        """
        Return the facts of a notice about the requests that it names.

        Raises:
            BadNoticeError: If a notice must not contain one of the facts.
        """
        if notice.kind == NoticeKind.TAKE_IT_DOWN and self.signatory is None:
            raise BadNoticeError("A notice under the TAKE IT DOWN Act needs the setting signatory.")
        return Facts(
            kind=NoticeKind(notice.kind),
            language=Language(notice.language),
            reference=NoticeReference(notice.id),
            sender=self.sender,
            recipient=recipient,
            locations=tuple(
                Location(
                    WebAddress(each.page_url),
                    WebAddress(each.image_url),
                    each.first_seen or each.created_at,
                )
                for each in named
            ),
            written_on=day_of(now),
            explanation=Explanation(explanation) if explanation else None,
            signatory=self.signatory,
            earlier=earlier,
        )

    def compose(self, facts: Facts) -> texts.NoticeDocument:
        """
        Return the notice with these facts.

        Raises:
            UnknownLawError: If the law data has nothing to cite for one of the notice's days.

            TemplateError: If a template cannot be used.
        """
        return texts.compose(facts, self.law, own_templates=self._settings.template_dir)

    def fix(
        self,
        connection: Connection,
        notice: Notice,
        written: texts.NoticeDocument | OrderAnnex,
        documents: Mapping[str, bytes],
    ) -> None:
        """Store a notice's documents in their final form. The notice never changes after that."""
        made_with = {
            "text_sha256": written.digest,
            "law": [asdict(each) for each in written.law],
            "template": asdict(written.template),
        }
        notices.fix(connection, notice, json.dumps(made_with), documents)


def _setting(name: str, field: Callable[[str], Field], text: str) -> Field:
    try:
        return field(text)
    except BadNoticeError as error:
        raise BadNoticeError(f"No notice may contain this setting: {name}. {error}") from error


def documents_of(written: texts.NoticeDocument, notice: Notice, now: datetime) -> dict[str, bytes]:
    """Return a notice in all formats that it has: mail needs an address, X-ARF is for hosts."""
    pdf = notice_pdf(written)
    documents = {
        "text": written.text.encode(),
        "html": written.html.encode(),
        "pdf": pdf,
        "json": notice_json(written).encode(),
        "csv": notices_csv([written]).encode(),
    }
    address = notice.address or ""
    # A form's URL may contain an @ too.
    if notice.channel == ChannelType.EMAIL or ("@" in address and "://" not in address):
        documents["eml"] = write_mail(written, to=Email(address), at=now, pdf=pdf)
    if notice.kind == NoticeKind.HOST:
        reports = [json.loads(each) for each in xarf_reports(written)]
        documents["xarf"] = json.dumps(reports, indent=2).encode()
    return documents


def named_in(connection: Connection, notice_id: NoticeId) -> list[Request]:
    """Return the requests that a notice names, oldest first."""
    return [requests.by_id(connection, each) for each in notices.request_ids(connection, notice_id)]
