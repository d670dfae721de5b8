"""The tables of what matching learns from: candidates kept, dismissals, floods, rules."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, LargeBinary, Text, text

from hashsvc.store.tables import BigId, UtcTime, one_of, organisation_column, table

# Each day's candidates have a data key of their own, which is destroyed when the day has expired;
# the day is gone then, and its candidates are out of sight until their rows are deleted.
candidate_day = table(
    "candidate_day",
    Column("day", Text, primary_key=True),
    Column("key_id", Text, nullable=False, unique=True),
)

# An image that a scan has seen, sealed under its day's key; so is the digest of URL and bytes.
candidate = table(
    "candidate",
    Column("id", BigId, primary_key=True),
    Column("day", Text, nullable=False, index=True),
    Column("dedup_digest", LargeBinary, nullable=False, unique=True),
    Column("scan_id", ForeignKey("scan.id", ondelete="SET NULL"), index=True),
    # URLs, SHA-256 and what the server said (JSON); codes of whole images, frame by frame.
    Column("private", LargeBinary, nullable=False),
    Column("whole", LargeBinary, nullable=False),
)

# Apart, for they are forty times as many bytes.
candidate_regions = table(
    "candidate_regions",
    Column("candidate_id", ForeignKey("candidate.id", ondelete="CASCADE"), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)

# Contents that are still to be compared with the candidates after a certain one.
unmatched = table(
    "unmatched",
    Column("seq", BigId, primary_key=True),
    Column("content_id", ForeignKey("content.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("after_id", BigId, nullable=False, server_default=text("0")),
    # When whoever has it in hand is taken for lost; null: nobody has it.
    Column("due_at", UtcTime),
)

# Why a match was dismissed, where the analyst said so.
dismissal = table(
    "dismissal",
    Column("match_id", ForeignKey("match.id", ondelete="CASCADE"), primary_key=True),
    Column("reason", Text, nullable=False),
    one_of("reason", "other-image", "other"),
)

# A dismissed image, which is not reported again: for one content, sealed under its case's key; or,
# without a content, for any of the organisation, sealed under the key for records.
suppression = table(
    "suppression",
    Column("id", Text, primary_key=True),
    organisation_column(),
    Column("content_id", ForeignKey("content.id", ondelete="CASCADE"), index=True),
    Column("match_id", ForeignKey("match.id", ondelete="SET NULL"), index=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

# A content that matched far more often than expected; its suspected matches since then are apart
# until somebody has looked.
quarantine = table(
    "quarantine",
    Column("content_id", ForeignKey("content.id", ondelete="CASCADE"), primary_key=True),
    Column("since", UtcTime, nullable=False),
    Column("begun_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    CheckConstraint("since <= begun_at", name="since"),
)

# The lowest tier that is reported; what has no row reports all.
case_lowest_tier = table(
    "case_lowest_tier",
    Column("case_id", ForeignKey("bank_case.id", ondelete="CASCADE"), primary_key=True),
    Column("lowest_tier", Text, nullable=False),
    one_of("lowest_tier", "certain", "likely"),
)
host_lowest_tier = table(
    "host_lowest_tier",
    Column("organisation_id", Text, primary_key=True),
    Column("host", Text, primary_key=True),
    Column("lowest_tier", Text, nullable=False),
    one_of("lowest_tier", "certain", "likely"),
)
