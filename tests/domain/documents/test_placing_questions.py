"""How often placing an order asks the log: each question is a round trip that the customer waits for."""

from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest

from domain.documents.commands import Request, place_order
from domain.documents.price_list import current_prices
from domain.ledger import Event, Ledger
from tests.memory_log import MemoryLog
from tests.wishes import acts, demo_prices, tracking_ids, wish


class CountingLog(MemoryLog):
    """Notes every question."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def events_of(self, stream: UUID, *, upto: int | None = None) -> list[Event]:
        self.asked.append("events_of")
        return super().events_of(stream, upto=upto)

    def owner(self, key: str) -> UUID | None:
        self.asked.append("owner")
        return super().owner(key)

    def owners(self, keys: Sequence[str]) -> dict[str, UUID]:
        self.asked.append("owners")
        return super().owners(keys)


@pytest.mark.parametrize("kind", ["embassy", "quote", "fbi"])
def test_a_new_order_asks_for_its_request_its_caller_and_its_call_at_once(kind: str) -> None:
    log = CountingLog()
    ledger = Ledger(log, policies={})
    demo_prices(ledger)
    prices, draw = current_prices(ledger), tracking_ids()
    log.asked.clear()
    with acts():
        _, replayed = place_order(
            ledger,
            id=uuid4(),
            wish=wish(kind),
            draw_tracking_id=draw,
            request=Request("digest", "body"),
            prices=prices,
        )
    assert not replayed
    assert log.asked == ["owners"]
