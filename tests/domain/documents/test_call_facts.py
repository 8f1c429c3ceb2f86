"""What several messages about a call come to, in whatever order they arrive."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from random import Random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from domain.documents.call_facts import (
    CallDetails,
    CallerWords,
    CallFacts,
    CallPost,
    Told,
    call_attribution,
    caller,
    changes,
    fold,
    shown,
)
from domain.shared.contact import Contact
from tests.domain.documents.calls import COMPLETED, IN_PROGRESS, RECORDED, after, post, told
from tests.wishes import NOW

POSTS = [post(IN_PROGRESS), post(COMPLETED), post(RECORDED)]

LITTLE = st.none() | st.sampled_from(["a", "b", "c"])
SMALL_POSTS = st.builds(
    lambda name, city, state, spam: CallPost(
        lead_id="7",
        words=CallerWords(contact_name=name),
        details=CallDetails(city=city, lead_state=state, spam=spam),
    ),
    LITTLE,
    LITTLE,
    st.none() | st.sampled_from(["in_progress", "completed"]),
    st.none() | st.booleans(),
)
TOLD = st.builds(
    lambda minute, position: Told(NOW + timedelta(minutes=minute), position),
    st.integers(0, 3),
    st.integers(0, 3),
)
MESSAGES = st.lists(st.tuples(SMALL_POSTS, TOLD), min_size=1, max_size=6, unique_by=lambda message: message[1])


def known(messages: list[tuple[CallPost, Told]]) -> CallFacts:
    facts = None
    for message, newness in messages:
        facts = fold(facts, message, newness)
    assert facts is not None
    return facts


@given(MESSAGES, st.randoms(use_true_random=False))
def test_any_order_with_any_repeats_comes_to_the_same(messages: list[tuple[CallPost, Told]], random: Random) -> None:
    again = messages + [message for message in messages if random.random() < 0.5]
    random.shuffle(again)
    assert known(again) == known(messages)


@given(MESSAGES)
def test_each_field_is_what_the_newest_message_that_has_it_says(messages: list[tuple[CallPost, Told]]) -> None:
    facts = known(messages)
    newest_last = sorted(messages, key=lambda message: message[1])
    cities = [message.details.city for message, _ in newest_last if message.details.city]
    assert facts.details.city == (cities[-1] if cities else None)
    assert (facts.details.lead_state == "completed") == any(
        message.details.lead_state == "completed" for message, _ in messages
    )


def test_scenario_31_the_three_messages_of_a_call_come_to_one_in_all_six_orders() -> None:
    results = [known([(message, told(message)) for message in order]) for order in permutations(POSTS)]
    assert all(facts == results[0] for facts in results)
    assert results[0].details.lead_state == "completed"
    assert results[0].words.contact_name == "Ann Lee"
    assert results[0].words.call_recording_url == "https://recordings.example/204417"


def test_a_blank_never_clears_and_an_older_message_never_wins() -> None:
    facts = known(
        [
            (post(COMPLETED), Told(NOW, 1)),
            (post(COMPLETED, contact_name=" ", caller_name=None, city="Dallas"), Told(NOW - timedelta(minutes=1), 2)),
        ]
    )
    assert (facts.words.contact_name, facts.details.city) == ("Ann Lee", "Austin")


def test_of_two_messages_of_one_moment_the_later_receipt_counts() -> None:
    first, second = (post(COMPLETED, city=city) for city in ("Austin", "Dallas"))
    assert known([(second, told(second, 2)), (first, told(first, 1))]).details.city == "Dallas"


def test_a_message_without_a_time_is_as_new_as_its_arrival() -> None:
    message = post(IN_PROGRESS, last_updated=None)
    assert told(message, 3) == Told(NOW, 3)
    assert told(post(IN_PROGRESS), 3) == Told(datetime(2026, 2, 9, 15, 0, 3, tzinfo=UTC), 3)


def test_changes_name_the_fields_with_another_value() -> None:
    before = known([(POSTS[0], told(POSTS[0]))])
    assert changes(before, fold(before, POSTS[0], Told(NOW, 9))) == frozenset()
    assert changes(before, fold(before, POSTS[2], told(POSTS[2]))) == {
        "call_recording_url",
        "lead_score",
        "lead_summary",
        "keywords",
    }
    assert {"contact_name", "lead_state", "phone_hash"} <= changes(None, before)


def test_a_call_was_made_when_the_vendor_says_or_when_it_first_told_of_it() -> None:
    message = post(IN_PROGRESS)
    assert known([(message, told(message))]).called_at == datetime(2026, 2, 9, 15, 0, 1, tzinfo=UTC)
    undated = post(IN_PROGRESS, date_created=None)
    assert known([(undated, told(undated))]).called_at == undated.last_updated


def test_several_calls_are_shown_as_the_first_with_the_last_ones_duration_and_recording() -> None:
    first = post(COMPLETED, contact_email_address=None, recording="https://recordings.example/1")
    second = post(COMPLETED, lead_id=9, date_created=after(60), lead_source="bing", call_duration_seconds=5)
    third = post(IN_PROGRESS, lead_id=10, date_created=after(90), caller_name="B LEE")
    calls = [known([(message, told(message))]) for message in (third, second, first)]
    for order in permutations(calls):
        together = shown(order)
        assert (together.lead_id, together.details.source) == ("204417", "google")
        assert (together.details.call_duration, together.words.call_recording_url) == (
            5,
            "https://recordings.example/1",
        )
        assert (together.words.contact_name, together.words.contact_email) == ("Ann Lee", "Ann@example.com")


def test_the_attribution_of_a_call_is_built_from_it() -> None:
    facts = known([(message, told(message)) for message in POSTS])
    attribution, links = call_attribution(facts)
    assert msgspec.to_builtins(attribution) == {
        "source": "google",
        "medium": "cpc",
        "device_type": "mobile",
        "first_visit_at": "2026-02-09T15:00:01Z",
        "city": "Austin",
        "state": "TX",
        "gclid": "abc",
        "lead_type": "phone",
        "call_duration": 133,
        "lead_score": 82,
    }
    assert msgspec.to_builtins(links) == {
        "landing_page": "https://documents.example/apostille-fbi?email=ann@example.com",
        "lead_url": "https://documents.example/contact",
        "call_recording_url": "https://recordings.example/204417",
    }


def test_name_and_email_typed_in_a_form_win_over_what_the_call_told() -> None:
    said = CallerWords(contact_name="A LEE", contact_phone="+15551234567")
    assert caller(said) == Contact("A LEE", "", "+15551234567")
    typed = Contact("Ann Lee", "ann@example.com", "555-123-4567", "Acme")
    assert caller(said, typed) == Contact("Ann Lee", "ann@example.com", "+15551234567", "Acme")


def test_words_and_details_share_no_field() -> None:
    assert not set(CallerWords.__struct_fields__) & set(CallDetails.__struct_fields__)
