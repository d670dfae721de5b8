"""Requests to several actors, notices for several requests, consents, own platform entries"""

from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from alembic import op
from alembic.operations.base import BatchOperations

from hashsvc.keyring import DataKey
from hashsvc.store.data_keys import keyring_of
from hashsvc.store.tables import UtcTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_DEFAULT_ORGANISATION = "0" * 32
_RECORDS = "records"
_LINKED = "(parent_id IS NULL) = (link IS NULL)"

_data_key = sa.table("data_key", sa.column("id"), sa.column("kek_id"), sa.column("wrapped"))
_notice = sa.table(
    "removal_notice",
    *map(sa.column, ("id", "organisation_id", "case_id", "platform", "kind", "basis", "language")),
    sa.column("created_at"),
    sa.column("fixed"),
)
_document = sa.table("notice_document", *map(sa.column, ("notice_id", "format", "sealed")))
_named = sa.table("notice_request", *map(sa.column, ("notice_id", "request_id")))
_event = sa.table(
    "request_event", *map(sa.column, ("id", "request_id", "at", "actor", "state", "outcome"))
)
_request = sa.table(
    "removal_request",
    *map(
        sa.column,
        ("id", "match_id", "platform", "image_url", "state", "notice", "created_at"),
    ),
    sa.column("organisation_id"),
    sa.column("dedup_digest"),
)
_match = sa.table("match", sa.column("id"), sa.column("content_id"))
_content = sa.table("content", sa.column("id"), sa.column("case_id"))
_case = sa.table("bank_case", *map(sa.column, ("id", "number", "opened_on")))
_consent = sa.table("consent", *map(sa.column, ("case_id", "kind", "version", "given_on")))


def upgrade() -> None:
    connection = op.get_bind()
    _create_notices()
    _rebuild_requests(connection)
    for name in ("reason", "facts", "notice_id"):
        op.add_column("request_event", sa.Column(name, sa.Text(), nullable=True))
    op.add_column("request_event", sa.Column("audit_seq", _BIG_ID, nullable=True))
    _create_others()
    _move_notices(connection)
    op.drop_column("removal_request", "notice")
    # Everybody who opened a case was told its purpose: to find copies and have them removed.
    for row in connection.execute(sa.select(_case)).all():
        for kind in ("hash", "notify"):
            connection.execute(
                sa.insert(_consent).values(
                    case_id=row.id, kind=kind, version="1", given_on=row.opened_on
                )
            )


def downgrade() -> None:
    """Undo the migration; only the first request of a match stays, and drafts lose their text."""
    connection = op.get_bind()
    op.add_column("removal_request", sa.Column("notice", sa.Text(), nullable=True))
    _move_notices_back(connection)
    for name in ("audit_seq", "notice_id", "facts", "reason"):
        op.drop_column("request_event", name)
    for table in ("rdap_answer", "platform_entry", "consent", "notice_document", "notice_request"):
        if table == "consent":
            op.drop_index(op.f("ix_consent_case_id"), "consent")
        if table == "notice_request":
            op.drop_index(op.f("ix_notice_request_request_id"), "notice_request")
        op.drop_table(table)
    op.drop_index(op.f("ix_removal_notice_case_id"), "removal_notice")
    op.drop_table("removal_notice")
    for column in ("match_id", "parent_id", "check_at"):
        op.drop_index(op.f(f"ix_removal_request_{column}"), "removal_request")
    with _rebuilding(connection, _requests_after()) as batch_op:
        batch_op.drop_constraint(op.f("ck_removal_request_link"), type_="check")
        batch_op.drop_constraint("uq_removal_request_dedup_digest", type_="unique")
        for name in ("dedup_digest", "parent_id", "link", "check_at", "first_seen"):
            batch_op.drop_column(name)
        batch_op.alter_column("notice", existing_type=sa.Text(), nullable=False)
        batch_op.create_unique_constraint("uq_removal_request_match_id", ["match_id"])


