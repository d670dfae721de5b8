"""
Writes notices for programs: JSON (schema `data/notice.schema.json`), X-ARF for hosts, and CSV.

X-ARF 4.2.0 (xarf.org) has types for images of children but none for images of adults. A report of
this service therefore has the category `content` and the type `ncii`. A reader that does not know
the type may treat the report like any other of that category. The evidence in a report is the
notice, never an image.
"""

import hashlib
import json
from base64 import b64encode
from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

from hashsvc.removal.notices.document import NoticeDocument
from hashsvc.removal.notices.facts import Location
from hashsvc.spreadsheets import write_csv

SCHEMA = "hashsvc-notice/1"
XARF_VERSION = "4.2.0"
XARF_TYPE = "ncii"
_HEADER = (
    "reference", "kind", "language", "date", "recipient", "page", "image", "first seen",
    "posted on", "digest",
)  # fmt: skip


def notice_json(notice: NoticeDocument) -> str:
    """Return a notice as JSON. Its `schema` field has the schema's name and version."""
    facts = notice.facts
    content = {
        "schema": SCHEMA,
        "kind": facts.kind.value,
        "language": facts.language.value,
        "reference": str(facts.reference),
        "date": facts.written_on.isoformat(),
        "sender": {
            "name": str(facts.sender.name),
            "email": str(facts.sender.email),
            "contact": str(facts.sender.contact) if facts.sender.contact else None,
        },
        "signatory": str(facts.signatory) if facts.signatory else None,
        "recipient": str(facts.recipient),
        "locations": [_location(each) for each in facts.locations],
        "explanation": str(facts.explanation) if facts.explanation else None,
        "good_faith": True,
        "keywords": list(notice.keywords),
        "legal_references": [
            {
                "id": each.reference.id,
                "jurisdiction": each.law.jurisdiction,
                "citation": each.reference.citation.of(facts.language),
                "verified": each.reference.verified.value,
            }
            for each in notice.cited
        ],
        "legal_data": [
            {"jurisdiction": each.jurisdiction, "version": each.version, "sha256": each.sha256}
            for each in notice.law
        ],
        "template": {
            "name": notice.template.name,
            "version": notice.template.version,
            "sha256": notice.template.sha256,
            "own": notice.template.own,
        },
        "text": notice.text,
        "text_sha256": notice.digest,
    }
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def xarf_reports(notice: NoticeDocument) -> list[str]:
    """Return a notice as X-ARF reports, one for each location, as the standard requires."""
    return [json.dumps(_xarf(notice, each), indent=2) + "\n" for each in notice.facts.locations]


def notices_csv(notices: Iterable[NoticeDocument]) -> str:
    """Return notices as CSV, one row for each location. No cell is a spreadsheet formula."""
    return write_csv(_HEADER, (row for each in notices for row in _rows(each)))


def _rows(notice: NoticeDocument) -> Iterable[tuple[str, ...]]:
    facts = notice.facts
    for location in facts.locations:
        yield (
            str(facts.reference),
            facts.kind.value,
            facts.language.value,
            facts.written_on.isoformat(),
            str(facts.recipient),
            str(location.page_url),
            str(location.image_url or ""),
            location.seen_on.isoformat(),
            location.posted_on.isoformat() if location.posted_on else "",
            notice.digest,
        )


def _location(location: Location) -> dict[str, str | None]:
    return {
        "page_url": str(location.page_url),
        "image_url": str(location.image_url) if location.image_url else None,
        "first_seen": _moment(location.first_seen),
        "posted_on": location.posted_on.isoformat() if location.posted_on else None,
    }


def _xarf(notice: NoticeDocument, location: Location) -> dict[str, object]:
    sender = notice.facts.sender
    contact = {"org": str(sender.name), "contact": str(sender.email), "domain": sender.email.host}
    url = location.image_url or location.page_url
    text = notice.text.encode()
    report: dict[str, object] = {
        "xarf_version": XARF_VERSION,
        "report_id": str(_report_id(f"{notice.facts.reference} {location.page_url} {url}")),
        "timestamp": _moment(location.first_seen),
        "reporter": contact,
        "sender": contact,
        "source_identifier": url.host,
        "category": "content",
        "type": XARF_TYPE,
        "url": str(url),
        "domain": url.host,
        "page_url": str(location.page_url),
        "evidence_source": "researcher_analysis",
        "verification_method": "manual",
        "description": notice.title[:1000],
        "tags": ["content:non-consensual-intimate-imagery"],
        "evidence": [
            {
                "content_type": "text/plain",
                "description": "The notice",
                "payload": b64encode(text).decode(),
                "hash": f"sha256:{notice.digest}",
                "size": len(text),
            }
        ],
    }
    if location.posted_on is not None:
        report["posted_on"] = location.posted_on.isoformat()
    return report


def _report_id(name: str) -> UUID:
    """Return the UUID of a report. The same location of the same notice has the same UUID."""
    return UUID(bytes=hashlib.sha256(name.encode()).digest()[:16], version=4)


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
