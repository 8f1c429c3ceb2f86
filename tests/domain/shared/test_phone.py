"""Telephone numbers: what counts as one, and when two are the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.shared.phone import is_phone, phone_digits, phone_key

SPELLINGS = [
    "5551234567",
    "(555) 123-4567",
    "+1-555-123-4567",
    "555.123.4567 x9",
    "555 123 4567x12",
    "555 123 4567 X 12",
    "555-123-4567 ext 12",
    "555-123-4567, Ext. 12",
    "555-123-4567 (extension 12)",
    "1 555 123 4567 #12",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_a_number_has_one_key(spelling: str) -> None:
    assert phone_key(spelling) == "5551234567"


@pytest.mark.parametrize("text", ["1234567", "123456789012345", "+44 20 7946 0958", "555-1234 x123456"])
def test_seven_to_fifteen_digits_are_a_phone_number(text: str) -> None:
    assert is_phone(text)


@pytest.mark.parametrize("text", ["", "12", "123456", "1234567890123456", "123456 x7", "call me", "\u0665" * 10])
def test_fewer_or_more_digits_are_not(text: str) -> None:
    assert not is_phone(text)


def test_an_extension_of_nothing_is_the_number_itself() -> None:
    assert phone_digits("#555123") == "555123"
    assert phone_digits("x 555123") == "555123"


def test_a_number_of_fewer_than_ten_digits_has_no_key() -> None:
    assert phone_key("555-1234") is None
    assert phone_key("555-123-456 x7") is None


@given(st.text())
def test_a_key_is_ten_digits_whatever_is_written(text: str) -> None:
    key = phone_key(text)
    assert key is None or (len(key) == 10 and set(key) <= set("0123456789"))


@given(st.from_regex(r"[0-9]{10,15}", fullmatch=True), st.from_regex(r" (x|ext |#)[0-9]{1,4}", fullmatch=True))
def test_an_extension_never_changes_the_key(number: str, extension: str) -> None:
    assert phone_key(number + extension) == phone_key(number)
