"""A notice says the same as e-mail, PDF, JSON, X-ARF and CSV, and none contains an image."""

import csv
import io
import json
import re
from base64 import b64decode
from dataclasses import replace
from datetime import UTC, date, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from hashlib import sha256
from importlib.resources import files
from uuid import UUID

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from hashsvc.removal.errors import BadNoticeError
from hashsvc.removal.law.legal import Language, load_law
from hashsvc.removal.notices.document import NoticeDocument, compose
from hashsvc.removal.notices.eml import notice_pdf, write_mail
from hashsvc.removal.notices.facts import Location, NoticeKind, Sender
from hashsvc.removal.notices.fields import Email, OneLine, WebAddress
from hashsvc.removal.notices.json_xarf_csv import notice_json, notices_csv, xarf_reports
from tests.removal.documents import IMAGE_URL, PAGE_URL, REFERENCE, SEEN, facts_of
from tests.removal.scripts import REFUSALS

LAW = load_law()
AT = datetime(2026, 6, 1, 9, 30, tzinfo=UTC)
TO = Email("abuse@site.example")
SCHEMA = json.loads((files("hashsvc.removal") / "data" / "notice.schema.json").read_text())
EVERY = [(kind, language) for kind in NoticeKind for language in Language]


def notice_of(
    kind: NoticeKind = NoticeKind.DSA_NOTICE, language: Language = Language.EN, **more: object
) -> NoticeDocument:
    return compose(facts_of(kind, language, **more), LAW)


def read_mail(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=default)
    assert isinstance(message, EmailMessage)
    for part in message.walk():
        assert part.defects == []
    return message


def pdf_text(content: bytes) -> str:
    reader = PdfReader(io.BytesIO(content), strict=True)
    return "\n".join(page.extract_text() for page in reader.pages)


def without_spaces(text: str) -> str:
    """Return a text without white space, because a PDF breaks its lines elsewhere."""
    return "".join(text.split())


def json_of(notice: NoticeDocument) -> dict[str, object]:
    content = json.loads(notice_json(notice))
    assert isinstance(content, dict)
    return content


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_the_mail_says_what_the_notice_says(kind: NoticeKind, language: Language) -> None:
    notice = notice_of(kind, language)
    message = read_mail(write_mail(notice, to=TO, at=AT))
    assert message["From"] == "A Body <notices@body.example>"
    assert message["To"] == "abuse@site.example"
    assert message["Subject"] == f"{notice.title} [{REFERENCE}]"
    assert message["Message-ID"] == f"<{REFERENCE}.{kind}@body.example>"
    assert message["Content-Language"] == language
    assert message["Date"].datetime == AT
    plain = message.get_body(("plain",))
    html = message.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().replace("\r\n", "\n") == notice.text
    assert html.get_content().replace("\r\n", "\n").strip() == notice.html.strip()


def test_the_mail_has_the_notice_attached_and_no_image() -> None:
    notice = notice_of(NoticeKind.HOST)
    message = read_mail(write_mail(notice, to=TO, at=AT))
    carried = {each.get_filename(): each for each in message.iter_attachments()}
    assert set(carried) == {
        "host-01234567.pdf",
        "host-01234567.json",
        "host-01234567-xarf-1.json",
    }
    assert {each.get_content_maintype() for each in message.walk()} == {
        "multipart",
        "text",
        "application",
    }
    assert carried["host-01234567.pdf"].get_content() == notice_pdf(notice)
    assert carried["host-01234567.json"].get_content().decode() == notice_json(notice)


def test_the_same_notice_gives_the_same_bytes() -> None:
    for each in (notice_of(), notice_of(NoticeKind.HOST)):
        assert write_mail(each, to=TO, at=AT) == write_mail(each, to=TO, at=AT)
        assert notice_pdf(each) == notice_pdf(each)
        assert xarf_reports(each) == xarf_reports(each)


