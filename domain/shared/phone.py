"""Telephone numbers as people write them, and the key by which two spellings are one number."""

import re

FEWEST_DIGITS, MOST_DIGITS = 7, 15
KEY_DIGITS = 10

_EXTENSION = re.compile(r"(?:extension|ext|x|#)[\s.:]*[0-9]{1,6}[^0-9]*$", re.IGNORECASE)


def phone_digits(text: str) -> str:
    """Return the digits of a number without its extension (`x12`, `ext 12`, `#12`)."""
    extension = _EXTENSION.search(text)
    # Something must stand before an extension: "#5551234" alone is a number, not an extension of nothing.
    number = _only_digits(text[: extension.start()]) if extension else ""
    return number or _only_digits(text)


def is_phone(text: str) -> bool:
    """Tell whether the text has 7 to 15 digits once its extension is removed."""
    return FEWEST_DIGITS <= len(phone_digits(text)) <= MOST_DIGITS


def phone_key(text: str) -> str | None:
    """Return the last ten digits, by which calls and orders are matched; None when there are fewer."""
    digits = phone_digits(text)
    return digits[-KEY_DIGITS:] if len(digits) >= KEY_DIGITS else None


def _only_digits(text: str) -> str:
    return re.sub(r"[^0-9]", "", text)
