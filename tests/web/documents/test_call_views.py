"""What staff see of calls, matches, sources and money, live and rebuilt."""

import json
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient

from adapters.wiring import Services
from domain.documents.match_commands import undo_match
from domain.documents.order import Order
from projections.documents.attribution_report import LEAD_CREATION, report
from projections.documents.call_leads import find_call_row, list_calls, read_words
from projections.documents.match_queue import list_match_queue
from projections.documents.payment_queue import list_payment_queue
from projections.documents.stage_queue import list_stage_queue
from tests.view_samples import all_rows
from tests.web.documents.bodies import LEAST
from tests.web.documents.phoning import KEY, PATH, body_of, call, finish, lead, order, records, tell
from tests.web.site import history, post, settle
from tests.wishes import acts
from tests.world import Clock


def place(client: FlaskClient, kind: str, **changes: Any) -> str:
    order_id: str = post(client, kind, LEAST[kind] | changes).json["order_id"]
    return order_id


def happens(services: Services, clock: Clock, order_id: str, *events: Any) -> None:
    """These events of an order are recorded."""
    with acts(clock.now()):
        ours = order(services, order_id)
        for event in events:
            ours.happened(event)
        services.ledger.record(ours)
    settle(services)


def test_the_call_board_shows_a_call_in_the_offices_names(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    id = call(client, "embassy", at=clock.now())
    finish(services, clock)
    order_id = place(client, "embassy")
    finish(services, clock)
    row = find_call_row(services.home, str(id))
    assert row is not None
    [record] = records(services, "Embassy_Legalization")
    expected: dict[str, Any] = {"whatconverts_lead_id": "204417", "lead_type": "Phone Call", "lead_state": "completed"}
    expected |= {"call_duration": 133, "source": "google", "gclid": "click-1", "detected_service": "embassy"}
    expected |= {"zoho_module": "Embassy_Legalization", "zoho_lead_id": record["id"], "matched_with_form": True}
    expected |= {"matched_order_id": order_id, "matched_order_type": "embassy", "direction": "form_after_call"}
    assert row.items() >= expected.items()
    assert row["zoho_attribution_id"] == lead(services, id).crm_attribution
    words = read_words(row, services.reveal)
    assert (words["contact_name"], words["contact_phone"]) == ("John Doe", "(555) 123-4567")
    assert words["lead_summary"] == "Wants two apostilles."
    assert "John" not in str(row)
    assert "123-4567" not in str(row)


def test_several_calls_of_a_lead_show_the_first_ones_origin_and_the_last_ones_length(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    call(client, at=clock.now())
    clock.move(600)
    call(client, lead_id=204418, at=clock.now(), gclid="click-2", call_duration_seconds=7)
    settle(services)
    [row] = list_calls(services.home, service="fbi", matched=False, spam=False)
    assert (row["gclid"], row["call_duration"], sorted(row["calls"])) == ("click-1", 7, ["204417", "204418"])


def test_the_match_queue_holds_what_staff_have_to_decide(client: FlaskClient, services: Services, clock: Clock) -> None:
    id = call(client, at=clock.now())
    order_id = place(client, "marriage")
    finish(services, clock)
    [row] = list_match_queue(services.home)
    [suggestion] = row["suggestions"]
    assert (row["phone_lead_id"], suggestion["order_id"]) == (str(id), order_id)
    assert suggestion["evidence"] == ["phone"]
    place(client, "fbi")
    finish(services, clock)
    assert list_match_queue(services.home) == []


def test_the_attribution_report_adds_up_what_each_source_brought(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    id = call(client, at=clock.now())
    order_id = place(client, "fbi", attribution={"source": "bing"})
    place(client, "embassy", phone="5550009999", attribution={"source": "bing"})
    tell(client, body_of(lead_id=9, caller_number="5550001111", lead_source="yelp"))
    tell(client, body_of(lead_id=9, spam=True, last_updated="2026-03-09T21:00:00Z"))
    happens(
        services,
        clock,
        order_id,
        Order.Paid(session_id="cs_1", payment_intent="pi_1", amount_cents=25500, currency="usd"),
        Order.Refunded(charge_id="ch_1", refunded_cents_total=500, full=False),
    )
    google, bing = report(services.home)
    zero: dict[str, Any] = {"campaign": None, "refunded_cents": 0, "paid_cents": 0, "taken_in_crm": 0}
    assert google == zero | {
        "source": "google",
        "medium": "cpc",
        "calls": 1,
        "forms": 1,
        "matched": 1,
        "paid_cents": 25500,
        "refunded_cents": 500,
    }
    assert bing == zero | {"source": "bing", "medium": None, "calls": 0, "forms": 1, "matched": 0}
    created = {line["source"]: (line["forms"], line["paid_cents"]) for line in report(services.home, by=LEAD_CREATION)}
    assert created == {"bing": (2, 25500), "google": (0, 0)}
    with acts(clock.now(), by="staff", via="web"):
        undo_match(services.ledger, call_id=id, reason="a namesake")
    settle(services)
    assert {line["source"]: line["paid_cents"] for line in report(services.home)} == {"google": 0, "bing": 25500}


def test_an_order_that_began_in_the_crm_is_counted_apart(client: FlaskClient, services: Services) -> None:
    taken = {"service": "embassy", "zoho_record_id": "411001", "name": "Ann Lee"}
    client.post("/tracking/crm/create/", json=taken, headers=KEY)
    settle(services)
    [line] = report(services.home)
    assert (line["source"], line["forms"], line["taken_in_crm"]) == (None, 0, 1)


def test_a_call_told_again_with_its_keys_in_another_order_is_a_plain_repeat(
    client: FlaskClient, services: Services
) -> None:
    body = body_of()
    tell(client, body)
    again = dict(reversed(list(body.items())))
    answer = client.post(PATH, data=json.dumps(again), headers=KEY, content_type="application/json")
    assert answer.json is not None
    assert answer.json["status"] == "repeat"
    assert "receipt.RepeatedDifferently" not in [event.stored_name for event in history(services)]


def test_the_payment_queue_empties_when_a_manager_accepts(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    order_id = place(client, "fbi")
    wrong = Order.PaymentMismatched(
        session_id="cs_1", payment_intent="pi_1", expected_cents=25500, got_cents=20000, currency="usd"
    )
    happens(services, clock, order_id, wrong)
    [row] = list_payment_queue(services.home)
    assert (row["what"], row["expected_cents"], row["got_cents"]) == ("mismatch", 25500, 20000)
    with acts(clock.now(), by="manager", via="web"):
        ours = order(services, order_id)
        ours.accept_mismatch(session_id="cs_1", reason="the rest came in cash")
        services.ledger.record(ours)
    settle(services)
    assert list_payment_queue(services.home) == []


def test_the_stage_queue_holds_refused_and_skipped_stages(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    answer: Any = post(client, "embassy")
    tid = answer.json["tracking_id"]
    headers = {"X-Webhook-Key": "sandbox"}
    client.post("/tracking/crm/update/", json={"tid": tid, "stage": "Waiting for Bob"}, headers=headers)
    client.post("/tracking/crm/update/", json={"tid": tid, "stage": "Out for Delivery"}, headers=headers)
    settle(services)
    refused, skipped = sorted(list_stage_queue(services.home), key=lambda row: str(row["what"]))
    assert refused["reason"] == "unknown_stage"
    assert (skipped["subject"], skipped["stage"]) == (answer.json["order_id"], "delivered")
    assert skipped["skipped"][0] == "quote_review"
    client.post("/tracking/crm/update/", json={"tid": tid, "stage": "Completed"}, headers=headers)
    settle(services)
    assert [row["what"] for row in list_stage_queue(services.home)] == ["refused"]


def test_62_every_view_is_the_same_when_it_is_rebuilt(client: FlaskClient, services: Services, clock: Clock) -> None:
    id = call(client, at=clock.now())
    first, second = place(client, "fbi"), place(client, "fbi")
    place(client, "marriage")
    call(client, "embassy", lead_id=7, caller_number="5550001111", at=clock.now(), spam=False)
    finish(services, clock)
    tell(client, body_of(lead_id=7, caller_number="5550001111", spam=True, last_updated="2026-03-09T21:00:00Z"))
    happens(
        services,
        clock,
        second,
        Order.Paid(session_id="cs_1", payment_intent="pi_1", amount_cents=25500, currency="usd"),
    )
    with acts(clock.now(), by="staff", via="web"):
        undo_match(services.ledger, call_id=id, reason="a namesake")
    finish(services, clock)
    assert order(services, UUID(first)).matched_call is None
    rows, made = all_rows(services.home, services.views), len(records(services))
    for view in services.views:
        services.rebuild(view)
    assert all_rows(services.home, services.views) == rows
    assert len(records(services)) == made
