"""Case numbers and PINs: made at random, easy to read out over a telephone."""

import secrets

# Crockford's base 32: no I, L, O or U, so that nothing is misread and no word comes out.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# What is read as what it looks like, and left out.
_MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1", "-": "", " ": ""})
_DIGITS = 8
_PIN_DIGITS = 8


def new_case_number() -> str:
    """
    Return a new random case number such as "7K3M-X9QD-5".

    Forty random bits tell no order and no total; the last character is a check digit.
    """
    body = "".join(secrets.choice(_ALPHABET) for _ in range(_DIGITS))
    return f"{body[:4]}-{body[4:]}-{_check_digit(body)}"


def is_case_number(text: str) -> bool:
    """Return whether the text is written like a case number and its check digit is right."""
    parts = text.split("-")
    if [len(part) for part in parts] != [4, 4, 1]:
        return False
    body = parts[0] + parts[1]
    return all(letter in _ALPHABET for letter in body) and parts[2] == _check_digit(body)


def read_case_number(text: str) -> str:
    """Return a case number as it is written, from how people type it: 7k3m x9qd5, O for 0."""
    letters = text.upper().translate(_MISREAD)
    return f"{letters[:4]}-{letters[4:8]}-{letters[8:]}"


def new_pin() -> str:
    """Return a new random PIN of eight digits."""
    return "".join(secrets.choice("0123456789") for _ in range(_PIN_DIGITS))


def _check_digit(body: str) -> str:
    """
    Return the check digit that finds any one wrong character and any swap of neighbours.

    The characters are read as a polynomial over the field of 32 elements (x⁵ + x² + 1), taken at
    its generator: neighbours have different weights and none is zero.
    """
    total = 0
    for letter in body:
        total = _times_generator(total ^ _ALPHABET.index(letter))
    return _ALPHABET[total]


def _times_generator(element: int) -> int:
    doubled = element << 1
    return doubled ^ 0b100101 if doubled & 0b100000 else doubled
