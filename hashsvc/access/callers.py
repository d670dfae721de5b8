"""Who calls: the roles that a key may have, and what is known of a request's key."""

from dataclasses import dataclass
from enum import StrEnum

from hashsvc.store.ids import KeyId, OrganisationId


class Role(StrEnum):
    """What a key is for. No role includes another."""

    INTAKE = "intake"
    ANALYST = "analyst"
    SCANNER = "scanner"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, repr=False)
class Caller:
    """
    Whose key a request came with.

    Attributes:
        match_secret: Under it this key's lookups name what they find.
    """

    key_id: KeyId
    role: Role
    organisation_id: OrganisationId
    match_secret: bytes
