"""The order desk: what staff see of an order, and how they find one."""

from datetime import date, timedelta
from typing import Any

import pytest

from domain.documents.order import Order
from domain.documents.order_facts import Choices
from domain.ledger import Event
from domain.shared.attribution import Attribution
from domain.shared.contact import Contact
from projections.documents.orders import ORDER_DESK, find_by_crm_record, list_orders
from projections.view import Row, fold
from tests.domain.documents.placed import story
from tests.wishes import NOW, STORED_FILE
from tests.world import World

LATER = NOW + timedelta(minutes=5)


def row(*events: Event) -> Row:
    found = fold(ORDER_DESK, events)
    assert found is not None
    return found


def test_a_placed_order_shows_its_kind_price_and_origin() -> None:
    fbi = row(*story("fbi", attribution=Attribution(source="google", medium="cpc", lead_type="form")))
    expected = {"kind": "fbi", "service": "fbi_apostille", "total_cents": 25500, "currency": "usd", "paid_kind": True}
    expected |= {"source": "google", "medium": "cpc", "attributed": True, "tracking_id": None, "stage": None}
    assert fbi.items() >= expected.items()
    embassy = row(*story("embassy", files=(STORED_FILE,), file_names=("scan.pdf",)))
    expected = {"total_cents": None, "paid_kind": False, "files": 1, "attributed": False, "stage": "document_received"}
    assert embassy.items() >= expected.items()


@pytest.mark.parametrize(
    ("kind", "choices", "shown"),
    [
        (
            "i9",
            Choices(services=("remote",), appointment_date=date(2026, 2, 10), notarization_required=True),
            {"services": ["remote"], "notarization": True, "appointment": "2026-02-10", "translation_r": False},
        ),
        (
            "fbi",
            Choices(translation_r=True),
            {"services": [], "notarization": False, "appointment": None, "translation_r": True},
        ),
    ],
)
def test_what_was_chosen_on_the_form_is_shown(kind: str, choices: Choices, shown: dict[str, Any]) -> None:
    assert row(*story(kind, choices=choices))["choices"] == shown


def test_news_from_the_crm_are_shown_with_their_time() -> None:
    entered = Order.EnteredInCrm(at=LATER, module="Embassy_Legalization", record_id="7")
    found = row(*story("embassy"), entered, Order.AttributionEnteredInCrm(at=LATER, record_id="8"))
    assert (found["crm_module"], found["crm_record"], found["crm_attribution"]) == ("Embassy_Legalization", "7", "8")
    assert (found["placed_at"], found["updated_at"]) == (NOW, LATER)


def test_every_column_is_filled_by_the_fold_and_nothing_more() -> None:
    assert set(row(*story("embassy"))) == {column.name for column in ORDER_DESK.columns()}


def test_orders_are_listed_newest_first_page_by_page(world: World) -> None:
    placed = []
    for kind in ("embassy", "i9", "embassy", "quote"):
        placed.append(str(world.place(kind).id))
        world.clock.move(60)
    world.services.follower.catch_up()
    home = world.services.home
    first = list_orders(home, limit=3)
    rest = list_orders(home, limit=3, after=(first[-1]["placed_at"], first[-1]["order_id"]))
    assert [found["order_id"] for found in (*first, *rest)] == placed[::-1]
    assert [found["order_id"] for found in list_orders(home, kind="embassy")] == [placed[2], placed[0]]


def test_orders_of_one_moment_are_neither_skipped_nor_repeated(world: World) -> None:
    placed = {str(world.place("i9").id) for _ in range(5)}
    world.services.follower.catch_up()
    seen: list[str] = []
    after = None
    while page := list_orders(world.services.home, after=after, limit=2):
        seen += [found["order_id"] for found in page]
        after = (page[-1]["placed_at"], page[-1]["order_id"])
    assert sorted(seen) == sorted(placed)


def test_the_row_carries_personal_data_sealed_and_staff_may_open_it(world: World) -> None:
    order = world.place("embassy")
    world.services.follower.catch_up()
    [found] = list_orders(world.services.home)
    assert "John" not in repr(found)
    assert "Qatar" not in repr(found)
    assert world.services.reveal(found["contact"], Contact) == order.contact.open()


def test_an_order_is_found_by_its_record_in_the_crm(world: World) -> None:
    order = world.place("embassy")
    world.run_effects()
    record = world.ledger.load(Order, order.id).crm_record
    found = find_by_crm_record(world.services.home, record or "")
    assert found is not None
    assert found["order_id"] == str(order.id)
    assert find_by_crm_record(world.services.home, "1") is None
