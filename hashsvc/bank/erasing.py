"""Withdraws again the cases and contents that a restored backup brought back."""

from collections.abc import Iterable

from hashsvc.bank.cases import Bank
from hashsvc.store import Database, cases
from hashsvc.store.ids import DataKeyId, PublicContentId


def erase_again(bank: Bank, database: Database, ids: Iterable[str], *, actor: str) -> int:
    """
    Withdraw each existing case and content that a list of erasures names, and return their number.

    Args:
        ids: Ids of data keys, which stand for whole cases, and of contents. Other ids are ignored.
    """
    withdrawn = 0
    for each in ids:
        with database.read() as connection:
            case = cases.number_by_key(connection, DataKeyId(each))
            case_of_content = cases.number_by_content(connection, PublicContentId(each))
        if case is not None:
            bank.withdraw_case(case, actor=actor)
        elif case_of_content is not None:
            bank.withdraw_content(case_of_content, PublicContentId(each), actor=actor)
        withdrawn += case is not None or case_of_content is not None
    return withdrawn
