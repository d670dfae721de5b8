"""
Composes notices to platforms, hosts and the Digital Services Coordinator, in four languages.

A notice contains the elements that the law requires and names the organisation, never the person
shown. It cannot contain a case number, an image or a file name, because the types of its facts
refuse them. It records the template and the law data that it was made with, and a digest of its
text.
"""

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from hashsvc.removal.errors import UnknownLawError
from hashsvc.removal.law.legal import Language, Law, LawVersion, LegalReference, Topic
from hashsvc.removal.notices.facts import Earlier, Facts, NoticeKind
from hashsvc.removal.notices.paragraphs import Paragraph, plain_text
from hashsvc.removal.notices.rendering import TemplateVersion, render, to_html

EU, US = "eu", "us"

# The topics that each kind of notice cites, and the jurisdiction of each topic. None stands for the
# jurisdiction in the facts.
_CITED: dict[NoticeKind, dict[Topic, str | None]] = {
    NoticeKind.DSA_NOTICE: {Topic.NOTICE: EU, Topic.OFFENCE: None},
    NoticeKind.TAKE_IT_DOWN: {Topic.NOTICE: US},
    NoticeKind.COMPLAINT: {Topic.COMPLAINT: EU, Topic.NOTICE: EU, Topic.OFFENCE: None},
    NoticeKind.COORDINATOR: {Topic.COORDINATOR: EU, Topic.NOTICE: EU, Topic.OFFENCE: None},
    NoticeKind.HOST: {Topic.NOTICE: EU, Topic.OFFENCE: None},
}


@dataclass(frozen=True, slots=True)
class Cited:
    """A provision that a document cites, and the law file that it is from."""

    topic: Topic
    reference: LegalReference
    law: LawVersion


@dataclass(frozen=True, slots=True)
class NoticeDocument:
    """
    A notice as it is sent.

    Attributes:
        text: The notice in plain text. Every other format says the same.

        keywords: The regulator's keywords for intimate images that were shared without consent.

        digest: SHA-256 of `text` in UTF-8, hexadecimal.
    """

    facts: Facts
    parts: tuple[Paragraph, ...]
    text: str
    html: str
    cited: tuple[Cited, ...]
    keywords: tuple[str, ...]
    template: TemplateVersion
    digest: str

    @property
    def title(self) -> str:
        """The first line, which is also in the subject of the e-mail."""
        return self.parts[0].lines[0]

    @property
    def law(self) -> tuple[LawVersion, ...]:
        """The law files that the notice cites, each once."""
        return tuple(dict.fromkeys(each.law for each in self.cited))


def compose(facts: Facts, law: Law, *, own_templates: Path | None = None) -> NoticeDocument:
    """
    Return the notice that states these facts.

    Args:
        own_templates: Directory with the operator's own templates.

    Raises:
        UnknownLawError: If the law data has nothing to cite for one of the notice's days.

        TemplateError: If the template breaks a rule.
    """
    cited = tuple(
        each
        for topic, jurisdiction in _CITED[facts.kind].items()
        for each in cite(law, jurisdiction or facts.jurisdiction, topic, facts)
    )
    values = values_of(facts) | {"law": citations(cited, facts.language)}
    rendered = render(facts.kind, facts.language, values, own=own_templates)
    text = plain_text(rendered.parts)
    return NoticeDocument(
        facts=facts,
        parts=rendered.parts,
        text=text,
        html=to_html(rendered.parts, facts.language, own=own_templates),
        cited=cited,
        keywords=law.keywords(EU),
        template=rendered.template,
        digest=hashlib.sha256(text.encode()).hexdigest(),
    )


def cite(law: Law, jurisdiction: str, topic: Topic, facts: Facts) -> tuple[Cited, ...]:
    """
    Return the provisions that a document with these facts cites on a topic.

    A deed is judged by the law of its own day, so a document cites the offences that were in force
    on the `deed_days` of the facts. On other topics, it cites the law in force on the document's
    own day.

    Raises:
        UnknownLawError: If no provision applies on one of the days.
    """
    days = facts.deed_days if topic is Topic.OFFENCE else (facts.written_on,)
    version = law.version(jurisdiction)
    found: dict[str, Cited] = {}
    for day in days:
        references = law.references(jurisdiction, day, topic=topic)
        if not references:
            raise UnknownLawError(
                f"The law data for {jurisdiction} has no entry on the topic {topic} that applies "
                f"on {day.isoformat()}. Add the law of that day to the data, or leave out a day of "
                "posting that is before the data begins."
            )
        found |= {each.id: Cited(topic, each, version) for each in references}
    return tuple(found.values())


def citations(cited: tuple[Cited, ...], language: Language) -> dict[str, str]:
    """Return the text of the citations by topic, for templates: `law.offence`, `law.notice`."""
    found: dict[str, list[str]] = {}
    for each in cited:
        citation = each.reference.citation.of(language)
        found.setdefault(each.topic.value.partition("-")[2] or each.topic.value, []).append(
            citation
        )
    between = " ; " if language is Language.FR else "; "
    return {topic: between.join(each) for topic, each in found.items()}


def values_of(facts: Facts) -> dict[str, object]:
    """Return the facts as the values that a template may use: text, and lists of text."""
    return {
        "recipient": str(facts.recipient),
        "sender": {
            "name": str(facts.sender.name),
            "email": str(facts.sender.email),
            "contact": _text(facts.sender.contact),
        },
        "date": facts.written_on.isoformat(),
        "reference": str(facts.reference),
        "locations": [
            {
                "page": str(each.page_url),
                "image": _text(each.image_url),
                "first_seen": each.seen_on.isoformat(),
                "posted_on": _text(each.posted_on),
            }
            for each in facts.locations
        ],
        "explanation": _text(facts.explanation),
        "signatory": _text(facts.signatory),
        "earlier": _earlier(facts.earlier),
    }


def _earlier(earlier: Earlier | None) -> dict[str, str | None] | None:
    if earlier is None:
        return None
    return {
        "provider": str(earlier.provider),
        "provider_reference": _text(earlier.provider_reference),
        "sent_on": _text(earlier.sent_on),
        "receipted_on": _text(earlier.receipted_on),
        "decided_on": _text(earlier.decided_on),
        "decision": earlier.decision.value,
        "reason": _text(earlier.reason),
    }


def _text(value: object) -> str | None:
    if isinstance(value, date):
        return value.isoformat()
    return None if value is None else str(value)
