"""The chain's arithmetic: what goes into a digest, a link and a seal."""

from hashlib import sha256

import pytest

from adapters.proof.chain import START, UNREADABLE, Checkpoint, Seal, StoredRow, digest, extended, marks_of

ROW: StoredRow = (7, b"00000000-0000-0000-0000-000000000001", 2, b"sample.tree.Grew", b'{"by_cm":1}')
CHECKPOINT = Checkpoint(position=20, previous=10, hash=b"h" * 32, at="2026-03-02T09:00:00.000000Z", marks=b"m" * 80)


def test_the_digest_is_what_the_docstring_says() -> None:
    numbers = b"".join(number.to_bytes(8) for number in (7, 2, 36, 16, 11))
    assert digest(ROW) == sha256(numbers + ROW[1] + ROW[3] + ROW[4]).digest()


@pytest.mark.parametrize("field", range(5))
def test_every_field_counts(field: int) -> None:
    other = (8, b"other", 3, b"other", b"other")
    assert digest((*ROW[:field], other[field], *ROW[field + 1 :])) != digest(ROW)  # type: ignore[arg-type]


def test_nothing_can_move_from_one_field_into_the_next() -> None:
    assert digest((1, b"ab", 1, b"c", b"d")) != digest((1, b"a", 1, b"bc", b"d"))
    assert digest((1, b"a", 1, b"bc", b"d")) != digest((1, b"a", 1, b"b", b"cd"))


def test_what_is_no_number_has_a_digest_that_fits_nothing() -> None:
    assert digest((1, b"a", "two", b"b", b"c")) == UNREADABLE  # type: ignore[arg-type]
    assert digest((-1, b"a", 2, b"b", b"c")) == UNREADABLE


def test_a_link_depends_on_everything_before_it() -> None:
    one, two = sha256(b"1").digest(), sha256(b"2").digest()
    assert (
        extended(extended(START, [one]), [two])
        == extended(START, [one, two])
        == sha256(sha256(START + one).digest() + two).digest()
    )


def test_a_mark_is_found_by_its_position() -> None:
    digests = [bytes([number]) * 32 for number in range(10)]
    checkpoint = Checkpoint(position=20, previous=10, hash=START, at="", marks=marks_of(digests))
    assert [checkpoint.mark(position) for position in (11, 20)] == [bytes([0]) * 8, bytes([9]) * 8]


def test_a_seal_fits_only_what_was_signed_and_only_with_our_key() -> None:
    seal = Seal(b"a key of exactly thirty-two byte")
    signed = seal.sealed(CHECKPOINT)
    assert seal.fits(signed)
    assert not seal.fits(CHECKPOINT)
    assert not Seal(b"another key of thirty-two bytes!").fits(signed)
