"""Hashing and checking PINs with Argon2id."""

import threading
from functools import cache

import argon2

from hashsvc.bank.errors import TooManyGuessesError
from hashsvc.bank.numbers import new_pin

_HASHER = argon2.PasswordHasher()

# Each check takes 64 MiB, so only this many run at once; other callers wait.
_AT_ONCE = 4
_PATIENCE_S = 10.0
_checking = threading.BoundedSemaphore(_AT_ONCE)


def hash_pin(pin: str) -> str:
    """Return the hash of a PIN."""
    return _HASHER.hash(pin)


def check_pin(pin: str, pin_hash: str | None) -> bool:
    """
    Return whether a PIN has this hash; it takes as long if there is no hash.

    Args:
        pin_hash: The hash; None if there is no such case, for which False is returned.

    Raises:
        TooManyGuessesError: If too many other PINs are being checked.
    """
    decoy = _decoy(_HASHER)
    if not _checking.acquire(timeout=_PATIENCE_S):
        raise TooManyGuessesError(
            "Too many PINs are being checked. Try again later.", retry_after_s=_PATIENCE_S
        )
    try:
        _HASHER.verify(pin_hash or decoy, pin)
    except argon2.exceptions.VerifyMismatchError:
        return False
    finally:
        _checking.release()
    return pin_hash is not None


@cache
def _decoy(hasher: argon2.PasswordHasher) -> str:
    """Return the hash of a PIN that nobody has."""
    return hasher.hash(new_pin())
