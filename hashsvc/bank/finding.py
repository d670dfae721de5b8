"""Finding a case by its number."""

from sqlalchemy import Connection

from hashsvc.bank.errors import UnknownCaseError
from hashsvc.bank.numbers import is_case_number
from hashsvc.store import UnknownRowError, cases
from hashsvc.store.cases import Case
from hashsvc.store.ids import OrganisationId


def find_case(
    connection: Connection, number: str, organisation_id: OrganisationId | None = None
) -> Case:
    """
    Return the case with this number.

    Raises:
        UnknownCaseError: If there is none, or it belongs to another organisation.
    """
    unknown = UnknownCaseError("There is no such case.")
    if not is_case_number(number):
        raise unknown
    try:
        found = cases.case_by_number(connection, number)
    except UnknownRowError as error:
        raise unknown from error
    if organisation_id not in (None, found.organisation_id):
        raise unknown
    return found
