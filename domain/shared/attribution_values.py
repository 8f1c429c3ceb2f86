"""How one value of an attribution is cleaned; None stands for nothing usable."""

import re
import unicodedata
from datetime import UTC, datetime
from urllib.parse import urlsplit

LONGEST_TEXT = 255
LONGEST_ADDRESS = 450
LARGEST_NUMBER = 2**31 - 1

_BLANK_WORDS = frozenset({"", "null", "undefined", "(not set)"})
_NUMBER = re.compile(r"([0-9]{1,10})(?:\.[0-9]+)?")
_EMAIL = re.compile(r"[^\s@]@[^\s@]+\.[^\s@]")
_DEVICES = {
    "mobile": "mobile",
    "smartphone": "mobile",
    "phone": "mobile",
    "iphone": "mobile",
    "android": "mobile",
    "desktop": "desktop",
    "tablet": "tablet",
}


def text(value: object) -> str | None:
    """Trimmed text of at most 255 characters; the words for nothing (`null`, `(not set)`) are nothing."""
    whole = _whole_text(value)
    return whole and whole[:LONGEST_TEXT].rstrip()


def label(value: object) -> str | None:
    """A text that is stored in clear: one with an e-mail address in it names a person and is dropped."""
    read = text(value)
    return None if read and _EMAIL.search(read) else read


def address(value: object) -> str | None:
    """An address, cut after 450 characters."""
    whole = _whole_text(value)
    return whole and whole[:LONGEST_ADDRESS].rstrip()


def click_id(value: object) -> str | None:
    """A click id; one of more than 255 characters is dropped, since a cut id is worthless."""
    whole = _whole_text(value)
    return whole if whole and len(whole) <= LONGEST_TEXT else None


def whole_number(value: object) -> int | None:
    """A count or a number of seconds: `"5"` and `5.0` are 5."""
    number = _NUMBER.fullmatch(_whole_text(value) or "")
    if number is None or int(number[1]) > LARGEST_NUMBER:
        return None
    return int(number[1])


def score(value: object) -> int | None:
    """A whole number from 0 to 100."""
    number = whole_number(value)
    return number if number is not None and number <= 100 else None


def moment(value: object) -> datetime | None:
    """An ISO time as UTC without a fraction; a time without an offset is taken as UTC."""
    try:
        read = datetime.fromisoformat(_whole_text(value) or "")
        in_utc = read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return in_utc.replace(microsecond=0)


def device(value: object) -> str | None:
    """`mobile`, `desktop` or `tablet`."""
    return _DEVICES.get((_whole_text(value) or "").lower())


def host(value: object) -> str | None:
    """The host of an address or a bare host, in lower case and without `www.`."""
    whole = _whole_text(value) or ""
    try:
        name = urlsplit(whole if "//" in whole else f"//{whole}").hostname or ""
    except ValueError:
        return None
    return None if " " in name else text(name.removeprefix("www."))


def _whole_text(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    # Control characters and lone surrogates cannot be stored everywhere, and mean nothing here.
    readable = "".join(c for c in str(value) if unicodedata.category(c) not in {"Cc", "Cs"}).strip()
    return None if readable.lower() in _BLANK_WORDS else readable
