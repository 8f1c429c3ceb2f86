"""Which call belongs to which order: what a lead decides about it."""

import pytest

from domain.consequences import Free
from domain.documents.call_lead import CallLead
from domain.documents.call_refusals import AlreadyMatched, NotForThisCall, NotMatched
from domain.ledger import Conflict, Ledger
from domain.shared.contact import Contact
from tests.domain.documents.calls import (
    BOTH,
    COMPLETED,
    FBI_PHONE,
    IN_PROGRESS,
    LEAD_ID,
    ORDER,
    OTHER_ORDER,
    happened,
    lead_of,
    matched,
    post,
    receive,
)
from tests.memory_log import MemoryLog
from tests.wishes import acts


def test_scenario_36_a_form_takes_the_call_and_its_own_words_win() -> None:
    typed = Contact("Ann Lee", "ann@office.example", "555.123.4567")
    lead = matched(lead_of(post(IN_PROGRESS)), contact=typed)
    assert happened(lead) == ["CallReceived", "MatchedWithForm"]
    assert list(lead.pending[-1].claims()) == [Free(FBI_PHONE, LEAD_ID)]
    receive(lead, post(COMPLETED))
    assert lead.contact == Contact("Ann Lee", "ann@office.example", "+15551234567")
    assert (lead.attribution[0].gclid, lead.attribution[0].lead_type) == ("abc", "phone")
    assert lead.held == frozenset()


def test_scenario_39_an_order_before_the_call_changes_none_of_its_words() -> None:
    typed = Contact("Ann Lee", "ann@office.example", "555.123.4567")
    lead = matched(lead_of(post(IN_PROGRESS)), direction="call_after_form", confidence=0.9, contact=typed)
    assert lead.match is not None
    assert (lead.match.contact, lead.contact.name) == (None, "A LEE")


def test_scenario_37_another_service_is_only_suggested_and_once() -> None:
    lead = lead_of(post(IN_PROGRESS))
    assert not lead.may_match(order_id=ORDER, order_type="marriage")
    with pytest.raises(NotForThisCall):
        matched(lead, order_type="marriage")
    with acts():
        for _ in range(2):
            lead.suggest_match(order_id=ORDER, order_type="marriage", evidence=("phone",), confidence=0.6)
    assert happened(lead) == ["CallReceived", "MatchSuggested"]


def test_a_call_about_the_notary_never_matches_a_form_of_itself() -> None:
    lead = lead_of(post(IN_PROGRESS, landing_url="/online-notary-form"))
    assert not lead.may_match(order_id=ORDER, order_type="notary")


def test_a_call_belongs_to_one_order_at_a_time() -> None:
    lead = matched(matched(lead_of(post(IN_PROGRESS))))
    assert happened(lead) == ["CallReceived", "MatchedWithForm"]
    with pytest.raises(AlreadyMatched):
        matched(lead, OTHER_ORDER, by_hand=True)


def test_scenario_40_of_two_forms_at_once_one_takes_the_call() -> None:
    log = MemoryLog()
    ledger = Ledger(log, policies={})
    ledger.record(lead_of(post(IN_PROGRESS)))
    first, second = (ledger.load(CallLead, LEAD_ID) for _ in range(2))
    ledger.record(matched(first, ORDER))
    with pytest.raises(Conflict):
        ledger.record(matched(second, OTHER_ORDER))
    assert not ledger.load(CallLead, LEAD_ID).may_match(order_id=OTHER_ORDER, order_type="fbi")


def test_scenario_41_a_pair_undone_stays_undone_unless_staff_say_otherwise() -> None:
    lead = matched(lead_of(post(IN_PROGRESS)))
    with acts():
        lead.entered_in_crm(module="FBI_Apostille", record_id="7")
        lead.undo_match(reason="another person")
        with pytest.raises(NotMatched):
            lead.undo_match(reason="another person")
        lead.suggest_match(order_id=ORDER, order_type="fbi", evidence=("phone",), confidence=0.9)
    receive(lead, post(COMPLETED))
    assert happened(lead)[-2:] == ["MatchUndone", "CallCompleted"]
    assert (lead.match, lead.crm_record, lead.held) == (None, None, BOTH)
    assert not lead.may_match(order_id=ORDER, order_type="fbi")
    assert lead.may_match(order_id=OTHER_ORDER, order_type="fbi")
    with pytest.raises(NotForThisCall):
        matched(lead)
    assert matched(lead, by_hand=True).match is not None


def test_scenario_42_a_second_order_can_take_over_call_and_record() -> None:
    lead = matched(lead_of(post(IN_PROGRESS)))
    with acts():
        lead.entered_in_crm(module="FBI_Apostille", record_id="7")
        lead.undo_match(reason="superseded", keeps_record=True)
    matched(lead, OTHER_ORDER)
    assert lead.match is not None
    assert (lead.match.order_id, lead.crm_record, lead.held) == (OTHER_ORDER, "7", frozenset())
