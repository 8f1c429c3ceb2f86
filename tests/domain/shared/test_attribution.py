"""What forms tell about where a customer came from, and what is made of it."""

import json
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.shared.attribution import (
    KEY_DROPPED,
    UNREADABLE,
    Attribution,
    AttributionLinks,
    device_label,
    is_empty,
    normal_attribution,
    read_attribution,
    source_category,
)

NOTHING = Attribution(lead_type="form")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
KEYS = st.sampled_from([*Attribution.__struct_fields__, *AttributionLinks.__struct_fields__, "other"])


def read(raw: object, **extra: object) -> Attribution:
    attribution, _, _ = read_attribution(raw, extra=extra)
    return attribution


def links(raw: object) -> AttributionLinks:
    return read_attribution(raw, extra={})[1]


def counted(raw: object) -> list[str]:
    return read_attribution(raw, extra={})[2]


def test_scenario_43_attribution_of_a_form_is_cleaned() -> None:
    raw = {
        "device_type": "Mobile",
        "pages_viewed": "5",
        "first_visit_at": "2026-02-04T15:30:00.636Z",
        "medium": None,
        "keyword": "null",
        "campaign": "c" * 600,
        "source": "not-linkedin",
    }
    assert read(raw) == Attribution(
        device_type="mobile",
        pages_viewed=5,
        first_visit_at=datetime(2026, 2, 4, 15, 30, tzinfo=UTC),
        campaign="c" * 255,
        source="not-linkedin",
        lead_type="form",
    )
    assert source_category("not-linkedin") == "Other"


def test_an_object_and_its_json_text_read_alike() -> None:
    raw = {"source": "google", "visit_count": 3}
    assert read(raw) == read(json.dumps(raw)) == Attribution(source="google", visit_count=3, lead_type="form")


@pytest.mark.parametrize("raw", [None, "", "  ", "null", {}])
def test_nothing_sent_is_nothing_counted(raw: object) -> None:
    assert read_attribution(raw, extra={}) == (NOTHING, AttributionLinks(), [])


@pytest.mark.parametrize(
    "raw",
    [
        "{broken",
        "[]",
        "5",
        [],
        5,
        True,
        "\ud800",
        {"city": "\ud800"},
        {"city": "x" * 16_384},
        "[" * 9000,
    ],
    ids=lambda raw: ascii(raw)[:20],
)
def test_scenario_9_what_cannot_be_read_is_empty_and_counted(raw: object) -> None:
    assert read_attribution(raw, extra={}) == (NOTHING, AttributionLinks(), [UNREADABLE])


def test_unreadable_attribution_is_still_filled_from_beside_the_form() -> None:
    assert read("{broken", utm_source="google").source == "google"


def test_unknown_keys_and_those_of_calls_are_dropped_and_counted() -> None:
    raw = {
        "source": "google",
        "shoe_size": 43,
        "call_duration": 9,
        "lead_score": 1,
        "call_recording_url": "x",
    }
    assert read(raw) == Attribution(source="google", lead_type="form")
    assert links(raw) == AttributionLinks()
    assert counted(raw) == [KEY_DROPPED] * 4


@pytest.mark.parametrize("blank", ["", "  ", "null", "undefined", "(not set)", "(Not Set)", None, [], {}, True])
def test_blank_words_and_what_is_no_text_are_dropped(blank: object) -> None:
    assert read({"city": blank}) == NOTHING


def test_text_is_trimmed_and_freed_of_control_characters() -> None:
    assert read({"city": " Fort\x00 Worth\n", "campaign": 42}) == Attribution(
        city="Fort Worth", campaign="42", lead_type="form"
    )


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (5, 5),
        ("5", 5),
        (5.0, 5),
        ("5.0", 5),
        (0, 0),
        (-1, None),
        ("-1", None),
        ("many", None),
        (2**31, None),
        (1e300, None),
    ],
)
def test_numbers_are_whole_and_not_negative(value: object, number: int | None) -> None:
    assert read({"visit_count": value}).visit_count == number


@pytest.mark.parametrize(
    ("value", "time"),
    [
        ("2026-02-04T15:30:00Z", datetime(2026, 2, 4, 15, 30, tzinfo=UTC)),
        ("2026-02-04T10:30:00.9-05:00", datetime(2026, 2, 4, 15, 30, tzinfo=UTC)),
        ("2026-02-04 15:30", datetime(2026, 2, 4, 15, 30, tzinfo=UTC)),
        ("0001-01-01T00:00:00+01:00", None),
        ("yesterday", None),
        (1770219000, None),
    ],
)
def test_times_are_utc_without_a_fraction(value: object, time: datetime | None) -> None:
    assert read({"first_visit_at": value}).first_visit_at == time


