"""Placing an order: what is recorded together, what is refused, and what a repeat gives."""

from uuid import UUID, uuid4

import pytest

from domain.documents import policy
from domain.documents.commands import (
    IdempotencyKeyReused,
    PriceChanged,
    Request,
    find_order,
    order_values,
    place_order,
)
from domain.documents.order import Order
from domain.documents.order_facts import Answers, Choices
from domain.documents.order_refusals import OrderNotFound
from domain.documents.price_list import PRICE_LIST_ID, PriceList
from domain.documents.quote import PackageOffer
from domain.ledger import Entry, Ledger, Taken
from domain.shared.attribution import AttributionLinks
from domain.shared.contact import Contact
from domain.shared.effect import Effect
from domain.shared.errors import Invalid
from tests.memory_log import MemoryLog
from tests.wishes import FREE, PAID, STORED_FILE, acts, demo_prices, tracking_ids, wish
from tests.world import told

REQUEST = Request("digest", "body-1")


class Desk:
    """A ledger in memory with the demo prices, and the command under test."""

    def __init__(self, log: MemoryLog | None = None) -> None:
        self.log = log or MemoryLog()
        self.ledger = Ledger(self.log, policies={Order: policy.effects})
        demo_prices(self.ledger)
        self.draw = tracking_ids()

    def place(self, kind: str, *, request: Request | None = None, **changes: object) -> tuple[Order, bool]:
        with acts():
            return place_order(
                self.ledger,
                id=uuid4(),
                wish=wish(kind, **changes),
                draw_tracking_id=self.draw,
                request=request,
            )

    def change_prices(self) -> None:
        prices = self.ledger.load(PriceList, PRICE_LIST_ID)
        with acts(by="manager"):
            prices.price_package(PackageOffer(code="standard", label="Standard", price_cents=19900), reason="costs")
            prices.withdraw_shipping("fedex", reason="strike")
        self.ledger.record(prices)

    @property
    def orders(self) -> int:
        return sum(isinstance(event, Order.Placed) for event in self.log.events)


class Rival(MemoryLog):
    """A log in which somebody else's order with the same key is recorded at the last moment."""

    def __init__(self) -> None:
        super().__init__()
        self.desk: Desk | None = None

    def append(self, entries: "list[Entry]") -> int:  # type: ignore[override]
        if self.desk is not None and (desk := self.desk):
            self.desk = None
            desk.place("embassy", request=REQUEST)
        return super().append(entries)


@pytest.mark.parametrize("kind", FREE)
def test_1_a_free_order_its_tracking_id_first_stage_and_effects_are_one_append(kind: str) -> None:
    desk = Desk()
    order, again = desk.place(kind)
    entries = [entry.event for entry in desk.log.appends[-1]]
    own = [type(event).__name__ for event in entries if event.stream == order.id]
    assert own == ["Placed", "TrackingIdGiven", "StageReached"]
    asked = [event.kind for event in entries if isinstance(event, Effect.Requested)]
    assert asked == ["enter_contact", "enter_order", "staff_notice", "welcome"]
    assert (len(order.tracking_id or ""), again) == (20, False)


@pytest.mark.parametrize("kind", [*PAID, "quote"])
def test_16_a_paid_order_and_a_quote_get_no_tracking_id_and_no_stage(kind: str) -> None:
    desk = Desk()
    order, _ = desk.place(kind)
    assert [event.stored_name for event in desk.log.events_of(order.id)] == ["documents.order.Placed"]
    assert (order.tracking_id, order.stage) == (None, None)


def test_only_the_paid_kinds_are_quoted_a_price() -> None:
    desk = Desk()
    quoted = {kind: desk.place(kind)[0].quote is not None for kind in (*PAID, *FREE, "quote")}
    assert [kind for kind, price in quoted.items() if price] == list(PAID)


def test_12_without_a_key_the_same_body_twice_is_two_orders() -> None:
    desk = Desk()
    first, second = desk.place("embassy")[0], desk.place("embassy")[0]
    assert first.id != second.id
    assert first.tracking_id != second.tracking_id


def test_10_the_same_key_and_body_give_the_first_order_again() -> None:
    desk = Desk()
    first, again = desk.place("embassy", request=REQUEST)
    second, repeated = desk.place("embassy", request=REQUEST)
    assert (first.id, first.tracking_id, again) == (second.id, second.tracking_id, False)
    assert (repeated, desk.orders) == (True, 1)


def test_10_who_comes_second_at_the_last_moment_gets_the_first_order_too() -> None:
    log = Rival()
    desk = Desk(log)
    log.desk = desk
    order, repeated = desk.place("embassy", request=REQUEST)
    assert (repeated, desk.orders) == (True, 1)
    assert log.owner("request:digest") == order.id


