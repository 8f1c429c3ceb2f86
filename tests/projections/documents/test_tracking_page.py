"""What the customer sees of an order: how far it is, and nothing that names a person."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from domain.documents.catalogue import KINDS
from domain.documents.order import Order
from domain.documents.order_facts import Choices
from domain.documents.stages import stages_of
from domain.ledger import Event
from projections.documents.tracking_page import TRACKING_PAGE, find_page
from projections.view import Row, fold
from tests.domain.documents.placed import story
from tests.wishes import FREE, NOW, PAID
from tests.world import World
from web.documents.tracking_facts import page_facts

TID = "00000000000000000001"
LATER = NOW + timedelta(days=2)


def row(*events: Event) -> Row:
    found = fold(TRACKING_PAGE, events)
    assert found is not None
    return found


def reached(stage: str, **more: Any) -> Event:
    return Order.StageReached(at=LATER, stage=stage, **more)


def states(facts: dict[str, Any]) -> list[tuple[str, str]]:
    return [(step["code"], step["state"]) for step in facts["timeline"]]


def facts(*events: Event) -> dict[str, Any]:
    page = page_facts(row(*events), name="J*** D***")
    told: dict[str, Any] = msgspec.to_builtins(page, builtin_types=(datetime,))
    return told


@pytest.mark.parametrize("kind", FREE)
def test_a_free_order_is_at_its_first_step_at_once(kind: str) -> None:
    page = facts(*story(kind))
    stages = stages_of(KINDS[kind].service, translated=False)
    assert (page["tid"], page["current_stage"], page["step"], page["steps"]) == (
        TID,
        "document_received",
        1,
        len(stages),
    )
    assert states(page) == [("document_received", "current"), *((stage.code, "upcoming") for stage in stages[1:])]
    assert (page["stage_label"], page["emoji"], page["message"]) == (stages[0].label, "📋", stages[0].message)


@pytest.mark.parametrize("kind", PAID)
def test_a_paid_order_awaits_its_payment_with_every_step_ahead(kind: str) -> None:
    page = facts(*story(kind))
    assert (page["tid"], page["current_stage"], page["stage_label"], page["step"]) == (
        None,
        "awaiting_payment",
        "Awaiting Payment",
        None,
    )
    assert {state for _, state in states(page)} == {"upcoming"}


def test_the_page_names_what_the_spec_names_and_nothing_else() -> None:
    page = facts(*story("fbi"))
    assert set(page) == {
        *("tid", "service", "service_label", "name", "current_stage", "stage_label", "emoji", "message"),
        *("step", "steps", "shipping", "translation_r", "timeline", "created_at", "updated_at"),
    }
    assert (page["service"], page["service_label"], page["shipping"]) == ("fbi_apostille", "FBI Apostille", "UPS")
    assert page["name"] == "J*** D***"
    assert facts(*story("embassy"))["shipping"] is None


def test_a_stage_that_was_passed_without_a_word_is_done_without_a_time() -> None:
    page = facts(*story("embassy"), reached("state_authenticated", skipped=("quote_review", "notarized")))
    assert states(page)[:5] == [
        ("document_received", "done"),
        ("quote_review", "done"),
        ("notarized", "done"),
        ("state_authenticated", "current"),
        ("federal_authenticated", "upcoming"),
    ]
    assert [step["reached_at"] for step in page["timeline"][:5]] == [
        NOW,
        None,
        None,
        LATER,
        None,
    ]
    assert page["updated_at"] == LATER


def test_a_stage_is_dated_by_when_it_was_reached_not_by_when_we_heard() -> None:
    page = facts(*story("embassy"), reached("quote_review", happened_at=NOW + timedelta(hours=1)))
    assert page["timeline"][1]["reached_at"] == NOW + timedelta(hours=1)
    assert page["updated_at"] == LATER


def test_translation_is_a_step_only_where_it_is_wanted() -> None:
    wanted = facts(*story("fbi", choices=Choices(translation_r=True)))
    assert (wanted["translation_r"], wanted["steps"]) == (True, facts(*story("fbi"))["steps"] + 1)
    assert "translated" in dict(states(wanted))
    assert "translated" not in dict(states(facts(*story("fbi"))))


def test_translation_reported_although_it_was_not_wanted_is_shown() -> None:
    begun: Sequence[Event] = [*story("fbi"), reached("document_received"), reached("translated")]
    page = facts(*begun)
    assert (page["current_stage"], page["stage_label"]) == ("translated", "Translation Review")
    assert ("translated", "current") in states(page)


def test_a_page_is_found_by_its_tracking_id_and_carries_no_personal_data(world: World) -> None:
    order = world.place("embassy")
    world.services.follower.catch_up()
    home = world.services.home
    found = find_page(home, order.tracking_id or "")
    assert found is not None
    assert found["order_id"] == str(order.id)
    assert "John" not in repr(found)
    assert "example.com" not in repr(found)
    assert page_facts(found, name="J*** D***").current_stage == "document_received"
    assert find_page(home, "Z" * 20) is None
