"""Which CRM record a call and its order are left with after they are parted, forgotten or told of barely."""

from uuid import UUID

import pytest
from flask.testing import FlaskClient

from adapters.wiring import Services
from domain.documents.match_commands import dismiss_suggestion, match_by_hand, undo_match
from domain.documents.order import Order
from domain.shared.effect import Effect, effect_id
from projections.documents.call_leads import find_call_row, read_words
from projections.documents.match_queue import list_match_queue
from tests.web.documents.bodies import LEAST
from tests.web.documents.phoning import attributions, body_of, call, finish, happenings, lead, order, records, tell
from tests.web.site import history, post, settle
from tests.wishes import acts
from tests.world import Clock

EMBASSY, MARRIAGE = "Embassy_Legalization", "Triple_Seal_Apostilles"


def place(client: FlaskClient, kind: str, **changes: str) -> UUID:
    return UUID(post(client, kind, LEAST[kind] | changes).json["order_id"])


def match(services: Services, clock: Clock, id: UUID, order_id: UUID) -> None:
    with acts(clock.now(), by="staff", via="console"):
        match_by_hand(services.ledger, call_id=id, order_id=order_id, reason="said so")
    finish(services, clock)


def part(services: Services, clock: Clock, id: UUID) -> None:
    with acts(clock.now(), by="staff", via="console"):
        undo_match(services.ledger, call_id=id, reason="a namesake")
    finish(services, clock)


def forget(services: Services, clock: Clock, id: UUID) -> None:
    with acts(clock.now(), by="staff", via="console"):
        services.forgetting.forget([id], reason="asked by customer")
    settle(services)


def pay(services: Services, clock: Clock, order_id: UUID) -> None:
    with acts(clock.now(), by="stripe", via="stripe"):
        paid = order(services, order_id)
        paid.happened(Order.Paid(session_id="cs_1", payment_intent="pi_1", amount_cents=25500, currency="usd"))
        services.ledger.record(paid)
    finish(services, clock)


def given_up(services: Services) -> list[str]:
    return [event.reason for event in history(services) if isinstance(event, Effect.GivenUp)]