@pytest.mark.parametrize(
    "name",
    [
        'Body "of" Bodies, <x@evil.example>',
        "Ελλάδα (Body)",
        "A\\B",
        "é ü <x@y.example> " * 10 + "ß",
    ],
)
def test_no_name_becomes_an_address_or_a_header(name: str) -> None:
    sender = Sender(OneLine(name), Email("notices@body.example"))
    content = write_mail(notice_of(sender=sender, recipient=OneLine(name)), to=TO, at=AT)
    message = read_mail(content)
    (address,) = message["From"].addresses
    assert address.addr_spec == "notices@body.example"
    # Python's newer parser adds spaces to a long name; its older one does not.
    raw = message_from_bytes(content)
    shown = str(make_header(decode_header(raw["From"]))).rpartition(" <")[0]
    assert shown.strip('"').replace("\\\\", "\\").replace('\\"', '"') == name
    assert b"boundary*" not in content
    assert message["Bcc"] is None
    assert sorted(message.keys()) == sorted(set(message.keys()))
    assert [each.addr_spec for each in message["To"].addresses] == ["abuse@site.example"]


def accepted(text: str) -> bool:
    try:
        OneLine(text)
    except BadNoticeError:
        return False
    return True


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([*REFUSALS.values()]) | st.text(max_size=60).filter(accepted))
def test_a_name_in_any_script_is_whole_in_the_mail(name: str) -> None:
    sender = Sender(OneLine(name), Email("notices@body.example"))
    notice = notice_of(sender=sender, recipient=OneLine(name))
    content = write_mail(notice, to=TO, at=AT, pdf=b"%PDF-")
    message = read_mail(content)
    (address,) = message["From"].addresses
    assert address.addr_spec == "notices@body.example"
    shown = str(make_header(decode_header(message_from_bytes(content)["From"])))
    shown = shown.rpartition(" <")[0]
    if name.isascii() and shown.startswith('"'):
        shown = re.sub(r"\\(.)", r"\1", shown[1:-1])
    assert shown == name
    plain = message.get_body(("plain",))
    assert plain is not None
    assert plain.get_content().replace("\r\n", "\n") == notice.text


def test_a_header_cannot_be_put_into_an_address() -> None:
    for text in ("a@b.example\r\nBcc: c@d.example", "a@b.example,c@d.example", "A <a@b.example>"):
        with pytest.raises(BadNoticeError):
            Email(text)


def test_no_line_of_the_mail_is_longer_than_smtp_allows() -> None:
    """RFC 5322 allows 998 octets. A longer URL is encoded, and decodes to the whole URL."""
    url = "https://example.org/" + "a-b/" * 1_000
    notice = notice_of(locations=(Location(WebAddress(url), None, SEEN),))
    content = write_mail(notice, to=TO, at=AT)
    assert max(map(len, content.split(b"\r\n"))) <= 998
    plain = read_mail(content).get_body(("plain",))
    assert plain is not None
    assert url in plain.get_content()


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_the_pdf_says_what_the_notice_says(kind: NoticeKind, language: Language) -> None:
    notice = notice_of(kind, language)
    content = notice_pdf(notice)
    reader = PdfReader(io.BytesIO(content), strict=True)
    # The foot of each page has the reference and the page number.
    text = without_spaces(pdf_text(content))
    for number in range(1, len(reader.pages) + 1):
        text = text.replace(f"{REFERENCE}{number}/{len(reader.pages)}", "")
    assert text == without_spaces(notice.text)
    assert reader.metadata is not None
    assert reader.metadata.title == notice.title
    assert reader.metadata.author == "A Body"
    assert not any(page.images for page in reader.pages)


def test_the_pdf_lists_five_hundred_urls() -> None:
    locations = tuple(
        Location(WebAddress(f"https://example.org/{n}/{'x' * 80}"), None, SEEN) for n in range(500)
    )
    text = without_spaces(pdf_text(notice_pdf(notice_of(locations=locations))))
    assert all(f"https://example.org/{n}/x" in text for n in range(500))


def test_a_url_longer_than_a_page_is_whole_in_the_pdf() -> None:
    url = "https://example.org/" + "".join(f"{n:04}-" for n in range(1_500))
    content = notice_pdf(notice_of(locations=(Location(WebAddress(url), None, SEEN),)))
    pages = len(PdfReader(io.BytesIO(content)).pages)
    text = without_spaces(pdf_text(content))
    for number in range(1, pages + 1):
        text = text.replace(f"{REFERENCE}{number}/{pages}", "")
    assert url in text


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_the_json_fits_its_schema(kind: NoticeKind, language: Language) -> None:
    notice = notice_of(kind, language)
    content = json_of(notice)
    jsonschema_rs.validate(SCHEMA, content)
    assert content["locations"] == [
        {
            "page_url": PAGE_URL,
            "image_url": IMAGE_URL,
            "first_seen": "2026-05-20T08:15:00Z",
            "posted_on": None,
        }
    ]
    assert content["keywords"] == ["KEYWORD_NON_CONSENSUAL_IMAGE_SHARING"]
    assert content["text_sha256"] == sha256(notice.text.encode()).hexdigest()
    assert content["legal_data"]
    assert content["legal_references"]


