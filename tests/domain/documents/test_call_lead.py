"""What a call lead decides, what it claims, and that the order of messages makes no difference to it."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations
from random import Random
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.consequences import Free, Take
from domain.documents.call_facts import CallPost, Told
from domain.documents.call_lead import CallLead
from domain.documents.call_refusals import NotForThisCall
from domain.ledger import Ledger, Taken
from domain.shared.contact import Contact
from tests.domain.documents.calls import (
    BOTH,
    COMPLETED,
    FBI_EMAIL,
    FBI_PHONE,
    IN_PROGRESS,
    LEAD_ID,
    MARRIAGE,
    ORDER,
    OTHER_ORDER,
    PHONE,
    RECORDED,
    SITE,
    after,
    happened,
    lead_of,
    matched,
    post,
    receive,
    state,
    told,
)
from tests.memory_log import MemoryLog
from tests.wishes import NOW, acts


def test_a_call_becomes_a_lead() -> None:
    lead = lead_of(post(IN_PROGRESS))
    [event] = lead.pending
    assert isinstance(event, CallLead.CallReceived)
    assert (event.service, event.lead_id, event.happened_at) == (
        "fbi",
        "204417",
        post(IN_PROGRESS).details.date_created,
    )
    assert list(event.claims()) == [Take("wc_lead:204417", LEAD_ID), Take(FBI_PHONE, LEAD_ID)]
    assert lead.contact == Contact("A LEE", "", "+15551234567")
    assert lead.attribution[0].lead_type == "phone"


def test_later_messages_are_named_by_what_they_bring() -> None:
    lead = lead_of(post(IN_PROGRESS))
    receive(lead, post(COMPLETED))
    receive(lead, post(RECORDED))
    receive(lead, post(RECORDED, last_updated=after(20), lead_score=90))
    assert happened(lead) == ["CallReceived", "CallCompleted", "RecordingArrived", "CallUpdated"]
    last = lead.pending[-1]
    assert isinstance(last, CallLead.CallUpdated)
    assert (last.changed, last.words) == (("lead_score",), None)


def test_a_message_without_news_happens_to_nobody() -> None:
    lead = lead_of(post(COMPLETED))
    assert receive(lead, post(COMPLETED)) == frozenset()
    assert receive(lead, post(IN_PROGRESS)) == frozenset()
    assert happened(lead) == ["CallReceived"]


def test_a_newer_message_that_says_the_same_makes_it_withstand_an_older_one() -> None:
    lead = lead_of(post(COMPLETED))
    assert receive(lead, post(COMPLETED, last_updated=after(30))) == frozenset()
    assert receive(lead, post(COMPLETED, last_updated=after(20), city="Dallas")) == frozenset()
    assert happened(lead) == ["CallReceived", "CallConfirmed"]
    assert lead.calls.shown().details.city == "Austin"


def test_scenario_31_the_messages_of_a_call_make_one_lead_in_all_six_orders() -> None:
    states = []
    for first, *later in permutations([post(IN_PROGRESS), post(COMPLETED), post(RECORDED)]):
        lead = lead_of(first)
        for message in later:
            receive(lead, message)
        states.append(state(lead))
    assert all(others["calls"].shown() == states[0]["calls"].shown() for others in states)
    assert all(others["service"] == "fbi" and others["held"] == BOTH for others in states)


@settings(max_examples=60)
@given(st.randoms(use_true_random=False))
def test_any_order_with_any_repeats_leads_to_the_same_lead(random: Random) -> None:
    posts = [
        post(IN_PROGRESS),
        post(COMPLETED),
        post(RECORDED),
        post(RECORDED, last_updated=after(12), spam=True, city="Dallas"),
        post(RECORDED, last_updated=after(14), spam=False, landing_url=MARRIAGE),
        post(IN_PROGRESS, last_updated=after(13), caller_number="555 987 6543"),
    ]
    messages = [(message, told(message, position)) for position, message in enumerate(posts)]
    expected = played(messages)
    again = messages + [message for message in messages if random.random() < 0.5]
    random.shuffle(again)
    lead = played(again)
    assert lead.calls.facts_of("204417") == expected.calls.facts_of("204417")
    assert (lead.service, lead.spam, lead.held) == (expected.service, expected.spam, expected.held)
    assert (lead.service, lead.spam) == ("marriage", False)


def played(messages: Sequence[tuple[CallPost, Told]]) -> CallLead:
    with acts():
        lead = CallLead.begin(LEAD_ID, messages[:1], site=SITE)
        for message, newness in messages[1:]:
            lead.receive(message, newness, site=SITE)
    return lead


def test_the_same_events_lead_to_the_same_lead() -> None:
    lead = matched(lead_of(post(IN_PROGRESS)), contact=Contact("Ann Lee", "ann@example.com", "5551234567"))
    receive(lead, post(COMPLETED, landing_url=MARRIAGE))
    with acts():
        lead.undo_match(reason="wrong person")
        lead.suggest_match(order_id=OTHER_ORDER, order_type="marriage", evidence=("phone",), confidence=0.6)
        lead.entered_in_crm(module="FBI_Apostille", record_id="7")
        lead.attribution_entered_in_crm(record_id="8")
        lead.call_again(post(COMPLETED, lead_id=9, date_created=after(60)), Told(NOW, 9))
        lead.mark_spam()
        lead.clear_spam()
        lead.lapse()
    assert state(CallLead.of(lead.id, lead.pending)) == state(lead)


def test_scenario_33_the_same_person_calling_again_is_one_lead() -> None:
    lead = lead_of(post(COMPLETED))
    again = post(IN_PROGRESS, lead_id=9, date_created=after(60), caller_number="(555) 123-4567 x9", lead_source="bing")
    with acts():
        lead.call_again(again, told(again, 2))
        lead.receive(post({}, lead_id=9, call_duration=5), Told(NOW, 3), site=SITE)
    assert happened(lead) == ["CallReceived", "CalledAgain", "CallCompleted"]
    assert list(lead.pending[1].claims()) == [Take("wc_lead:9", LEAD_ID)]
    assert lead.attribution[0].source == "google"
    assert lead.calls.shown().details.call_duration == 5


def test_scenario_34_an_anonymous_caller_can_be_found_by_nothing() -> None:
    anonymous = post(IN_PROGRESS, caller_number=None)
    assert lead_of(anonymous).held == frozenset()
    assert lead_of(post(IN_PROGRESS, caller_number="123-4567")).held == frozenset()


def test_a_number_told_late_is_claimed_then() -> None:
    lead = lead_of(post(IN_PROGRESS, caller_number=None))
    receive(lead, post(COMPLETED))
    assert list(lead.pending[-1].claims()) == [Take(FBI_PHONE, LEAD_ID), Take(FBI_EMAIL, LEAD_ID)]


def test_what_another_lead_holds_is_left_to_it() -> None:
    log = MemoryLog()
    ledger = Ledger(log, policies={})
    ledger.record(lead_of(post(COMPLETED)))
    second = post(COMPLETED, lead_id=9)
    with pytest.raises(Taken) as taken:
        ledger.record(lead_of(second, id=UUID(int=9)))
    ledger.record(lead_of(second, id=UUID(int=9), busy=(FBI_PHONE, FBI_EMAIL)))
    assert taken.value.owner == LEAD_ID
    assert (ledger.owner(FBI_PHONE), ledger.owner("wc_lead:9")) == (LEAD_ID, UUID(int=9))


def test_a_call_without_a_service_counts_as_a_quote() -> None:
    lead = lead_of(post(IN_PROGRESS, landing_url=None, lead_url=None))
    assert (lead.service, lead.held) == (None, frozenset({f"open_call:quote:{PHONE}"}))
    assert lead.may_match(order_id=ORDER, order_type="quote")


def test_a_corrected_page_corrects_the_service() -> None:
    lead = lead_of(post(IN_PROGRESS))
    receive(lead, post(COMPLETED, landing_url=MARRIAGE, contact_email_address=None))
    corrected = lead.pending[-1]
    assert isinstance(corrected, CallLead.ServiceCorrected)
    assert (corrected.service, corrected.was) == ("marriage", "fbi")
    assert list(corrected.claims()) == [Free(FBI_PHONE, LEAD_ID), Take(f"open_call:marriage:{PHONE}", LEAD_ID)]


def test_once_the_lead_is_in_the_crm_another_page_is_only_a_flag() -> None:
    lead = lead_of(post(IN_PROGRESS))
    with acts():
        lead.entered_in_crm(module="FBI_Apostille", record_id="7")
        lead.entered_in_crm(module="FBI_Apostille", record_id="7")
    receive(lead, post(COMPLETED, landing_url=MARRIAGE))
    receive(lead, post(RECORDED))
    told_of, later = lead.pending[-2:]
    assert isinstance(told_of, CallLead.CallCompleted)
    assert isinstance(later, CallLead.RecordingArrived)
    assert (told_of.flags, later.flags, lead.service) == (("service_differs",), (), "fbi")
    assert happened(lead)[1] == "EnteredInCrm"


def test_spam_told_later_closes_the_lead_until_it_is_taken_back() -> None:
    lead = lead_of(post(COMPLETED))
    receive(lead, post(RECORDED, spam=True))
    assert (happened(lead)[-1], lead.standing, lead.held) == ("MarkedSpam", False, frozenset())
    receive(lead, post(RECORDED, spam=False, last_updated=after(20)))
    assert (happened(lead)[-1], lead.standing, lead.held) == ("SpamCleared", True, BOTH)


def test_scenario_35_a_lead_is_made_from_all_messages_once_spam_is_taken_back() -> None:
    lead = lead_of(post(IN_PROGRESS, spam=True), post(RECORDED, spam=False))
    assert happened(lead) == ["CallReceived", "RecordingArrived"]
    assert (lead.spam, lead.contact.name, lead.held) == (False, "A LEE", frozenset({FBI_PHONE}))


def test_a_newer_word_of_spam_stands_although_it_came_first() -> None:
    lead = lead_of(post(COMPLETED, last_updated=after(9), spam=True), post(COMPLETED))
    assert (happened(lead), lead.spam) == (["CallReceived", "MarkedSpam"], True)


def test_a_lead_is_spam_only_when_all_its_calls_are() -> None:
    lead = lead_of(post(COMPLETED))
    with acts():
        lead.call_again(post(COMPLETED, lead_id=9), told(post(COMPLETED), 2))
    receive(lead, post(RECORDED, lead_id=9, spam=True))
    assert not lead.spam
    receive(lead, post(RECORDED, spam=True))
    assert lead.spam


def test_a_lead_is_open_for_as_long_as_the_window_since_it_was_last_heard_of() -> None:
    lead = lead_of(post(COMPLETED))
    last_heard = post(COMPLETED).last_updated
    assert last_heard is not None
    assert lead.is_open(last_heard + timedelta(days=90), 90)
    assert not lead.is_open(last_heard + timedelta(days=90, seconds=1), 90)
    assert not matched(lead).is_open(NOW, 90)


def test_a_lapsed_lead_makes_room_for_a_new_one() -> None:
    log = MemoryLog()
    ledger = Ledger(log, policies={})
    old = lead_of(post(COMPLETED))
    ledger.record(old)
    with acts():
        old.lapse()
        old.lapse()
        with pytest.raises(NotForThisCall):
            old.call_again(post(COMPLETED, lead_id=9), Told(NOW, 2))
    ledger.record(old, lead_of(post(COMPLETED, lead_id=9), id=UUID(int=9)))
    assert happened(old) == []
    assert ledger.owner(FBI_PHONE) == UUID(int=9)


def test_nothing_personal_is_stored_in_clear_text() -> None:
    lead = matched(lead_of(post(COMPLETED)), contact=Contact("Ann Lee", "ann@example.com", "5551234567"))
    receive(lead, post(RECORDED))
    shown = repr(lead.pending).casefold()
    assert "sealed" in shown
    assert not any(personal in shown for personal in ("ann", "lee'", "5551234567", "recordings.example", "wants two"))
