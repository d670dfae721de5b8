"""PINs as they are kept and checked: Argon2id."""

import threading
from functools import cache

import argon2

from hashsvc.bank.errors import TooManyGuessesError
from hashsvc.bank.numbers import new_pin

_HASHER = argon2.PasswordHasher()

# Each check takes 64 MiB; more callers than this wait for one another.
_AT_ONCE = 4
_PATIENCE_S = 10.0
_checking = threading.BoundedSemaphore(_AT_ONCE)


def hash_pin(pin: str) -> str:
    """Return what is kept of a PIN."""
    return _HASHER.hash(pin)


def check_pin(pin: str, pin_hash: str | None) -> bool:
    """
    Tell whether this is the PIN; as slowly when there is none to compare with.

    Args:
        pin_hash: None when there is no such case; the answer is no then.

    Raises:
        TooManyGuessesError: If too many others are being checked.
    """
    nobodys = _nobodys(_HASHER)
    if not _checking.acquire(timeout=_PATIENCE_S):
        raise TooManyGuessesError("Too many PINs are being checked.", retry_after_s=_PATIENCE_S)
    try:
        _HASHER.verify(pin_hash or nobodys, pin)
    except argon2.exceptions.VerifyMismatchError:
        return False
    finally:
        _checking.release()
    return pin_hash is not None


@cache
def _nobodys(hasher: argon2.PasswordHasher) -> str:
    return hasher.hash(new_pin())
