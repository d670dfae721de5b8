"""Give a live case a new data key, so that what was erased from it is lost with the old key."""

from sqlalchemy import Connection, bindparam, select, update

from hashsvc.store import cases, data_keys, signatures, suppressions
from hashsvc.store.ids import CaseId
from hashsvc.store.matches import Private
from hashsvc.store.tables import case, content, match, signature


def rekey(connection: Connection, case_id: CaseId) -> None:
    """Destroy a case's key, and seal everything that the case still has under a new one."""
    query = select(case.c.number, case.c.key_id, case.c.pin_hash).where(case.c.id == case_id)
    number, key_id, sealed_pin = connection.execute(query).one()
    old, pin_context = data_keys.of_case(connection, case_id), cases.pin_context(number)
    pin_hash = old.open_text(sealed_pin, context=pin_context)
    codes = [
        (content_id, context, old.open(sealed, context=context))
        for content_id, context, sealed in _codes(connection, case_id)
    ]
    private = [
        (row["id"], Private.opened(row["id"], row, old))
        for row in connection.execute(
            select(match)
            .join(content, content.c.id == match.c.content_id)
            .where(content.c.case_id == case_id)
        ).mappings()
    ]
    dismissed = suppressions.opened_of_case(connection, case_id, old)
    new = data_keys.replace(connection, key_id)
    suppressions.seal_again(connection, dismissed, new)
    connection.execute(
        update(case)
        .where(case.c.id == case_id)
        .values(pin_hash=new.seal_text(pin_hash, context=pin_context))
    )
    if codes:
        connection.execute(
            update(signature).where(signature.c.content_id == bindparam("row_id")),
            [
                {"row_id": each, "sealed": new.seal(plain, context=context)}
                for each, context, plain in codes
            ],
        )
    if private:
        connection.execute(
            update(match).where(match.c.id == bindparam("row_id")),
            [{"row_id": each} | fields.sealed(each, new) for each, fields in private],
        )


def _codes(connection: Connection, case_id: CaseId) -> list[tuple[int, str, bytes]]:
    query = (
        select(content.c.id, content.c.public_id, signature.c.sealed)
        .join(signature, signature.c.content_id == content.c.id)
        .where(content.c.case_id == case_id)
    )
    return [
        (content_id, signatures.context_of(case_id, public_id), sealed)
        for content_id, public_id, sealed in connection.execute(query)
    ]
