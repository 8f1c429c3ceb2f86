"""What staff decide about an order: a tracking id for one that has none."""

from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest

from domain.documents import policy
from domain.documents.commands import give_tracking_id, place_order
from domain.documents.order import Order
from domain.documents.order_refusals import OrderNotFound
from domain.documents.price_list import AlreadyOpen, open_prices
from domain.ledger import Entry, Ledger
from domain.shared.effect import Effect
from tests.memory_log import MemoryLog
from tests.wishes import DEMO_PRICES, acts, demo_prices, tracking_ids, wish


class Desk:
    """A ledger in memory, and staff at it."""

    def __init__(self, log: MemoryLog) -> None:
        self.log, self.ledger, self.draw = log, Ledger(log, policies={Order: policy.effects}), tracking_ids()
        demo_prices(self.ledger)

    def place(self, kind: str) -> UUID:
        with acts():
            order, _ = place_order(self.ledger, id=uuid4(), wish=wish(kind), draw_tracking_id=self.draw)
        return order.id

    def give(self, id: UUID, *drawn: str, notify: bool = True) -> str | None:
        draws = iter(drawn)
        with acts(by="operator:ann", via="console"):
            return give_tracking_id(
                self.ledger, order_id=id, draw_tracking_id=lambda: next(draws), notify=notify
            ).tracking_id

    def happened(self, id: UUID) -> list[str]:
        return [type(event).__name__ for event in self.log.events_of(id)]

    def asked(self) -> list[str]:
        return [event.kind for event in self.log.events if isinstance(event, Effect.Requested)]


class Rival(MemoryLog):
    """A log in which a colleague gives the same order its id at the last moment."""

    rival: tuple[Desk, UUID] | None = None

    def append(self, entries: Sequence[Entry]) -> int:
        if self.rival is not None:
            (desk, id), self.rival = self.rival, None
            desk.give(id, "7K3M0000000000000000")
        return super().append(entries)


@pytest.fixture
def desk() -> Desk:
    return Desk(MemoryLog())


def test_a_quote_gets_its_id_its_first_stage_and_its_welcome(desk: Desk) -> None:
    id = desk.place("quote")
    before = desk.asked()
    assert desk.give(id, "7K3M0000000000000000") == "7K3M0000000000000000"
    assert desk.happened(id) == ["Placed", "TrackingIdGiven", "StageReached"]
    assert desk.asked()[len(before) :] == ["write_tracking_id", "welcome"]


def test_an_order_that_has_an_id_keeps_it_and_nothing_happens(desk: Desk) -> None:
    id = desk.place("embassy")
    known = desk.ledger.load(Order, id).tracking_id
    events = len(desk.log.events)
    assert desk.give(id, "7K3M0000000000000000") == known
    assert len(desk.log.events) == events


@pytest.mark.parametrize(("kind", "notify"), [("quote", False), ("fbi", True)])
def test_nobody_is_written_to_unless_staff_want_it_and_the_order_is_worked_on(
    desk: Desk, kind: str, notify: bool
) -> None:
    id = desk.place(kind)
    desk.give(id, "7K3M0000000000000000", notify=notify)
    assert "welcome" not in desk.asked()


def test_an_id_that_is_anothers_is_drawn_again(desk: Desk) -> None:
    taken = desk.ledger.load(Order, desk.place("embassy")).tracking_id or ""
    assert desk.give(desk.place("quote"), taken, "7K3M0000000000000000") == "7K3M0000000000000000"
    with pytest.raises(RuntimeError, match="drawn in a row"):
        desk.give(desk.place("quote"), *[taken] * 5)


def test_of_two_colleagues_at_once_the_first_ones_id_stands() -> None:
    log = Rival()
    desk = Desk(log)
    id = desk.place("quote")
    log.rival = desk, id
    assert desk.give(id, "0" * 20, "1" * 20) == "7K3M0000000000000000"
    assert desk.happened(id) == ["Placed", "TrackingIdGiven", "StageReached"]


def test_an_order_nobody_knows_gets_no_id(desk: Desk) -> None:
    with pytest.raises(OrderNotFound):
        desk.give(uuid4(), "7K3M0000000000000000")


def test_a_price_list_is_opened_once(desk: Desk) -> None:
    with acts(), pytest.raises(AlreadyOpen):
        open_prices(desk.ledger, DEMO_PRICES)
