"""Where a lead came from: the campaign, the click, the device and the place."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from urllib.parse import parse_qsl

import msgspec

from domain.shared import attribution_values as values

LARGEST_BYTES = 16 * 1024
UNREADABLE = "attribution_unreadable"
KEY_DROPPED = "attribution_key_dropped"

CLICK_IDS = ("gclid", "fbclid", "msclkid", "gbraid", "wbraid")


class Attribution(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What may be stored in clear text; times are UTC, a duration is in seconds, a score is 0 to 100."""

    source: str | None = None
    medium: str | None = None
    campaign: str | None = None
    keyword: str | None = None
    content: str | None = None
    referrer_domain: str | None = None
    device_type: str | None = None
    browser: str | None = None
    operating_system: str | None = None
    pages_viewed: int | None = None
    visit_count: int | None = None
    first_visit_at: datetime | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None
    gclid: str | None = None
    fbclid: str | None = None
    msclkid: str | None = None
    gbraid: str | None = None
    wbraid: str | None = None
    lead_type: str | None = None
    call_duration: int | None = None
    lead_score: int | None = None


class AttributionLinks(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The addresses of an attribution: personal, since a query may carry an e-mail."""

    landing_page: str | None = None
    lead_url: str | None = None
    call_recording_url: str | None = None


NO_LINKS = AttributionLinks()

_SOURCE_CATEGORIES = {
    "google": "Google",
    "yelp": "Yelp",
    "direct": "Direct",
    "(direct)": "Direct",
    "bing": "Bing",
    "facebook": "Facebook",
    "fb": "Facebook",
    "instagram": "Instagram",
    "ig": "Instagram",
    "linkedin": "LinkedIn",
    "yahoo": "Yahoo",
    "duckduckgo": "DuckDuckGo",
}

_CALL_KEYS = frozenset({"call_duration", "call_recording_url", "lead_score"})
_FORM_KEYS = frozenset((*Attribution.__struct_fields__, *AttributionLinks.__struct_fields__)) - _CALL_KEYS

_FILLED_FROM = {
    "source": "utm_source",
    "medium": "utm_medium",
    "campaign": "utm_campaign",
    "keyword": "utm_term",
    "content": "utm_content",
    **{click_id: click_id for click_id in CLICK_IDS},
}

_READERS: Mapping[str, Callable[[object], object]] = {
    **dict.fromkeys(CLICK_IDS, values.click_id),
    **dict.fromkeys(AttributionLinks.__struct_fields__, values.address),
    **dict.fromkeys(("pages_viewed", "visit_count", "call_duration"), values.whole_number),
    "first_visit_at": values.moment,
    "device_type": values.device,
    "referrer_domain": values.host,
    "lead_score": values.score,
}


def normal_attribution(raw: Mapping[str, object], *, lead_type: str) -> tuple[Attribution, AttributionLinks]:
    """Clean every known key of `raw` and drop what is blank or unreadable (spec: attribution)."""

    def read(names: Iterable[str]) -> dict[str, object]:
        return {name: _READERS.get(name, values.label)(raw[name]) for name in names if raw.get(name) is not None}

    plain = read(Attribution.__struct_fields__) | {"lead_type": lead_type}
    return (
        msgspec.convert(plain, Attribution),
        msgspec.convert(read(AttributionLinks.__struct_fields__), AttributionLinks),
    )


def read_attribution(raw: object, *, extra: Mapping[str, object]) -> tuple[Attribution, AttributionLinks, list[str]]:
    """Read what a form sent as `attribution`, object or JSON text; it is never a reason to refuse a form.

    Missing keys are filled from `extra` (`utm_*` and click ids beside the form's fields), then from the query
    of the landing page. The list names what to count: an unreadable whole, and each key that is not ours.
    """
    sent = _opened(raw)
    if sent == {} and not extra:
        return Attribution(lead_type="form"), NO_LINKS, []
    given = sent or {}
    dropped = [KEY_DROPPED for key in given if key not in _FORM_KEYS]
    known = {key: value for key, value in given.items() if key in _FORM_KEYS}
    for filler in (extra, _query(known.get("landing_page"))):
        known |= {key: filler.get(name) for key, name in _FILLED_FROM.items() if values.text(known.get(key)) is None}
    attribution, links = normal_attribution(known, lead_type="form")
    return attribution, links, dropped if sent is not None else [UNREADABLE]


def is_empty(attribution: Attribution, links: AttributionLinks = NO_LINKS) -> bool:
    """Tell whether nothing is known but the type of the lead."""
    return links == NO_LINKS and attribution == Attribution(lead_type=attribution.lead_type)


def device_label(device_type: str | None) -> str | None:
    """Return the CRM's word for a device: `Mobile`, `Desktop` or `Tablet`."""
    return device_type and device_type.capitalize()


def source_category(source: str | None) -> str | None:
    """Return the CRM's category of a source; `www.google.com` is Google, but `not-google` is Other."""
    name = (source or "").strip().lower().removeprefix("www.").removesuffix(".com")
    return _SOURCE_CATEGORIES.get(name, "Other") if name else None


def _opened(raw: object) -> dict[str, object] | None:
    """Return the object that was sent, empty if none was; None when it cannot be read or is over 16 KB."""
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        return {}
    try:
        # An object is written out too: it gets the same limit and the same idea of what JSON is.
        text = raw.encode() if isinstance(raw, str) else msgspec.json.encode(raw)
        if len(text) > LARGEST_BYTES:
            return None
        return msgspec.json.decode(text, type=dict[str, object] | None) or {}
    except (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError):
        return None


def _query(landing_page: object) -> dict[str, str]:
    """Return the parameters of an address; the first of a repeated one counts."""
    _, _, query = str(landing_page or "").partition("?")
    return dict(reversed(parse_qsl(query.partition("#")[0])))
