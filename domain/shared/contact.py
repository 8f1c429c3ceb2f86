"""Who a customer is, and how much of a name may be shown to a stranger."""

import unicodedata

import msgspec
from email_validator import EmailNotValidError, validate_email

NAMELESS = "Customer"
UNKNOWN_CALLER = "Unknown caller"
MOST_WORDS_SHOWN = 4


class Contact(msgspec.Struct, frozen=True):
    """A person to write to or call; e-mail and phone are empty text where a source does not know them."""

    name: str
    email: str
    phone: str
    company: str | None = None


def redacted_name(name: str) -> str:
    """Return the first character of each of at most four words, whatever its length: `J*** D***`."""
    words = unicodedata.normalize("NFC", name).split()[:MOST_WORDS_SHOWN]
    return " ".join(f"{word[0]}***" for word in words) or NAMELESS


def split_name(name: str) -> tuple[str, str]:
    """Return first and last name as the CRM wants them: the last name is the last word."""
    *first, last = name.split() or [UNKNOWN_CALLER]
    return " ".join(first), last


def normal_email(text: str) -> str:
    """Return the address with its domain in lower case; no DNS look-up.

    Raises ValueError, whose message does not repeat the address, when it is not valid.
    """
    try:
        return validate_email(text.strip(), check_deliverability=False).normalized
    except EmailNotValidError:
        # The library's own message may quote the address, which is personal.
        raise ValueError("Not a valid email address.") from None