def test_every_format_states_the_day_of_posting() -> None:
    known = Location(WebAddress(PAGE_URL), None, SEEN, date(2026, 5, 18))
    notice = notice_of(NoticeKind.HOST, locations=(known, replace(known, posted_on=None)))
    content = json_of(notice)
    jsonschema_rs.validate(SCHEMA, content)
    assert isinstance(content["locations"], list)
    assert [each["posted_on"] for each in content["locations"]] == ["2026-05-18", None]
    assert {each["first_seen"] for each in content["locations"]} == {"2026-05-20T08:15:00Z"}
    reports = [json.loads(each) for each in xarf_reports(notice)]
    assert [each.get("posted_on") for each in reports] == ["2026-05-18", None]
    assert {each["timestamp"] for each in reports} == {"2026-05-20T08:15:00Z"}
    rows = list(csv.DictReader(io.StringIO(notices_csv([notice]), newline="")))
    assert [each["posted on"] for each in rows] == ["2026-05-18", ""]
    assert {each["first seen"] for each in rows} == {"2026-05-20"}
    text = without_spaces(notice.text)
    assert text.count("Posted:2026-05-18") == 1
    assert without_spaces(pdf_text(notice_pdf(notice))).count("Posted:2026-05-18") == 1
    assert notice.html.count("2026-05-18") == 1


def test_the_schema_refuses_a_case_number_and_a_missing_good_faith() -> None:
    content = json_of(notice_of())
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(SCHEMA, {**content, "case": "7K3M-X9QD-5"})
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(SCHEMA, {**content, "good_faith": False})


def test_the_json_states_how_far_each_reference_was_verified() -> None:
    after_the_change = Location(WebAddress(PAGE_URL), None, datetime(2026, 9, 1, tzinfo=UTC))
    references = json_of(notice_of(locations=(after_the_change,)))["legal_references"]
    assert isinstance(references, list)
    assert {each["id"]: each["verified"] for each in references} == {
        "eu-dsa-16": "secondary",
        "be-criminal-code-book-2": "no",
    }


def test_a_host_gets_one_xarf_report_for_each_location() -> None:
    """A report has the fields that X-ARF 4.2.0 requires, and the notice as its evidence."""
    other = Location(WebAddress("http://other.example:8080/p"), None, SEEN)
    notice = notice_of(NoticeKind.HOST, locations=(*facts_of().locations, other))
    reports = [json.loads(each) for each in xarf_reports(notice)]
    assert [each["url"] for each in reports] == [IMAGE_URL, "http://other.example:8080/p"]
    assert [each["source_identifier"] for each in reports] == ["img.example.net", "other.example"]
    assert len({UUID(each["report_id"]) for each in reports}) == 2
    for each in reports:
        assert each["xarf_version"] == "4.2.0"
        assert UUID(each["report_id"]).version == 4
        assert each["timestamp"] == "2026-05-20T08:15:00Z"
        assert (each["category"], each["type"]) == ("content", "ncii")
        assert (
            each["reporter"]
            == each["sender"]
            == {
                "org": "A Body",
                "contact": "notices@body.example",
                "domain": "body.example",
            }
        )
        (evidence,) = each["evidence"]
        assert evidence["content_type"] == "text/plain"
        assert b64decode(evidence["payload"]).decode() == notice.text
        assert evidence["hash"] == f"sha256:{notice.digest}"


def test_the_csv_has_a_row_for_each_location_and_no_formula() -> None:
    formula = OneLine("=HYPERLINK(A1)")
    notice = notice_of(recipient=formula, locations=facts_of().locations * 2)
    rows = list(csv.reader(io.StringIO(notices_csv([notice]), newline="")))
    assert rows[0] == [
        "reference",
        "kind",
        "language",
        "date",
        "recipient",
        "page",
        "image",
        "first seen",
        "posted on",
        "digest",
    ]
    assert len(rows) == 3
    assert rows[1][4:9] == ["'=HYPERLINK(A1)", PAGE_URL, IMAGE_URL, "2026-05-20", ""]
    assert not any(each.startswith(tuple("=+-@\t\r")) for row in rows for each in row)