def _create_notices() -> None:
    op.create_table(
        "removal_notice",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column(
            "organisation_id", sa.Text(), server_default=_DEFAULT_ORGANISATION, nullable=False
        ),
        sa.Column("case_id", _BIG_ID, nullable=True),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("fixed", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["bank_case.id"],
            name=op.f("fk_removal_notice_case_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_removal_notice")),
        sqlite_autoincrement=False,
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_removal_notice_case_id"), "removal_notice", ["case_id"], unique=False)


def _create_others() -> None:
    op.create_table(
        "notice_request",
        sa.Column("notice_id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["notice_id"],
            ["removal_notice.id"],
            name=op.f("fk_notice_request_notice_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["removal_request.id"],
            name=op.f("fk_notice_request_request_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("notice_id", "request_id", name=op.f("pk_notice_request")),
        sqlite_autoincrement=False,
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_notice_request_request_id"), "notice_request", ["request_id"], unique=False
    )
    op.create_table(
        "notice_document",
        sa.Column("notice_id", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["notice_id"],
            ["removal_notice.id"],
            name=op.f("fk_notice_document_notice_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("notice_id", "format", name=op.f("pk_notice_document")),
        sqlite_autoincrement=False,
        sqlite_strict=True,
    )
    op.create_table(
        "consent",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("case_id", _BIG_ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("given_on", sa.Text(), nullable=False),
        sa.Column("withdrawn_on", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('hash', 'notify', 'share', 'litigate')", name=op.f("ck_consent_kind")
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["bank_case.id"], name=op.f("fk_consent_case_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_consent_case_id"), "consent", ["case_id"], unique=False)
    op.create_table(
        "platform_entry",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("entry", sa.Text(), nullable=False),
        sa.Column("changed_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_platform_entry")),
        sqlite_autoincrement=False,
        sqlite_strict=True,
    )
    op.create_table(
        "rdap_answer",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("asked_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_rdap_answer")),
        sqlite_autoincrement=False,
        sqlite_strict=True,
    )


def _requests(*columns: sa.Column[Any] | sa.Constraint, notice: bool) -> sa.Table:
    return sa.Table(
        "removal_request",
        sa.MetaData(),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("match_id", sa.Text(), nullable=True),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("page_url", sa.Text(), nullable=False),
        sa.Column("image_url", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("notice", sa.Text(), nullable=not notice),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column(
            "organisation_id", sa.Text(), server_default=_DEFAULT_ORGANISATION, nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["match_id"], ["match.id"], name="fk_removal_request_match_id", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_removal_request"),
        *columns,
    )


def _requests_before() -> sa.Table:
    return _requests(
        sa.UniqueConstraint("match_id", name="uq_removal_request_match_id"), notice=True
    )


def _requests_after() -> sa.Table:
    return _requests(
        sa.Column("dedup_digest", sa.LargeBinary(), nullable=True),
        sa.Column("parent_id", sa.Text(), nullable=True),
        sa.Column("link", sa.Text(), nullable=True),
        sa.Column("check_at", UtcTime(), nullable=True),
        sa.Column("first_seen", UtcTime(), nullable=True),
        sa.UniqueConstraint("dedup_digest", name="uq_removal_request_dedup_digest"),
        sa.CheckConstraint(_LINKED, name=op.f("ck_removal_request_link")),
        notice=False,
    )


@contextmanager
def _rebuilding(connection: sa.Connection, before: sa.Table) -> Iterator[BatchOperations]:
    """Rebuild the table of requests, and restore events that SQLite deletes with the old one."""
    events = connection.execute(sa.select(_event).order_by(_event.c.id)).all()
    with op.batch_alter_table(
        "removal_request", copy_from=before, table_kwargs={"sqlite_strict": True}
    ) as batch_op:
        yield batch_op
    kept = connection.execute(sa.select(sa.func.count()).select_from(_event)).scalar_one()
    if not kept and events:
        connection.execute(sa.insert(_event), [dict(each._mapping) for each in events])


def _rebuild_requests(connection: sa.Connection) -> None:
    """Allow several requests for a match, and add the column for a request's parent."""
    with _rebuilding(connection, _requests_before()) as batch_op:
        batch_op.drop_constraint("uq_removal_request_match_id", type_="unique")
        batch_op.add_column(sa.Column("dedup_digest", sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column("parent_id", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("link", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("check_at", UtcTime(), nullable=True))
        batch_op.add_column(sa.Column("first_seen", UtcTime(), nullable=True))
        batch_op.create_unique_constraint("uq_removal_request_dedup_digest", ["dedup_digest"])
        batch_op.create_check_constraint(op.f("ck_removal_request_link"), _LINKED)
    for column in ("match_id", "parent_id", "check_at"):
        op.create_index(
            op.f(f"ix_removal_request_{column}"), "removal_request", [column], unique=False
        )


def _move_notices(connection: sa.Connection) -> None:
    """Move each request's notice into the tables of notices, under the request's id."""
    requests = connection.execute(sa.select(_request)).all()
    if not requests:
        return
    key = _records(connection)
    cases = {
        match_id: (case_id, number)
        for match_id, case_id, number in connection.execute(
            sa.select(_match.c.id, _case.c.id, _case.c.number)
            .join(_content, _content.c.id == _match.c.content_id)
            .join(_case, _case.c.id == _content.c.case_id)
        )
    }
    for each in requests:
        case_id, number = cases.get(each.match_id, (None, None))
        is_draft = each.state == "draft"
        connection.execute(
            sa.insert(_notice).values(
                id=each.id,
                organisation_id=each.organisation_id,
                case_id=case_id,
                platform=each.platform,
                kind="dsa-notice",
                basis="dsa-notice",
                language="en",
                created_at=each.created_at,
                fixed=None if is_draft else "{}",
            )
        )
        connection.execute(sa.insert(_named).values(notice_id=each.id, request_id=each.id))
        if not is_draft:
            text = key.open(b64decode(each.notice), context=f"notice of request {each.id}")
            sealed = key.seal(text, context=f"text of notice {each.id}")
            connection.execute(
                sa.insert(_document).values(notice_id=each.id, format="text", sealed=sealed)
            )
        if number is not None and each.state not in ("reappeared", "withdrawn"):
            image_url = key.open_text(each.image_url, context=f"image_url of request {each.id}")
            digest = key.digest("\n".join((number, each.platform, image_url)))
            connection.execute(
                sa.update(_request).where(_request.c.id == each.id).values(dedup_digest=digest)
            )


def _move_notices_back(connection: sa.Connection) -> None:
    key = _records(connection)
    seen: set[str] = set()
    query = sa.select(_request.c.id, _request.c.match_id)
    for each in connection.execute(query.order_by(_request.c.created_at, _request.c.id)).all():
        if each.match_id is not None and each.match_id in seen:
            connection.execute(sa.delete(_request).where(_request.c.id == each.id))
            continue
        seen.add(each.match_id)
        found = connection.execute(
            sa.select(_document.c.notice_id, _document.c.sealed)
            .join(_named, _named.c.notice_id == _document.c.notice_id)
            .join(_notice, _notice.c.id == _document.c.notice_id)
            .where(_named.c.request_id == each.id, _document.c.format == "text")
            .order_by(_notice.c.created_at)
        ).first()
        text = "" if found is None else _opened(key, found.notice_id, found.sealed)
        sealed = key.seal_text(text, context=f"notice of request {each.id}")
        connection.execute(
            sa.update(_request).where(_request.c.id == each.id).values(notice=sealed)
        )


def _opened(key: DataKey, notice_id: str, sealed: bytes) -> str:
    return key.open(sealed, context=f"text of notice {notice_id}").decode()


def _records(connection: sa.Connection) -> DataKey:
    row = connection.execute(sa.select(_data_key).where(_data_key.c.id == _RECORDS)).one()
    return keyring_of(connection).unwrap(row.wrapped, kek_id=row.kek_id, key_id=_RECORDS)
