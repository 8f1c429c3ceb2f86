"""Calls and orders of one person, whatever came first or was told first (scenarios 36 to 42)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from adapters.wiring import Services
from domain.documents.call_refusals import AlreadyMatched, NotMatched
from domain.documents.match_commands import match_by_hand, undo_match
from domain.documents.order import Order
from tests.web.documents.bodies import LEAST
from tests.web.documents.phoning import (
    attributions,
    body_of,
    call,
    finish,
    happenings,
    lead,
    order,
    records,
    tell,
)
from tests.web.site import PDF, post, post_files
from tests.wishes import acts
from tests.world import Clock, sandbox

FORM_SOURCE: dict[str, Any] = {"attribution": {"source": "bing", "gclid": "form-click", "city": "Dallas"}}


def place(client: FlaskClient, kind: str = "fbi", **changes: Any) -> str:
    """Somebody orders; the order's id."""
    answer = post(client, kind, LEAST[kind] | changes)
    assert answer.status_code == 201, answer.json
    order_id: str = answer.json["order_id"]
    return order_id


def pay(services: Services, order_id: str, clock: Clock, *, tracking_id: str = "0123456789ABCDEFGHJK") -> None:
    """The money comes."""
    with acts(clock.now(), by="stripe", via="stripe"):
        paid = order(services, order_id)
        paid.give_tracking_id(tracking_id, reason="checkout")
        services.ledger.record(paid)
        cents = paid.quote.total_cents if paid.quote else 0
        paid.happened(
            Order.Paid(session_id=f"cs_{order_id}", payment_intent=f"pi_{order_id}", amount_cents=cents, currency="usd")
        )
        paid.begin()
        services.ledger.record(paid)


