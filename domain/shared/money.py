"""Amounts of money: whole cents inside, decimal text with two places outside."""

import re

import msgspec

_DECIMAL = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,2}))?")


class Money(msgspec.Struct, frozen=True):
    """An amount in the smallest unit of its currency, whose code is in lower case (`usd`)."""

    cents: int
    currency: str


def decimal_text(cents: int) -> str:
    """Write cents as callers see them: 25500 is `255.00`."""
    whole, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{whole}.{rest:02d}"


def parse_decimal(text: str) -> int:
    """Read `255`, `255.5` or `255.00` as cents.

    Raises ValueError for a sign, an exponent, a separator of thousands or more than two places.
    """
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise ValueError("Not a decimal number with at most two places.")
    whole, places = match.groups(default="")
    return int(whole) * 100 + int(places.ljust(2, "0"))
