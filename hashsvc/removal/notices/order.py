"""
Writes the annex to a Belgian removal order, which lists the content to be removed.

Such an order names the URLs or the hash of the images (Act of 31 July 2023) and has the elements of
Article 9(2) of the Digital Services Act. The annex fills in the elements that the organisation
knows, and marks the others for the court to complete.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path

from hashsvc.removal.errors import BadNoticeError
from hashsvc.removal.law.legal import Law, LawVersion, Topic
from hashsvc.removal.notices.document import EU, Cited, citations, cite, values_of
from hashsvc.removal.notices.facts import Facts, NoticeKind
from hashsvc.removal.notices.fields import OneLine
from hashsvc.removal.notices.paragraphs import Paragraph, plain_text
from hashsvc.removal.notices.pdf import write_pdf
from hashsvc.removal.notices.rendering import TemplateVersion, render, to_html
from hashsvc.signals import PDQ, Signal

SCHEMA = "hashsvc-order/1"
MOST_SIGNALS = 1_000
_KIND = "order"

# The sections of the annex that contain elements of Article 9(2). The court completes the rest.
_SECTIONS = {"legal-basis": "1", "reasons": "1", "location": "2, 3"}


class OrderStep(StrEnum):
    """A step in the history of a request, as the annex reports it."""

    FOUND = "found"
    SENT = "sent"
    RECEIPTED = "receipted"
    REFUSED = "refused"
    PARTIAL = "partial"
    IDENTITY_ASKED = "identity-asked"
    SILENT = "silent"
    COMPLAINED = "complained"
    ESCALATED = "escalated"
    ORDER_SOUGHT = "order-sought"
    STILL_THERE = "still-there"
    GONE = "gone"
    REAPPEARED = "reappeared"


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """A step and the time when it happened."""

    at: datetime
    step: OrderStep

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise BadNoticeError("A time in an annex must have a time zone.")


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """
    The facts that an annex states.

    Attributes:
        facts: The facts of a notice under Article 16. The recipient is the platform that the order
            is against.

        signals: The `pdq1` signals of the contents, each once.

        timeline: The steps so far, in any order.

        known: Elements that the organisation fills in for the court, by the element's id, such as
            `authority`.
    """

    facts: Facts
    signals: tuple[Signal, ...] = field(repr=False)
    timeline: tuple[TimelineEntry, ...]
    known: Mapping[str, OneLine] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.facts.kind is not NoticeKind.DSA_NOTICE:
            raise BadNoticeError("An annex needs the facts of a notice under Article 16.")
        if not 1 <= len(self.signals) <= MOST_SIGNALS:
            raise BadNoticeError(
                f"An annex has 1 to {MOST_SIGNALS} signals; this one has {len(self.signals)}."
            )
        if any(each.algorithm != PDQ.name for each in self.signals):
            raise BadNoticeError(f"An annex contains {PDQ.name} signals only.")
        if len(set(self.signals)) != len(self.signals):
            raise BadNoticeError("An annex contains each signal once.")


@dataclass(frozen=True, slots=True)
class OrderAnnex:
    """
    An annex in plain text, HTML, PDF and JSON.

    Attributes:
        digest: SHA-256 of the text in UTF-8, hexadecimal.
    """

    parts: tuple[Paragraph, ...] = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)
    pdf: bytes = field(repr=False)
    json: str = field(repr=False)
    template: TemplateVersion
    law: tuple[LawVersion, ...]
    digest: str


def write_order_annex(
    order: OrderFacts, law: Law, *, own_templates: Path | None = None
) -> OrderAnnex:
    """
    Return the annex to an order. Only this document takes unencrypted signals out of the service.

    Before the call, the caller checks that the user is an analyst of the organisation that has the
    case, and that the holder consented to litigation and has not withdrawn that consent. Before the
    annex is handed out, the caller writes to the audit log who asked for it, for which request, and
    the annex's digest. This function does not look up, log or store any signal.

    Raises:
        UnknownLawError: If the law data has nothing to cite for one of the annex's days.

        BadNoticeError: If `known` has an id that no element has.

        TemplateError: If the template breaks a rule.
    """
    facts = order.facts
    cited = (
        *cite(law, facts.jurisdiction, Topic.OFFENCE, facts),
        *cite(law, facts.jurisdiction, Topic.ORDER, facts),
        *cite(law, EU, Topic.ORDER_ELEMENTS, facts),
    )
    elements = _elements(order, cited)
    values = values_of(facts) | {
        "law": citations(cited, facts.language),
        "signals": [str(each) for each in order.signals],
        "bits": PDQ.bits,
        "threshold": PDQ.threshold,
        "min_quality": PDQ.min_quality,
        "software": version("hashsvc"),
        "elements": elements,
        "timeline": [
            {"at": _moment(each.at), "step": each.step.value}
            for each in sorted(order.timeline, key=lambda entry: entry.at)
        ],
    }
    rendered = render(_KIND, facts.language, values, own=own_templates)
    text = plain_text(rendered.parts)
    digest = hashlib.sha256(text.encode()).hexdigest()
    versions = tuple(dict.fromkeys(each.law for each in cited))
    return OrderAnnex(
        parts=rendered.parts,
        text=text,
        html=to_html(rendered.parts, facts.language, own=own_templates),
        pdf=write_pdf(
            rendered.parts,
            title=rendered.parts[0].lines[0],
            language=facts.language,
            foot=str(facts.reference),
            author=str(facts.sender.name),
            on=facts.written_on,
        ),
        json=_json(values, cited, rendered.template, facts, digest),
        template=rendered.template,
        law=versions,
        digest=digest,
    )


def _elements(order: OrderFacts, cited: tuple[Cited, ...]) -> list[dict[str, str | None]]:
    required = [
        element
        for each in cited
        if each.topic is Topic.ORDER_ELEMENTS
        for element in each.reference.elements
    ]
    if not set(order.known) <= {each.id for each in required}:
        names = ", ".join(each.id for each in required)
        raise BadNoticeError(f"The elements of an order are: {names}.")
    return [
        {
            "id": each.id,
            "label": each.label.of(order.facts.language),
            "where": str(order.known[each.id])
            if each.id in order.known
            else _SECTIONS.get(each.id),
        }
        for each in required
    ]


def _json(
    values: Mapping[str, object],
    cited: tuple[Cited, ...],
    template: TemplateVersion,
    facts: Facts,
    digest: str,
) -> str:
    content = {
        "schema": SCHEMA,
        "language": facts.language.value,
        "reference": values["reference"],
        "date": values["date"],
        "sender": values["sender"],
        "addressee": values["recipient"],
        "locations": values["locations"],
        "hashes": {
            "algorithm": "PDQ",
            "notation": PDQ.name,
            "bits": PDQ.bits,
            "threshold": PDQ.threshold,
            "min_quality": PDQ.min_quality,
            "software": f"hashsvc {values['software']}",
            "values": values["signals"],
        },
        "elements": values["elements"],
        "timeline": values["timeline"],
        "legal_references": [
            {
                "id": each.reference.id,
                "citation": each.reference.citation.of(facts.language),
                "verified": each.reference.verified.value,
                "jurisdiction": each.law.jurisdiction,
                "version": each.law.version,
                "sha256": each.law.sha256,
            }
            for each in cited
        ],
        "template": {
            "name": template.name,
            "version": template.version,
            "sha256": template.sha256,
            "own": template.own,
        },
        "text_sha256": digest,
    }
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
