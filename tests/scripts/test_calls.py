"""`daybook calls`: who telephoned, and which order staff say a call belongs to."""

import json
from typing import Any
from uuid import UUID

import pytest

from domain.documents.call_events import MatchedWithForm, MatchUndone, lead_claim
from domain.documents.call_lead import CallLead
from domain.documents.erasure import erase
from domain.documents.order import Order
from domain.shared.contact import Contact
from domain.shared.effect import effect_id
from domain.shared.receipt import receive
from tests.scripts.conftest import Command
from tests.web.documents.phoning import body_of
from tests.wishes import acts
from tests.world import World

PERSONAL = ("A CALLER", "123-4567", "5551234567", "Wants two apostilles", "documents.example/apostille")
NOBODY = "5e0a1c8e-6d5b-4f0e-9b5f-0d2f6a3c9b11"
REASON = ("--reason", "said so on the phone")


def call(world: World, service: str = "fbi", **changes: Any) -> str:
    """Somebody calls; the id of the lead."""
    body = body_of(service, at=world.clock.now(), **changes)
    vendor_id = f"{body['lead_id']}:{body['lead_id']}"
    with acts(world.clock.now(), by="whatconverts", via="whatconverts"):
        receipt, _ = receive(
            world.ledger, source="whatconverts", vendor_id=vendor_id, body=json.dumps(body).encode(), headers={}
        )
    world.runner.run_at_once(effect_id(receipt.id, kind="judge"))
    lead = world.ledger.owner(lead_claim(str(body["lead_id"])))
    world.run_effects()
    return str(lead)


def matched(world: World) -> tuple[str, str]:
    """An embassy call and the order that was placed after it; both ids."""
    lead = call(world, "embassy")
    world.clock.move(60)
    order = world.place("embassy")
    world.run_effects()
    return lead, str(order.id)


def listed(daybook: Command, *filters: str) -> list[str]:
    """The ids of the calls that a list shows, in its order."""
    return [row["phone_lead_id"] for row in daybook.json("calls", "list", *filters)]


def test_calls_are_listed_newest_first_and_page_by_page(world: World, daybook: Command) -> None:
    known: list[str] = []
    for number in range(5):
        known.insert(0, call(world, lead_id=number + 1, caller_number=f"555000000{number}"))
        world.clock.move(60)

    assert listed(daybook) == known
    first = listed(daybook, "--limit", "2")
    assert [*first, *listed(daybook, "--after", first[-1])] == known
    assert listed(daybook, "--after", "1") == []


def test_every_filter_finds_its_calls_and_no_others(world: World, daybook: Command) -> None:
    embassy, _ = matched(world)
    fbi = call(world, lead_id=2, caller_number="5550001111", lead_state="In Progress", call_duration_seconds=None)
    junk = call(world, "marriage", lead_id=3, caller_number="5550002222")
    with acts(world.clock.now()):
        lead = world.ledger.load(CallLead, UUID(junk))
        lead.mark_spam()
        world.ledger.record(lead)
    found = {
        ("--service", "FBI Apostille"): {fbi},
        ("--state", "in_progress"): {fbi},
        ("--state", "completed"): {embassy, junk},
        ("--matched",): {embassy},
        ("--unmatched", "--no-spam"): {fbi},
        ("--spam",): {junk},
    }
    for filters, leads in found.items():
        assert set(listed(daybook, *filters)) == leads, filters
    assert daybook.prints("calls", "list", "--service", "notary") == "No calls.\n"
    assert daybook.complains("calls", "list", "--service", "visa") == "There is no such service."


def test_a_call_is_shown_without_the_caller_unless_asked_for(world: World, daybook: Command) -> None:
    lead = call(world)

    shown = daybook.json("calls", "show", "204417")
    assert (shown["phone_lead_id"], shown["detected_service"], shown["call_duration"]) == (lead, "fbi", 133)
    assert (shown["calls"], shown["matched_with_form"]) == (["204417"], False)
    for arguments in (("show", lead), ("show", lead, "--json"), ("list",), ("list", "--json")):
        printed = daybook.prints("calls", *arguments)
        assert not [word for word in (*PERSONAL, "typed", "_hash", "words") if word in printed]
    opened = daybook.json("calls", "show", lead, "--reveal")
    assert (opened["contact_name"], opened["contact_phone"]) == ("A CALLER", "(555) 123-4567")
    assert opened["lead_summary"] == "Wants two apostilles."


