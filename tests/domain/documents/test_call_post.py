"""Messages about calls: what is read, in whatever spelling, and what is turned away."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.documents.call_facts import CallDetails, CallerWords, CallPost
from domain.documents.call_post import Ignore, Refuse, identified, read_call, verdict
from tests.domain.documents.calls import COMPLETED, IN_PROGRESS, RECORDED, blind, post

KEYS = sorted({*IN_PROGRESS, *COMPLETED, *RECORDED, "contact_phone", "call_recording_url", "quote_value", "ip_address"})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def words(**body: Any) -> CallerWords:
    return post({}, **body).words


def details(**body: Any) -> CallDetails:
    return post({}, **body).details


def test_a_call_under_way_is_read() -> None:
    read = post(IN_PROGRESS)
    assert read == CallPost(
        lead_id="204417",
        lead_type="phonecall",
        last_updated=datetime(2026, 2, 9, 15, 0, 3, tzinfo=UTC),
        words=CallerWords(
            contact_name="A LEE",
            contact_phone="+15551234567",
            landing_url="https://documents.example/apostille-fbi?email=ann@example.com",
            lead_url="https://documents.example/contact",
        ),
        details=CallDetails(
            phone_hash=blind("phone:5551234567"),
            lead_state="in_progress",
            lead_status="Unique",
            source="google",
            medium="cpc",
            gclid="abc",
            city="Austin",
            state="TX",
            device_type="mobile",
            date_created=datetime(2026, 2, 9, 15, 0, 1, tzinfo=UTC),
        ),
    )


def test_scenario_32_other_spellings_and_unknown_keys_make_no_difference() -> None:
    vendors = {
        "contact_email_address": "ann@example.com",
        "contact_phone_number": "+1 555 123 4567",
        "contact_company_name": "Acme",
        "call_duration_seconds": 133,
        "recording": "https://recordings.example/1",
        "caller_city": "Austin",
        "facebook_click_id": "f1",
    }
    ours = {
        "contact_email": "ann@example.com",
        "contact_phone": "+1 555 123 4567",
        "contact_company": "Acme",
        "call_duration": "133",
        "call_recording_url": "https://recordings.example/1",
        "city": "Austin",
        "fbclid": "f1",
    }
    unknown = {f"Question {number}*?": [number] for number in range(30)}
    assert post(vendors) == post(ours) == post(ours | unknown)
    assert None not in (post(ours).words.contact_email, post(ours).details.fbclid, post(ours).details.call_duration)


def test_scenario_32_an_id_and_a_type_are_enough() -> None:
    read = post({"lead_id": "204417", "lead_type": "phone_call"})
    assert read == CallPost(lead_id="204417", lead_type="phonecall")
    assert verdict(read, known=False) is None


@given(st.dictionaries(st.sampled_from(KEYS), JSON))
def test_nothing_odd_is_ever_an_error(body: dict[str, Any]) -> None:
    read = read_call(body)
    assert read is not None
    verdict(identified(read, blind=blind), known=False)


def test_numbers_beyond_all_measure_are_left_out() -> None:
    huge = 10**5000
    assert post({"lead_id": huge, "lead_score": huge, "lead_analysis": {"Lead Summary": huge}}) == CallPost()


@pytest.mark.parametrize("body", [None, [], "text", 7])
def test_what_is_no_object_is_unreadable(body: object) -> None:
    assert read_call(body) is None
    assert verdict(None, known=True) == Refuse("unreadable")


@pytest.mark.parametrize(
    ("value", "lead_id"),
    [(7, "7"), ("7", "7"), (" 007 ", "7"), (0, None), (-7, None), (True, None), (7.5, None), ("x7", None), ([], None)],
)
def test_an_id_is_digits(value: object, lead_id: str | None) -> None:
    assert post({"lead_id": value}).lead_id == lead_id


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (133, 133),
        (133.9, 133),
        ("133", 133),
        ("00:02:13", 133),
        ("1:00:00", 3600),
        ("02:13", 133),
        ("75:00", 4500),
        (0, 0),
        (-1, None),
        ("1:75:00", None),
        ("02:75", None),
        ("two minutes", None),
        (True, None),
    ],
)
def test_a_duration_is_in_seconds_however_it_is_written(value: object, seconds: int | None) -> None:
    assert details(call_duration=value).call_duration == seconds


@pytest.mark.parametrize(
    ("body", "state"),
    [
        ({"lead_state": "In Progress"}, "in_progress"),
        ({"lead_state": "in_progress", "call_duration": 5}, "in_progress"),
        ({"call_status": "In Progress"}, "in_progress"),
        ({"lead_state": "Completed"}, "completed"),
        ({"call_status": "Completed Call"}, "completed"),
        ({"lead_state": "Voicemail", "call_duration": 5}, "completed"),
        ({"call_duration": 0}, "completed"),
        ({"lead_state": "Voicemail"}, None),
        ({}, None),
    ],
)
def test_a_call_is_over_when_it_is_not_in_progress_and_has_a_duration(body: dict[str, Any], state: str | None) -> None:
    assert details(**body).lead_state == state


def test_the_first_usable_phone_and_email_count() -> None:
    read = words(contact_phone_number="unknown", phone_number="12345", caller_number="(555) 123-4567 x9")
    assert read.contact_phone == "(555) 123-4567 x9"
    assert words(contact_email_address="ann@", email_address="ann@example.com").contact_email == "ann@example.com"
    assert words(contact_email="ann@").contact_email is None


def test_a_caller_is_found_by_ten_digits_and_by_the_email_in_any_case() -> None:
    assert details(caller_number="(555) 123-4567 x9").phone_hash == blind("phone:5551234567")
    assert details(caller_number="123-4567").phone_hash is None
    assert details(contact_email="Ann@Example.com").email_hash == blind("email:ann@example.com")


@pytest.mark.parametrize("value", [True, "true", "TRUE", 1, "1", "yes"])
def test_what_means_yes(value: object) -> None:
    assert details(spam=value).spam is True


@pytest.mark.parametrize("value", [False, "false", 0, "no"])
def test_what_means_no(value: object) -> None:
    assert details(spam=value).spam is False


@pytest.mark.parametrize("value", [None, "", "perhaps", [], 2])
def test_what_means_nothing(value: object) -> None:
    assert details(spam=value).spam is None


def test_the_analysis_comes_as_an_object_or_as_text() -> None:
    found = {"Lead Summary": "Two\nlines", "Keyword Detection": "fbi", "Topic Detection": "t" * 5000, "Other": 1}
    read = words(lead_analysis=found, spotted_keywords="spotted")
    assert (read.lead_summary, read.keywords, len(read.topics or "")) == ("Two\nlines", "fbi", 4000)
    as_text = words(lead_analysis='{"lead_summary": "Short"}', spotted_keywords="spotted")
    assert (as_text.lead_summary, as_text.keywords) == ("Short", "spotted")
    assert words(lead_analysis="{broken", spotted_keywords="spotted").keywords == "spotted"


@pytest.mark.parametrize(
    "link",
    ["http://recordings.example/1", "ftp://x", "https://", "https://a b", "x", f"https://x.example/{'1' * 2000}"],
)
def test_a_recording_is_a_whole_https_address(link: str) -> None:
    assert words(recording=link, play_recording="https://recordings.example/1").call_recording_url == (
        "https://recordings.example/1"
    )


def test_long_texts_are_cut_and_blank_ones_are_nothing() -> None:
    read = post({}, contact_name="n" * 200, landing_url="/" + "p" * 3000, city="c" * 100, lead_source="(not set)")
    assert (len(read.words.contact_name or ""), len(read.words.landing_url or "")) == (120, 2000)
    assert (len(read.details.city or ""), read.details.source) == (80, None)
    assert details(gclid="g" * 256, lead_score=101, device_type="fridge") == CallDetails()


def test_the_fraction_of_a_second_tells_which_message_is_newer() -> None:
    first, second = (post({"last_updated": f"2026-02-09T15:00:03.{fraction}Z"}) for fraction in ("100", "900"))
    assert first.last_updated is not None
    assert second.last_updated is not None
    assert first.last_updated < second.last_updated


TRACKING = "https://documents.example/tracking/ABC"


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"lead_type": "Web Form"}, "not_a_phone_call"),
        ({"lead_type": "Web Form", "landing_url": TRACKING, "spam": True}, "not_a_phone_call"),
        ({"lead_type": None}, "lead_type_missing"),
        ({"landing_url": TRACKING}, "tracking_page"),
        ({"landing_url": TRACKING, "spam": True}, "tracking_page"),
        ({"spam": "yes"}, "spam"),
    ],
)
def test_scenario_30_what_is_not_for_us_is_ignored_by_its_first_cause(changes: dict[str, Any], cause: str) -> None:
    assert verdict(post(IN_PROGRESS, **changes), known=False) == Ignore(cause)


def test_a_message_without_an_id_is_refused_before_all_else() -> None:
    assert verdict(post(IN_PROGRESS, lead_id=None, lead_type="Web Form"), known=False) == Refuse("no_lead_id")


@pytest.mark.parametrize("changes", [{"lead_type": None}, {"spam": True}])
def test_of_a_known_call_spam_and_a_missing_type_are_news(changes: dict[str, Any]) -> None:
    assert verdict(post(IN_PROGRESS, **changes), known=True) is None


@pytest.mark.parametrize("lead_type", ["Phone Call", "phone_call", "PHONE-CALL", "phone call "])
def test_a_phone_call_is_one_in_any_spelling(lead_type: str) -> None:
    assert verdict(post(IN_PROGRESS, lead_type=lead_type), known=False) is None