def test_11_the_same_key_with_another_body_is_refused() -> None:
    desk = Desk()
    desk.place("embassy", request=REQUEST)
    with pytest.raises(IdempotencyKeyReused):
        desk.place("embassy", request=Request("digest", "body-2"))
    assert desk.orders == 1


def test_11_a_refused_body_does_not_use_up_its_key() -> None:
    desk = Desk()
    with pytest.raises(Invalid):
        desk.place("fbi", package="gold", request=REQUEST)
    assert desk.place("fbi", request=Request("digest", "body-2"))[1] is False


def test_a_repeat_is_answered_even_after_prices_have_changed() -> None:
    desk = Desk()
    first, _ = desk.place("fbi", quoted_cents=25500, request=REQUEST)
    desk.change_prices()
    assert desk.place("fbi", quoted_cents=25500, request=REQUEST)[0].id == first.id


def test_14_an_order_keeps_what_it_was_quoted() -> None:
    desk = Desk()
    old, _ = desk.place("fbi")
    desk.change_prices()
    new, _ = desk.place("fbi")
    totals = [desk.ledger.load(Order, order.id).quote for order in (old, new)]
    assert [quote.total_cents for quote in totals if quote] == [25500, 27900]


def test_15_another_total_than_ours_is_refused_with_ours() -> None:
    desk = Desk()
    desk.change_prices()
    with pytest.raises(PriceChanged) as refused:
        desk.place("fbi", quoted_cents=25500)
    assert refused.value.details == {"total_price": "279.00", "price_list_version": 3}
    with pytest.raises(Invalid) as not_offered:
        desk.place("fbi", shipping="fedex")
    assert not_offered.value.fields == {"shipping": ["Not offered."]}
    assert desk.orders == 0


def test_a_tracking_id_that_is_taken_is_drawn_again() -> None:
    desk = Desk()
    first, _ = desk.place("embassy")
    drawn = iter([first.tracking_id or "", first.tracking_id or "", "7K3M0000000000000000"])
    desk.draw = lambda: next(drawn)
    second, again = desk.place("embassy")
    assert (second.tracking_id, again) == ("7K3M0000000000000000", False)
    assert [event.version for event in desk.log.events_of(second.id)] == [1, 2, 3]


def test_five_taken_ids_in_a_row_are_a_fault_and_record_nothing() -> None:
    desk = Desk()
    first, _ = desk.place("embassy")
    desk.draw = lambda: first.tracking_id or ""
    with pytest.raises(RuntimeError, match="5 tracking ids"):
        desk.place("embassy")
    assert desk.orders == 1


def test_a_file_belongs_to_one_order() -> None:
    desk = Desk()
    desk.place("embassy", files=(STORED_FILE,), file_names=("scan.pdf",))
    with pytest.raises(Taken):
        desk.place("embassy", files=(STORED_FILE,), file_names=("scan.pdf",))


def test_a_person_is_found_by_digests_however_the_number_is_spelt() -> None:
    desk = Desk()
    first, _ = desk.place("embassy")
    second, _ = desk.place("i9", contact=Contact("J. Doe", "John@Example.com", "(555) 123 4567 x9"))
    assert first.phone_hash == second.phone_hash
    assert first.email_hash == second.email_hash
    short, _ = desk.place("i9", contact=Contact("J. Doe", "john@example.com", "123 4567"))
    assert short.phone_hash is None


def test_what_was_not_given_is_not_stored() -> None:
    desk = Desk()
    order, _ = desk.place("embassy")
    _, fields = told(desk.log.events_of(order.id)[0])
    assert [fields[name] for name in ("links", "file_names", "quote", "request")] == [None] * 4
    order, _ = desk.place("embassy", links=AttributionLinks(landing_page="https://documents.example/"))
    assert order.links is not None


def test_an_unknown_order_is_not_found() -> None:
    desk = Desk()
    order, _ = desk.place("embassy")
    assert find_order(desk.ledger, order.id).tracking_id == order.tracking_id
    for stranger in (UUID(int=7), PRICE_LIST_ID):
        with pytest.raises(OrderNotFound):
            find_order(desk.ledger, stranger)


def test_the_fields_of_a_form_are_sorted_into_clear_and_sealed() -> None:
    fields = {"name": "John", "services": ["remote"], "notarization": False, "country": "Qatar", "comments": None}
    assert order_values(fields) == (
        Choices(services=("remote",), notarization=False),
        Answers(country="Qatar"),
    )