@pytest.mark.parametrize(
    ("value", "device"),
    [
        ("Smartphone", "mobile"),
        ("iPhone", "mobile"),
        ("Android", "mobile"),
        ("phone", "mobile"),
        ("TABLET", "tablet"),
        ("Desktop", "desktop"),
        ("fridge", None),
    ],
)
def test_devices_are_of_three_types(value: object, device: str | None) -> None:
    assert read({"device_type": value}).device_type == device
    assert device_label(device) == (device and device.title())


@pytest.mark.parametrize(
    ("value", "host"),
    [
        ("https://WWW.Google.com/search?q=john@example.com", "google.com"),
        ("news.example.org:8080/path", "news.example.org"),
        ("http://[", None),
        ("Google Search", None),
    ],
)
def test_a_referrer_is_its_host_and_nothing_more(value: object, host: str | None) -> None:
    assert read({"referrer_domain": value}).referrer_domain == host


def test_addresses_are_kept_apart_and_cut_after_450_characters() -> None:
    page = "https://example.com/" + "a" * 600
    assert links({"landing_page": page, "lead_url": "/fbi"}) == AttributionLinks(
        landing_page=page[:450], lead_url="/fbi"
    )


def test_a_click_id_that_is_too_long_is_dropped_whole() -> None:
    assert read({"gclid": "g" * 255}).gclid == "g" * 255
    assert read({"gclid": "g" * 256}).gclid is None


def test_missing_keys_are_filled_from_beside_the_form_then_from_the_landing_page() -> None:
    page = "https://example.com/?utm_source=page&utm_medium=page&utm_term=page&gclid=page&gclid=again#utm_content=no"
    raw = {"landing_page": page, "source": "sent", "medium": "undefined"}
    assert read(raw, utm_source="beside", utm_medium="beside", fbclid="beside", utm_term=["odd"]) == Attribution(
        source="sent", medium="beside", keyword="page", gclid="page", fbclid="beside", lead_type="form"
    )


def test_a_form_is_a_form_whatever_it_says_and_a_call_keeps_what_only_calls_have() -> None:
    assert read({"lead_type": "phone"}) == NOTHING
    call = {"call_duration": "61", "lead_score": 101, "call_recording_url": "https://example.com/r"}
    assert normal_attribution(call, lead_type="phone") == (
        Attribution(call_duration=61, lead_type="phone"),
        AttributionLinks(call_recording_url="https://example.com/r"),
    )


def test_attribution_is_empty_when_only_the_lead_type_is_known() -> None:
    assert is_empty(NOTHING)
    assert not is_empty(NOTHING, AttributionLinks(lead_url="/fbi"))
    assert not is_empty(read({"city": "Austin"}))


@pytest.mark.parametrize(
    ("source", "category"),
    [
        ("Google", "Google"),
        ("www.google.com", "Google"),
        ("yelp.com", "Yelp"),
        ("(direct)", "Direct"),
        ("fb", "Facebook"),
        ("ig", "Instagram"),
        ("google ads", "Other"),
        (" ", None),
        (None, None),
    ],
)
def test_the_category_of_a_source_is_found_by_its_whole_value(source: str | None, category: str | None) -> None:
    assert source_category(source) == category


@given(JSON | st.dictionaries(KEYS, JSON), st.dictionaries(st.sampled_from(["utm_source", "gclid"]), JSON))
def test_nothing_a_form_sends_ever_raises_and_all_that_is_kept_can_be_stored(
    raw: object, extra: dict[str, object]
) -> None:
    attribution, addresses, _ = read_attribution(raw, extra=extra)
    for kept in (attribution, addresses):
        assert msgspec.json.decode(msgspec.json.encode(kept), type=type(kept)) == kept


@given(st.dictionaries(KEYS, st.text()))
def test_what_has_been_cleaned_stays_as_it_is(raw: dict[str, str]) -> None:
    attribution, addresses, _ = read_attribution(raw, extra={})
    again = msgspec.to_builtins(attribution) | msgspec.to_builtins(addresses)
    assert normal_attribution(again, lead_type="form") == (attribution, addresses)


def test_a_keyword_that_names_a_person_is_not_kept() -> None:
    attribution, _, _ = read_attribution(
        {"keyword": "planted@example.com", "content": "from a.b@example.org"}, extra={}
    )
    assert (attribution.keyword, attribution.content) == (None, None)
