"""Tracking ids: how they are drawn and how they are read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.documents.tracking_id import ALPHABET, LENGTH, draw, read

IDS = st.binary(min_size=13, max_size=13).map(lambda some: draw(lambda _: some))


def test_the_alphabet_is_crockfords() -> None:
    assert len(set(ALPHABET)) == 32
    assert not set(ALPHABET) & set("ILOU")


def test_the_lowest_and_the_highest_bits_give_the_first_and_the_last_id() -> None:
    assert draw(bytes) == "0" * LENGTH
    assert draw(lambda size: b"\xff" * size) == "Z" * LENGTH


@given(st.integers(min_value=0, max_value=2**100 - 1), st.integers(min_value=0, max_value=15))
def test_each_of_the_hundred_bits_counts_and_spare_ones_do_not(number: int, spare: int) -> None:
    drawn = draw((number << 4 | spare).to_bytes)
    digits = [ALPHABET.index(character) for character in drawn]
    assert sum(digit << 5 * place for place, digit in enumerate(reversed(digits))) == number


@given(IDS)
def test_a_drawn_id_reads_as_itself(tracking_id: str) -> None:
    assert len(tracking_id) == LENGTH
    assert read(tracking_id) == tracking_id


@given(IDS)
def test_case_dashes_spaces_and_look_alikes_are_forgiven(tracking_id: str) -> None:
    typed = "-".join(tracking_id[start : start + 5] for start in range(0, LENGTH, 5)).lower()
    assert read(f" {typed} ") == tracking_id
    assert read(typed.replace("0", "O").replace("1", "l")) == tracking_id
    assert read(typed.replace("0", "o").replace("1", "I")) == tracking_id


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0" * 19,
        "0" * 21,
        "0" * 19 + "U",
        "0" * 19 + "*",
        "0" * 19 + "\n",
        "0" * 19 + "\u0131",
        "\u0660" * 20,
    ],
)
def test_any_other_character_or_length_is_no_id(text: str) -> None:
    assert read(text) is None