def test_scenario_37_a_suggestion_is_shown_and_confirmed_by_staff(world: World, daybook: Command) -> None:
    lead = call(world)
    world.clock.move(60)
    order = world.place("marriage")
    world.run_effects()

    [waiting] = daybook.json("calls", "suggestions")
    assert (waiting["phone_lead_id"], waiting["two_records"]) == (lead, None)
    [found] = waiting["suggestions"]
    assert (found["order_id"], found["order_type"], found["evidence"]) == (str(order.id), "marriage", ["phone"])
    assert "50%" in daybook.prints("calls", "suggestions")

    sheet = daybook.json("calls", "match", lead, str(order.id), *REASON, "--by", "Ann")

    assert (sheet["matched_order_id"], sheet["direction"]) == (str(order.id), "form_after_call")
    [match] = [e for e in world.services.log.events_of(UUID(lead)) if isinstance(e, MatchedWithForm)]
    assert (match.by, match.via, match.reason) == ("operator:Ann", "console", "said so on the phone")
    assert world.ledger.load(Order, order.id).matched_call == UUID(lead)
    assert daybook.prints("calls", "suggestions") == "Nothing to decide.\n"
    assert daybook.json("orders", "list", "--matched")[0]["order_id"] == str(order.id)


def test_scenario_41_a_pair_parted_by_staff_is_never_matched_again_by_itself(world: World, daybook: Command) -> None:
    lead, order_id = matched(world)
    assert listed(daybook, "--matched") == [lead]

    sheet = daybook.json("calls", "unmatch", lead, "--reason", "a namesake", "--by", "Ann")
    world.clock.move(60)
    world.run_effects()
    assert call(world, "embassy", lead_id=204418) == lead
    world.clock.move(60)
    world.run_effects()

    assert (sheet["matched_with_form"], sheet["matched_order_id"]) == (False, None)
    [undone] = [e for e in world.services.log.events_of(UUID(lead)) if isinstance(e, MatchUndone)]
    assert (undone.by, undone.reason) == ("operator:Ann", "a namesake")
    assert world.ledger.load(Order, UUID(order_id)).matched_call is None
    assert listed(daybook, "--matched") == []
    assert daybook.complains("calls", "unmatch", lead, *REASON) == "This call is not matched with an order."


def test_a_matched_call_belongs_to_one_order(world: World, daybook: Command) -> None:
    lead, order_id = matched(world)
    other = world.place("embassy", contact=Contact("A B", "a@example.com", "5550001111"))

    for order in (order_id, str(other.id)):
        assert daybook.complains("calls", "match", lead, order, *REASON) == "This call is matched with another order."


@pytest.mark.parametrize("unknown", [NOBODY, "999"])
def test_what_staff_decide_about_no_call_is_a_sentence(world: World, daybook: Command, unknown: str) -> None:
    order = str(world.place("embassy").id)
    for command in (("show",), ("unmatch", *REASON), ("match", order, *REASON)):
        name, *told = command
        assert daybook.complains("calls", name, unknown, *told) == "Nothing in the ledger has this id."
    lead = call(world, caller_number="5550001111")
    assert daybook.complains("calls", "match", lead, NOBODY, *REASON) == "Nothing in the ledger has this id."
    assert daybook.complains("calls", "list", "--after", order) == "Nothing in the ledger has this id."


def test_a_call_can_be_parted_from_an_order_whose_customer_was_erased(world: World, daybook: Command) -> None:
    lead, order_id = matched(world)
    with acts(world.clock.now()):
        erase(world.ledger, subjects=[UUID(order_id)], reason="asked_by_the_person")

    assert daybook.json("calls", "unmatch", lead, *REASON)["matched_with_form"] is False
    assert type(world.services.log.events_of(UUID(order_id))[-1]) is Order.Erased
    assert daybook.complains("orders", "show", order_id) == "Nothing in the ledger has this id."
    assert daybook.json("orders", "list", "--after", order_id) == []
    assert daybook.complains("calls", "match", lead, order_id, *REASON) == "Nothing in the ledger has this id."


def test_a_suggestion_is_dismissed_and_does_not_come_back(world: World, daybook: Command) -> None:
    lead = call(world)
    order = str(world.place("marriage").id)
    world.run_effects()
    assert [row["phone_lead_id"] for row in daybook.json("calls", "suggestions")] == [lead]
    assert daybook.json("calls", "dismiss", lead, order, *REASON)["matched_with_form"] is False
    assert daybook.json("calls", "suggestions") == []
