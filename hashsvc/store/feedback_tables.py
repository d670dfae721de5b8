"""Tables that matching learns from: candidates, dismissals, quarantines, lowest tiers."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, LargeBinary, Text, text

from hashsvc.store.tables import BigId, UtcTime, one_of, organisation_column, table

# Each day's candidates have their own data key, which is destroyed when the day expires. The day's
# row is deleted then, and queries no longer find its candidates, whose rows are deleted later.
candidate_day = table(
    "candidate_day",
    Column("day", Text, primary_key=True),
    Column("key_id", Text, nullable=False, unique=True),
)

# An image that a scan saw, sealed under its day's key. The digest of its URL and bytes is made with
# that key too.
candidate = table(
    "candidate",
    Column("id", BigId, primary_key=True),
    Column("day", Text, nullable=False, index=True),
    Column("dedup_digest", LargeBinary, nullable=False, unique=True),
    Column("scan_id", ForeignKey("scan.id", ondelete="SET NULL"), index=True),
    # `private`: URLs, SHA-256 and what the server sent (JSON). `whole`: whole-image codes by frame.
    Column("private", LargeBinary, nullable=False),
    Column("whole", LargeBinary, nullable=False),
)

# Region codes have a table of their own: they take about thirty times as many bytes as the others.
candidate_regions = table(
    "candidate_regions",
    Column("candidate_id", ForeignKey("candidate.id", ondelete="CASCADE"), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)

# Contents that must still be compared with the candidates after `after_id`.
unmatched = table(
    "unmatched",
    Column("seq", BigId, primary_key=True),
    Column("content_id", ForeignKey("content.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("after_id", BigId, nullable=False, server_default=text("0")),
    # When a worker's lease on the content ends; null if no worker has it.
    Column("due_at", UtcTime),
)

# Why a match was dismissed, if the analyst gave a reason.
dismissal = table(
    "dismissal",
    Column("match_id", ForeignKey("match.id", ondelete="CASCADE"), primary_key=True),
    Column("reason", Text, nullable=False),
    one_of("reason", "other-image", "other"),
)

# A dismissed image whose matches are not recorded again. If the row names a content, this holds for
# that content, and the row is sealed under the key of the content's case. If it names none, this
# holds for all contents of the organisation, and the row is sealed under the records key.
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

# A content that matched far more often than expected. Its suspected matches from `since` on wait
# in quarantine until an analyst ends it.
quarantine = table(
    "quarantine",
    Column("content_id", ForeignKey("content.id", ondelete="CASCADE"), primary_key=True),
    Column("since", UtcTime, nullable=False),
    Column("begun_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    CheckConstraint("since <= begun_at", name="since"),
)

# The lowest tier whose matches are recorded; without a row, matches of every tier are recorded.
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
