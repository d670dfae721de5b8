"""A misread or mistyped case number is never the number of another case."""

import re
from itertools import pairwise, permutations

import pytest

from hashsvc.bank import is_case_number, new_case_number, new_pin

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# The places of the eight characters and the check digit; dashes are in between.
PLACES = [0, 1, 2, 3, 5, 6, 7, 8, 10]


def put(number: str, letters: dict[int, str]) -> str:
    """Return the number with other letters at some places."""
    return "".join(letters.get(place, letter) for place, letter in enumerate(number))


def corrected(number: str, place: int) -> str:
    """Return the number with the letter at a place replaced so that the check digit is right."""
    (right,) = (
        tried for letter in ALPHABET if is_case_number(tried := put(number, {place: letter}))
    )
    return right


def test_a_new_number_is_valid_and_random() -> None:
    numbers = [new_case_number() for _ in range(200)]
    assert all(is_case_number(each) for each in numbers)
    assert len(set(numbers)) == 200
    for place in PLACES:
        assert {each[place] for each in numbers} <= set(ALPHABET)
        assert len({each[place] for each in numbers}) > 16


def test_the_example_in_the_docstring_is_valid() -> None:
    (example,) = re.findall(r'"([^"]+)"', new_case_number.__doc__ or "")
    assert is_case_number(example)


def test_every_single_wrong_character_is_found() -> None:
    for number in (new_case_number() for _ in range(50)):
        for place in PLACES:
            assert corrected(number, place) == number


@pytest.mark.parametrize(("first", "second"), list(pairwise(PLACES)))
def test_every_swap_of_unequal_neighbours_is_found(first: int, second: int) -> None:
    start = new_case_number()
    free = 10 if first == 0 else 0
    for one, other in permutations(ALPHABET, 2):
        number = corrected(put(start, {first: one, second: other}), free)
        assert not is_case_number(put(number, {first: other, second: one}))


@pytest.mark.parametrize(
    "text",
    ["", "-", "--", "0", "00000000-0", "000000000", "0000-0000", "0000-0000-00", "0000-000-00",
     "0000-0000-0 ", " 0000-0000-0", "0000-0000-0\n", "0000–0000–0", "OOOO-OOOO-O", "0000-0000-0-",
     "٠٠٠٠-٠٠٠٠-٠"],
)  # fmt: skip
def test_other_texts_are_not_case_numbers(text: str) -> None:
    assert is_case_number("0000-0000-0")
    assert not is_case_number(text)


def test_a_pin_has_eight_digits() -> None:
    pins = [new_pin() for _ in range(200)]
    assert all(len(each) == 8 and set(each) <= set("0123456789") for each in pins)
    assert len(set(pins)) == 200
