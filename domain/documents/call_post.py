"""How a message of the call-tracking service is read, and which messages are turned away."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from domain.documents.call_facts import COMPLETED, IN_PROGRESS, CallDetails, CallerWords, CallPost
from domain.documents.landing import is_tracking_page
from domain.shared import attribution_values as values
from domain.shared.contact import normal_email
from domain.shared.phone import FEWEST_DIGITS, phone_digits, phone_key

PHONE_CALL = "phonecall"
LARGEST = 2**63
LONGEST_NAME, LONGEST_EMAIL, LONGEST_PHONE = 120, 254, 40
LONGEST_PLACE, LONGEST_ADDRESS, LONGEST_ANALYSIS, LONGEST_TEXT = 80, 2000, 4000, 255

Value = TypeVar("Value")
Reader = Callable[[object], object]

_LEAD_ID = re.compile(r"0*([1-9][0-9]{0,19})")
_CLOCK = re.compile(r"(?:([0-9]{1,4}):)?([0-9]{1,4}):([0-5][0-9])")
_WORDS_FOR = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class Ignore(msgspec.Struct, frozen=True):
    """Understood, and nothing is to be done."""

    cause: str


class Refuse(msgspec.Struct, frozen=True):
    """Not usable."""

    cause: str


def verdict(post: CallPost | None, *, known: bool) -> Ignore | Refuse | None:
    """Say why a message leads to nothing, None if it is to be acted on; `known` when its call has a lead already.

    The first cause that applies is named (spec: filters).
    """
    if post is None:
        return Refuse("unreadable")
    if post.lead_id is None:
        return Refuse("no_lead_id")
    if post.lead_type is None and not known:
        return Ignore("lead_type_missing")
    if post.lead_type not in (None, PHONE_CALL):
        return Ignore("not_a_phone_call")
    if is_tracking_page(post.words.landing_url):
        return Ignore("tracking_page")
    if post.details.spam and not known:
        return Ignore("spam")
    return None


def read_call(body: object) -> CallPost | None:
    """Read a decoded message; None if it is no object. Whatever is odd in it is left out, and never an error."""
    if not isinstance(body, Mapping):
        return None
    body = _bounded(body)
    words = {name: _first(body, keys, read) for name, (keys, read) in _WORDS.items()}
    details = {name: _first(body, keys, read) for name, (keys, read) in _DETAILS.items()}
    words |= _analysis(body)
    details["lead_state"] = _state(body, answered=details["call_duration"] is not None)
    return CallPost(
        lead_id=_first(body, ("lead_id",), _lead_id),
        lead_type=_first(body, ("lead_type",), _folded),
        last_updated=_first(body, ("last_updated",), _moment),
        words=msgspec.convert(words, CallerWords),
        details=msgspec.convert(details, CallDetails),
    )


def identified(post: CallPost, *, blind: Callable[[str], str]) -> CallPost:
    """The message with the keyed digests by which its caller's other calls and orders are found."""
    phone, email = phone_key(post.words.contact_phone or ""), post.words.contact_email
    hashes = {
        "phone_hash": blind(f"phone:{phone}") if phone else None,
        "email_hash": blind(f"email:{email.casefold()}") if email else None,
    }
    return msgspec.structs.replace(post, details=msgspec.structs.replace(post.details, **hashes))


def _bounded(body: Mapping[object, object]) -> dict[str, object]:
    """Without numbers so large that Python will not even write them out."""
    return {
        key: value
        for key, value in body.items()
        if isinstance(key, str) and (not isinstance(value, int) or abs(value) <= LARGEST)
    }


def _first(body: Mapping[str, object], keys: tuple[str, ...], read: Callable[[object], Value | None]) -> Value | None:
    """The first usable value among the vendor's several spellings of a key."""
    return next((value for key in keys if (value := read(body.get(key))) is not None), None)


def _text(value: object, *, longest: int = LONGEST_TEXT, keep: str = "") -> str | None:
    """Like a text of an attribution, but as long as its field allows; control characters are dropped, bar `keep`."""
    if values.text(value) is None:
        return None
    kept = "".join(c for c in str(value) if c in keep or unicodedata.category(c) not in {"Cc", "Cs"})
    return kept.strip()[:longest].rstrip()


def _lead_id(value: object) -> str | None:
    digits = _LEAD_ID.fullmatch(_text(value) or "")
    return digits[1] if digits else None


def _folded(value: object) -> str | None:
    return re.sub(r"[\s_-]", "", _text(value) or "").casefold() or None


