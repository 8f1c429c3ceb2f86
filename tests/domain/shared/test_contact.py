"""Names shown to strangers, names for the CRM, and e-mail addresses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.shared.contact import normal_email, redacted_name, split_name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("John Doe", "J*** D***"),
        ("Anna-Maria de la Cruz", "A*** d*** l*** C***"),
        ("X", "X***"),
        ("  John   Doe ", "J*** D***"),
        ("one two three four five", "o*** t*** t*** f***"),
        ("E\u0301lise", "\u00c9***"),
        ("", "Customer"),
        (" \t", "Customer"),
    ],
)
def test_a_name_is_shown_by_the_first_character_of_each_word(name: str, shown: str) -> None:
    assert redacted_name(name) == shown


@given(st.text())
def test_no_more_than_one_character_of_a_word_is_ever_shown(name: str) -> None:
    shown = redacted_name(name)
    words = shown.split(" ")
    assert shown == "Customer" or all(len(word) == 4 and word.endswith("***") for word in words)
    assert len(words) <= 4


@pytest.mark.parametrize(
    ("name", "first_and_last"),
    [
        ("John Doe", ("John", "Doe")),
        ("Anna-Maria de la Cruz", ("Anna-Maria de la", "Cruz")),
        ("Cher", ("", "Cher")),
        ("  ", ("", "Unknown caller")),
    ],
)
def test_the_last_word_is_the_last_name(name: str, first_and_last: tuple[str, str]) -> None:
    assert split_name(name) == first_and_last


def test_only_the_domain_of_an_address_is_lower_cased() -> None:
    assert normal_email(" John.Doe@EXAMPLE.com ") == "John.Doe@example.com"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a@",
        "@example.com",
        "john",
        "john@localhost",
        "john doe@example.com",
        "john@example..com",
        "john@example.com, jane@example.com",
        "john@example.com\nBcc: jane@example.com",
        f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 63}.com",
    ],
)
def test_what_is_no_address_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"^Not a valid email address\.$"):
        normal_email(text)


@given(st.text())
def test_an_address_is_read_or_refused_and_nothing_else(text: str) -> None:
    try:
        address = normal_email(text)
    except ValueError:
        return
    assert normal_email(address) == address