def test_what_was_typed_in_a_form_goes_with_the_order_and_the_call_stays(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    id = call(client, "embassy")
    order_id = place(client, "embassy", name="Zelda Unique", email="zelda@unique.example")
    finish(services, clock)
    assert lead(services, id).contact.name == "Zelda Unique"
    forget(services, clock, order_id)
    contact = lead(services, id).contact
    assert (contact.name, contact.email) == ("A CALLER", "")
    row = find_call_row(services.home, str(id))
    assert row is not None
    assert read_words(row, services.reveal)["contact_name"] == "A CALLER"


def test_the_record_of_a_forgotten_customer_is_deleted_and_the_call_gets_one_of_its_own(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    id = call(client, "embassy")
    order_id = place(client, "embassy", name="Zelda Unique", email="zelda@unique.example")
    finish(services, clock)
    [shared] = records(services, EMBASSY)
    forget(services, clock, order_id)
    tell(client, body_of("embassy", last_updated="2026-02-10T12:00:00Z", recording="https://recordings.example/1"))
    finish(services, clock)
    [own] = records(services, EMBASSY)
    assert own["id"] != shared["id"]
    assert (own["id"], own["Name"]) == (lead(services, id).crm_record, "A CALLER")
    assert "Zelda" not in str(own)
    assert {record["Attribution_Record"] for record in attributions(services).values()} == {own["id"]}


def test_a_call_keeps_a_record_that_it_never_shared(client: FlaskClient, services: Services, clock: Clock) -> None:
    id, order_id = call(client, "marriage"), place(client, "embassy")
    finish(services, clock)
    [before] = records(services, MARRIAGE)
    match(services, clock, id, order_id)
    part(services, clock, id)
    [after] = records(services, MARRIAGE)
    assert (after["id"], lead(services, id).crm_record) == (before["id"], before["id"])


def test_a_call_gets_its_own_record_back_however_often_it_is_matched_and_parted(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    id, order_id = call(client, "embassy", caller_number="5550001111"), place(client, "embassy")
    finish(services, clock)
    own = lead(services, id).crm_record
    for _ in range(2):
        match(services, clock, id, order_id)
        assert lead(services, id).crm_record == order(services, order_id).crm_record != own
        with acts(clock.now(), by="staff", via="console"):
            parted = undo_match(services.ledger, call_id=id, reason="a namesake")
        assert parted.crm_record == own
        finish(services, clock)
        assert lead(services, id).crm_record == own
    assert len(records(services, EMBASSY)) == 2
    row = find_call_row(services.home, str(id))
    assert row is not None
    assert row["zoho_lead_id"] == own


def test_an_order_parted_from_its_call_no_longer_names_the_calls_origin(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    id = call(client, "embassy")
    order_id = place(client, "embassy")
    finish(services, clock)
    part(services, clock, id)
    links = {record["id"]: record["Attribution_Record"] for record in records(services, EMBASSY)}
    assert links[order(services, order_id).crm_record] == order(services, order_id).crm_attribution is not None
    assert links[lead(services, id).crm_record] == lead(services, id).crm_attribution


def test_two_calls_after_an_unpaid_order_share_one_record(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    order_id = place(client, "fbi")
    finish(services, clock)
    for number in (1, 2):
        clock.move(60)
        call(client, "fbi", at=clock.now(), lead_id=number)
        finish(services, clock)
    assert len(order(services, order_id).linked_calls) == 2
    [before] = records(services)
    pay(services, clock, order_id)
    [record] = records(services)
    assert (record["id"], record["Payment_Status"]) == (before["id"], "Paid")


def test_a_second_call_with_a_record_of_its_own_is_shown_once_the_order_is_entered(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    order_id = place(client, "fbi")
    finish(services, clock)
    clock.move(60)
    ids = [call(client, "fbi", at=clock.now(), lead_id=n, caller_number=f"555000111{n}") for n in (1, 2)]
    finish(services, clock)
    for id in ids:
        match(services, clock, id, order_id)
    pay(services, clock, order_id)
    [row] = list_match_queue(services.home)
    assert row["two_records"]["order"] == order(services, order_id).crm_record
    assert {lead(services, id).crm_record for id in ids} == {order(services, order_id).crm_record}


def test_a_record_deleted_in_the_crm_is_made_anew_when_staff_ring_again(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    call(client, "embassy")
    finish(services, clock)
    assert services.sandbox is not None
    with services.sandbox.store.transaction() as transaction:
        transaction.execute("DELETE FROM records WHERE module = ?", (EMBASSY,))
    order_id = place(client, "embassy")
    finish(services, clock)
    assert records(services, EMBASSY) == []
    effect = services.ledger.load(Effect, effect_id(order_id, kind="enter_order"))
    with acts(clock.now()):
        effect.ring_again()
        services.ledger.record(effect)
    finish(services, clock)
    [record] = records(services, EMBASSY)
    assert record["id"] == order(services, order_id).crm_record


def test_an_unpaid_order_and_a_call_about_another_service_leave_nothing_to_ring_again(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    id = call(client, "marriage")
    finish(services, clock)
    order_id = place(client, "fbi")
    match(services, clock, id, order_id)
    assert order(services, order_id).matched_call == id
    assert given_up(services) == []


def test_a_call_of_which_only_its_number_at_the_vendor_is_told_is_matched_and_entered(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    id = UUID(tell(client, {"lead_id": 7, "lead_type": "Phone Call"})["phone_lead_id"])
    began = clock.now()
    finish(services, clock)
    [record] = records(services, "Get_A_Quote_Leads")
    assert record["Name"] == "Unknown caller"
    assert attributions(services)[record["Attribution_Record"]]["Name"].endswith(f"{began:%Y-%m-%d %H:%M}")
    assert given_up(services) == []
    tell(client, {"lead_id": 7, "lead_type": "Phone Call", "caller_number": "5551234567"})
    finish(services, clock)
    assert lead(services, id).contact.phone == "5551234567"


@pytest.mark.parametrize("how", ["forgotten", "dismissed"])
def test_a_suggestion_goes_with_its_order_or_by_word_of_staff(
    client: FlaskClient, services: Services, clock: Clock, how: str
) -> None:
    id, order_id = call(client), place(client, "marriage")
    finish(services, clock)
    assert [row["phone_lead_id"] for row in list_match_queue(services.home)] == [str(id)]
    if how == "forgotten":
        forget(services, clock, order_id)
    else:
        with acts(clock.now(), by="staff", via="console"):
            dismiss_suggestion(services.ledger, call_id=id, order_id=order_id, reason="a namesake")
    tell(client, body_of(caller_number="+1 555 123 4567", last_updated="2026-03-09T21:00:00Z"))
    finish(services, clock)
    assert list_match_queue(services.home) == []
    assert happenings(services, id).count("MatchSuggested") == 1
