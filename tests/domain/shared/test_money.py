"""Amounts as cents and as decimal text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.shared.money import decimal_text, parse_decimal


@pytest.mark.parametrize(("cents", "text"), [(25500, "255.00"), (0, "0.00"), (5, "0.05"), (-150, "-1.50")])
def test_cents_are_written_with_two_places(cents: int, text: str) -> None:
    assert decimal_text(cents) == text


@pytest.mark.parametrize(("text", "cents"), [("255", 25500), ("255.5", 25550), ("255.05", 25505), ("0.00", 0)])
def test_decimal_text_is_read_as_cents(text: str, cents: int) -> None:
    assert parse_decimal(text) == cents


@pytest.mark.parametrize(
    "text", ["", "1.234", "1e3", "-1", "+1", "1,000", "1.", ".5", " 1", "1\n", "\u0661", "NaN", "9" * 13]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="two places"):
        parse_decimal(text)


@given(st.integers(min_value=0, max_value=10**14 - 1))
def test_what_is_written_reads_back_the_same(cents: int) -> None:
    assert parse_decimal(decimal_text(cents)) == cents
