"""Case numbers and PINs, which are random and easy to read out over the telephone."""

import secrets

# Crockford's base 32 has no I, L, O or U, which avoids misreadings and accidental words.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# Letters that people type instead of digits, and characters to leave out.
_MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1", "-": "", " ": ""})
_DIGITS = 8
_PIN_DIGITS = 8


def new_case_number() -> str:
    """
    Return a new random case number such as "7K3M-X9QD-5".

    It has forty random bits, which reveal no order and no total, and a check digit at the end.
    """
    body = "".join(secrets.choice(_ALPHABET) for _ in range(_DIGITS))
    return f"{body[:4]}-{body[4:]}-{_check_digit(body)}"


def is_case_number(text: str) -> bool:
    """Return whether a text has the form of a case number and a correct check digit."""
    parts = text.split("-")
    if [len(part) for part in parts] != [4, 4, 1]:
        return False
    body = parts[0] + parts[1]
    return all(letter in _ALPHABET for letter in body) and parts[2] == _check_digit(body)


def read_case_number(text: str) -> str:
    """Return a case number in its normal form, from what people type, such as `7k3m x9qd5`."""
    letters = text.upper().translate(_MISREAD)
    return f"{letters[:4]}-{letters[4:8]}-{letters[8:]}"


def new_pin() -> str:
    """Return a new random PIN of eight digits."""
    return "".join(secrets.choice("0123456789") for _ in range(_PIN_DIGITS))


def _check_digit(body: str) -> str:
    """
    Return the check digit, which detects any one wrong character and any swap of neighbours.

    The characters are the coefficients of a polynomial over the field of 32 elements (x⁵ + x² + 1).
    The check digit is the polynomial's value at the field's generator. So neighbours have different
    weights, and no weight is zero.
    """
    total = 0
    for letter in body:
        total = _times_generator(total ^ _ALPHABET.index(letter))
    return _ALPHABET[total]


def _times_generator(element: int) -> int:
    doubled = element << 1
    return doubled ^ 0b100101 if doubled & 0b100000 else doubled
