"""Withdraws again what a restored backup has brought back."""

from collections.abc import Iterable

from hashsvc.bank.cases import Bank
from hashsvc.store import Database, cases
from hashsvc.store.ids import DataKeyId, PublicContentId


def erase_again(bank: Bank, database: Database, ids: Iterable[str], *, actor: str) -> int:
    """
    Withdraw what a list of erasures names and is there, and return how many cases and contents.

    Args:
        ids: Of data keys, for whole cases; of contents; others are passed over.
    """
    again = 0
    for each in ids:
        with database.read() as connection:
            whole = cases.number_by_key(connection, DataKeyId(each))
            part = cases.number_by_content(connection, PublicContentId(each))
        if whole is not None:
            bank.withdraw_case(whole, actor=actor)
        elif part is not None:
            bank.withdraw_content(part, PublicContentId(each), actor=actor)
        again += whole is not None or part is not None
    return again