def _email(value: object) -> str | None:
    text = _text(value, longest=LONGEST_EMAIL + 1) or ""
    try:
        return normal_email(text) if len(text) <= LONGEST_EMAIL else None
    except ValueError:
        return None


def _phone(value: object) -> str | None:
    text = _text(value, longest=LONGEST_PHONE + 1) or ""
    return text if len(text) <= LONGEST_PHONE and len(phone_digits(text)) >= FEWEST_DIGITS else None


def _recording(value: object) -> str | None:
    """A link that can be followed: a cut one, or one that is not https, is none."""
    text = _text(value, longest=LONGEST_ADDRESS + 1) or ""
    try:
        address = urlsplit(text)
    except ValueError:
        return None
    usable = address.scheme == "https" and address.netloc and not re.search(r"\s", text)
    return text if usable and len(text) <= LONGEST_ADDRESS else None


def _seconds(value: object) -> int | None:
    clock = _CLOCK.fullmatch(_text(value) or "")
    if clock is None:
        return values.whole_number(value)
    hours, minutes, seconds = (int(part or 0) for part in clock.groups())
    if clock[1] and minutes > 59:
        return None
    return hours * 3600 + minutes * 60 + seconds


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else _WORDS_FOR.get(_folded(value) or "")


def _moment(value: object) -> datetime | None:
    """With its fraction, which may be all that tells which of two messages is the newer."""
    try:
        read = datetime.fromisoformat(_text(value) or "")
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _state(body: Mapping[str, object], *, answered: bool) -> str | None:
    """The vendor's other words are not documented: any but "In Progress" means completed once there is a duration."""
    word = _first(body, ("lead_state", "call_status"), _folded) or ""
    if word == "inprogress":
        return IN_PROGRESS
    return COMPLETED if answered or word.startswith("completed") else None


def _analysis(body: Mapping[str, object]) -> dict[str, str | None]:
    """What the vendor's analysis says of the call; it comes as an object or as the JSON text of one."""
    found = body.get("lead_analysis")
    if isinstance(found, str):
        try:
            found = msgspec.json.decode(found)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            found = None
    said = {_folded(key): value for key, value in _bounded(found).items()} if isinstance(found, Mapping) else {}
    read = {name: _said(said.get(key)) for name, key in _ANALYSIS.items()}
    return read | {"keywords": read["keywords"] or _said(body.get("spotted_keywords"))}


_said = partial(_text, longest=LONGEST_ANALYSIS, keep="\n")
_name = partial(_text, longest=LONGEST_NAME)
_place = partial(_text, longest=LONGEST_PLACE)
_address = partial(_text, longest=LONGEST_ADDRESS)

_ANALYSIS = {
    "lead_summary": "leadsummary",
    "sentiment": "sentimentdetection",
    "intent": "intentdetection",
    "keywords": "keyworddetection",
    "topics": "topicdetection",
}

_WORDS: Mapping[str, tuple[tuple[str, ...], Reader]] = MappingProxyType(
    {
        "contact_name": (("contact_name", "caller_name"), _name),
        "contact_email": (("contact_email_address", "contact_email", "email_address"), _email),
        "contact_phone": (("contact_phone_number", "contact_phone", "phone_number", "caller_number"), _phone),
        "contact_company": (("contact_company_name", "contact_company"), _name),
        "call_recording_url": (("call_recording_url", "recording", "play_recording"), _recording),
        "landing_url": (("landing_url",), _address),
        "lead_url": (("lead_url",), _address),
        "ip_address": (("ip_address",), _place),
    }
)

_DETAILS: Mapping[str, tuple[tuple[str, ...], Reader]] = MappingProxyType(
    {
        "lead_status": (("lead_status",), _place),
        "call_duration": (("call_duration_seconds", "call_duration"), _seconds),
        "lead_score": (("lead_score",), values.score),
        **{name: ((f"lead_{name}",), values.text) for name in ("source", "medium", "campaign", "content", "keyword")},
        "gclid": (("gclid",), values.click_id),
        "msclkid": (("msclkid",), values.click_id),
        "fbclid": (("fbclid", "facebook_click_id"), values.click_id),
        **{name: ((name, f"caller_{name}"), _place) for name in ("city", "state", "zip", "country")},
        "device_type": (("device_type",), values.device),
        **{name: ((name,), values.text) for name in ("device_make", "operating_system", "browser")},
        "date_created": (("date_created",), values.moment),
        **{name: ((name,), _flag) for name in ("duplicate", "spam")},
        **{name: ((name,), _text) for name in ("quotable", "quote_value", "sales_value")},
        **{name: ((name,), _text) for name in ("answer_status", "tracking_number", "phone_name")},
    }
)
