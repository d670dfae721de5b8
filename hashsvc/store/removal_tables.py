"""The tables for removal: requests, their steps, notices that name them, consents, platforms."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, LargeBinary, Text

from hashsvc.store.tables import BigId, UtcTime, one_of, organisation_column, table

removal_request = table(
    "removal_request",
    Column("id", Text, primary_key=True),
    Column("match_id", ForeignKey("match.id", ondelete="SET NULL"), index=True),
    Column("platform", Text, nullable=False),
    Column("page_url", Text, nullable=False),
    Column("image_url", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    organisation_column(),
    # Digest of case, platform and image URL under the records key: no two requests may agree in all
    # three. Null once the image has reappeared or the request is withdrawn, so that somebody can
    # make a new request for the same image.
    Column("dedup_digest", LargeBinary, unique=True),
    # The request that this one continues, and why.
    Column("parent_id", Text, index=True),
    Column("link", Text),
    # When the scheduled re-check is due; null if none is scheduled.
    Column("check_at", UtcTime, index=True),
    Column("first_seen", UtcTime),
    # The end of the platform's time to answer; null while no answer is awaited.
    Column("answer_due_at", UtcTime, index=True),
    CheckConstraint("(parent_id IS NULL) = (link IS NULL)", name="link"),
)

request_event = table(
    "request_event",
    Column("id", BigId, primary_key=True),
    Column(
        "request_id",
        ForeignKey("removal_request.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("at", UtcTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("outcome", Text),
    # Words of an analyst or a platform, and what servers answered (JSON); both sealed.
    Column("reason", Text),
    Column("facts", Text),
    Column("notice_id", Text),
    # The audit entry of the same transaction; null in rows that are older than this column.
    Column("audit_seq", BigId),
)

removal_notice = table(
    "removal_notice",
    Column("id", Text, primary_key=True),
    organisation_column(),
    Column("case_id", ForeignKey("bank_case.id", ondelete="SET NULL"), index=True),
    Column("platform", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("basis", Text, nullable=False),
    Column("channel", Text),
    Column("address", Text),
    Column("language", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    # What the notice was made with (JSON): digest of the text, law, template. Null in a draft.
    Column("fixed", Text),
)

notice_request = table(
    "notice_request",
    Column("notice_id", ForeignKey("removal_notice.id", ondelete="CASCADE"), primary_key=True),
    Column(
        "request_id",
        ForeignKey("removal_request.id", ondelete="CASCADE"),
        primary_key=True,
        index=True,
    ),
)

# A notice as it was sent, one row for each format.
notice_document = table(
    "notice_document",
    Column("notice_id", ForeignKey("removal_notice.id", ondelete="CASCADE"), primary_key=True),
    Column("format", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)

# A notice that a process began to hand to the mail server. The row is kept until the outcome is on
# record. It is committed before the mail server is contacted, so that no other process mails the
# notice meanwhile.
notice_mailing = table(
    "notice_mailing",
    Column("notice_id", ForeignKey("removal_notice.id", ondelete="CASCADE"), primary_key=True),
    # The request for which it is mailed.
    Column(
        "request_id",
        ForeignKey("removal_request.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("begun_by", Text, nullable=False),
    Column("begun_at", UtcTime, nullable=False),
    # From this time on, no process can still be mailing it: a person must find out whether it was
    # sent.
    Column("unsure_from", UtcTime, nullable=False),
)

# The consents of the person shown; a withdrawn consent stays on record.
consent = table(
    "consent",
    Column("id", BigId, primary_key=True),
    Column("case_id", ForeignKey("bank_case.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("given_on", Text, nullable=False),
    Column("withdrawn_on", Text),
    one_of("kind", "hash", "notify", "share", "litigate"),
)

# The operator's own entries of the registry of platforms (JSON).
platform_entry = table(
    "platform_entry",
    Column("id", Text, primary_key=True),
    Column("entry", Text, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
)

# The contact that RDAP named for a host.
rdap_answer = table(
    "rdap_answer",
    Column("host", Text, primary_key=True),
    Column("email", Text),
    Column("asked_at", UtcTime, nullable=False),
)
