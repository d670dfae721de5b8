"""Roles of keys, and the caller that a request's key stands for."""

from dataclasses import dataclass
from enum import StrEnum

from hashsvc.store.ids import KeyId, OrganisationId


class Role(StrEnum):
    """What a key may be used for. No role includes another."""

    INTAKE = "intake"
    ANALYST = "analyst"
    SCANNER = "scanner"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, repr=False)
class Caller:
    """
    The key that a request was made with.

    Attributes:
        match_secret: Secret from which the pseudonyms in this key's lookups are derived.
    """

    key_id: KeyId
    role: Role
    organisation_id: OrganisationId
    match_secret: bytes
