"""Hashing and checking PINs with Argon2id."""

import threading
from functools import cache

import argon2

from hashsvc.bank.errors import TooManyGuessesError
from hashsvc.bank.numbers import new_pin

HASHER = argon2.PasswordHasher()
"""Argon2id with its package's default cost."""

PATIENCE_S = 10.0
"""How long a caller waits for a free slot in CHECK_SLOTS."""

# Each check takes 64 MiB of memory, so only this many run at the same time.
CHECK_SLOTS = threading.BoundedSemaphore(4)
"""A slot for each PIN that is being checked."""


def hash_pin(pin: str) -> str:
    """Return the hash of a PIN."""
    return HASHER.hash(pin)


def check_pin(pin: str, pin_hash: str | None) -> bool:
    """
    Return whether a PIN has this hash. The call takes the same time if there is no hash.

    Args:
        pin_hash: The hash; None if there is no such case. The result is then False.

    Raises:
        TooManyGuessesError: If too many other PINs are being checked.
    """
    decoy = _decoy(HASHER)
    if not CHECK_SLOTS.acquire(timeout=PATIENCE_S):
        raise TooManyGuessesError(
            "Too many PINs are being checked. Try again later.", retry_after_s=PATIENCE_S
        )
    try:
        HASHER.verify(pin_hash or decoy, pin)
    except argon2.exceptions.VerifyMismatchError:
        return False
    finally:
        CHECK_SLOTS.release()
    return pin_hash is not None


@cache
def _decoy(hasher: argon2.PasswordHasher) -> str:
    """Return the hash of a PIN that nobody has."""
    return hasher.hash(new_pin())