def test_scenario_36_a_form_after_a_call_takes_its_record_and_attribution(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    id = call(client, at=clock.now())
    finish(services, clock)
    [before] = records(services)
    clock.move(4 * 3600)
    order_id = post_files(
        client,
        "fbi",
        ("scan.pdf", PDF),
        phone="555.123.4567 ext 3",
        attribution='{"source": "bing", "gclid": "form-click"}',
    ).json["order_id"]
    finish(services, clock)
    ours = order(services, order_id)
    assert ours.matched_call == id
    assert (ours.attribution.lead_type, ours.attribution.gclid) == ("phone", "click-1")
    assert ours.form_attribution.gclid == "form-click"
    assert lead(services, id).contact.name == "John Doe"
    [record] = records(services)
    assert record["id"] == before["id"]
    assert (record["Stage"], record["Lead_Status"], record["Payment_Status"]) == (
        "Order Received",
        "Order Received",
        "Pending",
    )
    assert record["Email"] == "john@example.com"
    assert "Tracking_ID" not in record
    assert "Total_Price" not in record
    pay(services, order_id, clock)
    finish(services, clock)
    [record] = records(services)
    assert (record["id"], record["Payment_Status"], record["Total_Price"]) == (before["id"], "Paid", 255.0)
    assert record["Tracking_ID"] == "0123456789ABCDEFGHJK"
    assert record["Ledger_Id"] == order_id
    assert [file.name for file in services.vendors.crm.attachments("FBI_Apostille", record["id"])] == ["scan.pdf"]
    [attribution] = attributions(services).values()
    assert (attribution["GCLID"], record["Attribution_Record"]) == ("click-1", attribution["id"])


def test_scenario_36_the_form_may_come_before_the_crm_has_the_call(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    call(client, at=clock.now())
    order_id = place(client)
    pay(services, order_id, clock)
    finish(services, clock)
    [record] = records(services)
    assert (record["Stage"], record["Payment_Status"], record["Ledger_Id"]) == ("Order Received", "Paid", order_id)


def test_scenario_36_the_office_is_told_of_the_call(client: FlaskClient, services: Services, clock: Clock) -> None:
    call(client, "embassy", at=clock.now())
    place(client, "embassy")
    finish(services, clock)
    assert services.sandbox is not None
    notice: Any = services.sandbox.mailer.mails()[0].message
    text = notice.get_body(("plain",)).get_content()
    assert "Matched call: yes, Wants two apostilles." in text


def test_scenario_37_another_service_is_suggested_and_not_matched(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    id = call(client, at=clock.now())
    finish(services, clock)
    order_id = place(client, "marriage", **FORM_SOURCE)
    finish(services, clock)
    ours = order(services, order_id)
    assert ours.matched_call is None
    assert ours.attribution.lead_type == "form"
    assert lead(services, id).match is None
    assert (
        happenings(services, id).count("MatchSuggested") == happenings(services, order_id).count("MatchSuggested") == 1
    )
    pay(services, order_id, clock)
    finish(services, clock)
    assert len(records(services)) == len(records(services, "Triple_Seal_Apostilles")) == 1


def test_scenario_38_a_call_told_late_still_came_first(client: FlaskClient, services: Services, clock: Clock) -> None:
    made_at = clock.now()
    clock.move(4 * 3600)
    order_id = place(client, "embassy", **FORM_SOURCE)
    finish(services, clock)
    [before] = records(services, "Embassy_Legalization")
    said = tell(client, body_of("embassy", at=made_at))
    assert said["matched_with_form"] is True
    finish(services, clock)
    ours = order(services, order_id)
    assert (ours.attribution.lead_type, ours.attribution.gclid) == ("phone", "click-1")
    [record] = records(services, "Embassy_Legalization")
    assert record["id"] == before["id"]
    matched = lead(services, UUID(said["phone_lead_id"]))
    assert matched.crm_record == record["id"]
    assert attributions(services)[record["Attribution_Record"]]["GCLID"] == "click-1"


def test_scenario_39_a_call_after_an_order_joins_its_record_and_changes_nothing(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    order_id = place(client, "embassy", **FORM_SOURCE)
    finish(services, clock)
    [before] = records(services, "Embassy_Legalization")
    clock.move(3600)
    said = tell(client, body_of("embassy", at=clock.now()))
    finish(services, clock)
    assert said["matched_with_form"] is True
    ours = order(services, order_id)
    assert ours.linked_calls == (UUID(said["phone_lead_id"]),)
    assert ours.attribution.gclid == "form-click"
    assert records(services, "Embassy_Legalization") == [before]
    assert sorted(record["Lead_Type"] for record in attributions(services).values()) == ["Form", "Phone"]
    assert all(record["Attribution_Record"] == before["id"] for record in attributions(services).values())


def test_scenario_39_an_unpaid_order_takes_over_the_record_the_call_made(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    order_id = place(client, **FORM_SOURCE)
    finish(services, clock)
    assert not records(services)
    call(client, at=clock.now())
    finish(services, clock)
    [before] = records(services)
    assert before["Stage"] == "Phone Call Received"
    pay(services, order_id, clock)
    finish(services, clock)
    [record] = records(services)
    assert (record["id"], record["Stage"], record["Payment_Status"]) == (before["id"], "Order Received", "Paid")


def test_scenario_40_two_forms_at_once_and_one_open_call_make_one_match(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    id = call(client, "embassy", at=clock.now())
    app = client.application
    with ThreadPoolExecutor(2) as pool:
        ids = list(pool.map(lambda _: place(app.test_client(), "embassy"), range(2)))
    finish(services, clock)
    orders = [order(services, order_id) for order_id in ids]
    assert sorted(one.matched_call is not None for one in orders) == [False, True]
    matched = next(one for one in orders if one.matched_call)
    known = lead(services, id).match
    assert known is not None
    assert known.order_id == matched.id
    assert len(records(services, "Embassy_Legalization")) == 2


@pytest.mark.parametrize("paid", [True, False])
def test_scenario_41_an_undone_pair_stays_apart(
    client: FlaskClient, services: Services, clock: Clock, paid: bool
) -> None:
    id = call(client, at=clock.now())
    finish(services, clock)
    order_id = place(client, **FORM_SOURCE)
    if paid:
        pay(services, order_id, clock)
    finish(services, clock)
    with acts(clock.now(), by="staff", via="web"):
        undo_match(services.ledger, call_id=id, reason="a namesake")
    finish(services, clock)
    tell(client, body_of(at=clock.now(), lead_score=12))
    finish(services, clock)
    ours, theirs = order(services, order_id), lead(services, id)
    assert ours.matched_call is None
    assert ours.attribution.gclid == "form-click"
    assert theirs.match is None
    assert len(records(services)) == 2
    assert ours.crm_record != theirs.crm_record
    by_id = {record["id"]: record for record in records(services)}
    assert by_id[theirs.crm_record or ""]["Stage"] == "Phone Call Received"
    assert by_id[ours.crm_record or ""]["Stage"] == "Order Received"
    if paid:
        assert attributions(services)[by_id[ours.crm_record or ""]["Attribution_Record"]]["GCLID"] == "form-click"


def test_scenario_42_a_second_order_after_payment_is_its_own(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    id = call(client, at=clock.now())
    first = place(client)
    finish(services, clock)
    pay(services, first, clock)
    finish(services, clock)
    [shared] = records(services)
    second = place(client, **FORM_SOURCE)
    finish(services, clock)
    pay(services, second, clock, tracking_id="0123456789ABCDEFGHJM")
    finish(services, clock)
    ours = order(services, second)
    assert ours.matched_call is None
    assert (ours.attribution.lead_type, ours.attribution.gclid) == ("form", "form-click")
    assert order(services, first).matched_call == id
    by_order = {record["Ledger_Id"]: record for record in records(services)}
    assert by_order.keys() == {first, second}
    assert (by_order[first], by_order[second]["id"]) == (shared, ours.crm_record)
    assert attributions(services)[by_order[second]["Attribution_Record"]]["GCLID"] == "form-click"


def test_scenario_42_a_second_order_before_payment_takes_call_and_record_over(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    id = call(client, at=clock.now())
    first = place(client, **FORM_SOURCE)
    finish(services, clock)
    [before] = records(services)
    second = place(client)
    finish(services, clock)
    assert order(services, first).matched_call is None
    assert order(services, first).crm_record is None
    assert order(services, first).attribution.gclid == "form-click"
    assert order(services, second).matched_call == id
    assert happenings(services, first)[-1] == "MatchUndone"
    pay(services, second, clock)
    finish(services, clock)
    [record] = records(services)
    assert (record["id"], record["Ledger_Id"], record["Payment_Status"]) == (before["id"], second, "Paid")


def test_orders_of_different_people_on_one_number_are_only_suggested(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    for email in ("one@example.com", "two@example.com"):
        place(client, "embassy", email=email)
    clock.move(60)
    finish(services, clock)
    id = call(client, "embassy", at=clock.now())
    finish(services, clock)
    assert lead(services, id).match is None
    assert len(lead(services, id).suggested) == 2


def test_an_e_mail_alone_is_suggested(client: FlaskClient, services: Services, clock: Clock) -> None:
    place(client, "embassy")
    finish(services, clock)
    more: dict[str, Any] = {"caller_number": "5559998888", "contact_email_address": "john@example.com"}
    id = call(client, "embassy", at=clock.now(), **more)
    finish(services, clock)
    assert lead(services, id).match is None
    assert len(lead(services, id).suggested) == 1


def test_an_order_before_the_window_is_nobodys(client: FlaskClient, services: Services, clock: Clock) -> None:
    place(client, "embassy")
    clock.move(timedelta(days=91).total_seconds())
    finish(services, clock)
    id = call(client, "embassy", at=clock.now())
    finish(services, clock)
    assert happenings(services, id).count("MatchedWithForm") == 0


def test_two_records_made_before_a_match_are_flagged_and_the_orders_stands(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    id = call(client, "embassy", caller_number="5550001111", at=clock.now())
    order_id = place(client, "embassy")
    finish(services, clock)
    with acts(clock.now(), by="staff", via="web"):
        match_by_hand(services.ledger, call_id=id, order_id=UUID(order_id), reason="said so on the phone")
    finish(services, clock)
    assert lead(services, id).crm_record == order(services, order_id).crm_record
    assert happenings(services, id).count("TwoRecordsFound") == 1
    with acts(clock.now(), by="staff", via="web"), pytest.raises(AlreadyMatched):
        match_by_hand(services.ledger, call_id=id, order_id=UUID(order_id), reason="again")


def made_without_our_learning_of_it(services: Services, id: str | UUID) -> str:
    """A record in the CRM as an attempt leaves it whose answer was lost; its id."""
    fields: dict[str, str] = {"Ledger_Id": str(id)}
    return sandbox(services).crm.upsert("Embassy_Legalization", fields, unique="Ledger_Id")


def test_a_record_made_for_a_call_just_before_its_match_is_the_orders_too(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    id = call(client, "embassy", at=clock.now())
    made = made_without_our_learning_of_it(services, id)
    clock.move(1)
    order_id = place(client, "embassy")
    finish(services, clock)
    [record] = records(services, "Embassy_Legalization")
    assert (record["id"], record["Ledger_Id"]) == (made, order_id)
    assert lead(services, id).crm_record == order(services, order_id).crm_record == made


def test_a_record_made_for_an_order_just_before_its_match_stays_the_orders(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    id = call(client, "embassy", caller_number="5550001111", at=clock.now())
    finish(services, clock)
    calls = lead(services, id).crm_record
    order_id = place(client, "embassy")
    made = made_without_our_learning_of_it(services, order_id)
    with acts(clock.now(), by="staff", via="web"):
        match_by_hand(services.ledger, call_id=id, order_id=UUID(order_id), reason="said so on the phone")
    finish(services, clock)
    assert {record["id"] for record in records(services, "Embassy_Legalization")} == {made, calls}
    assert lead(services, id).crm_record == order(services, order_id).crm_record == made
    assert happenings(services, id).count("TwoRecordsFound") == 1


def test_a_call_without_a_match_has_none_to_undo(client: FlaskClient, services: Services, clock: Clock) -> None:
    id = call(client)
    with acts(clock.now(), by="staff", via="web"), pytest.raises(NotMatched):
        undo_match(services.ledger, call_id=id, reason="a mistake")


def test_a_pair_undone_may_be_matched_by_hand(client: FlaskClient, services: Services, clock: Clock) -> None:
    id = call(client, at=clock.now())
    order_id = place(client)
    with acts(clock.now(), by="staff", via="web"):
        undo_match(services.ledger, call_id=id, reason="a namesake")
        match_by_hand(services.ledger, call_id=id, order_id=UUID(order_id), reason="no, the same")
    finish(services, clock)
    assert order(services, order_id).matched_call == id
    assert len(records(services)) == 1
