"""Tracking ids: twenty characters that nobody can guess and everybody can read out on the telephone."""

from collections.abc import Callable

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 20

_BITS_A_CHARACTER = 5
_BYTES = 13
_SPARE_BITS = _BYTES * 8 - LENGTH * _BITS_A_CHARACTER
_AS_MEANT = str.maketrans({"I": "1", "L": "1", "O": "0", "-": None, " ": None})


def draw(random_bytes: Callable[[int], bytes]) -> str:
    """Make an id of 100 random bits; `random_bytes` returns that many bytes, each bit a fair coin."""
    number = int.from_bytes(random_bytes(_BYTES)) >> _SPARE_BITS
    shifts = range((LENGTH - 1) * _BITS_A_CHARACTER, -1, -_BITS_A_CHARACTER)
    return "".join(ALPHABET[number >> shift & 0b11111] for shift in shifts)


def read(text: str) -> str | None:
    """Read an id as people type it: any case, with dashes and spaces, `I` or `L` for 1 and `O` for 0.

    None when it cannot be a tracking id.
    """
    # Beyond ASCII, upper case turns some letters into ours (a dotless i into I).
    if not text.isascii():
        return None
    tracking_id = text.upper().translate(_AS_MEANT)
    return tracking_id if len(tracking_id) == LENGTH and set(tracking_id) <= set(ALPHABET) else None
