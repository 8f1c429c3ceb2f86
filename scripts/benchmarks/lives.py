"""Lives of orders, decided by the real domain code, that `filling` copies: from the form to the last stages."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import pairwise
from uuid import UUID

import msgspec

from adapters.demo import demo_wishes, open_demo_prices
from adapters.wiring import POLICIES
from domain.documents.commands import Request, Wish, place_order
from domain.documents.order import Order
from domain.documents.order_facts import Paid
from domain.ledger import Entry, Event, Ledger, acting
from domain.shared.effect import Effect

OF_THE_ORDER = UUID("00000000-0000-4000-8000-000000000001")
START = datetime(2020, 1, 1, tzinfo=UTC)
CHAPTERS = 5
BETWEEN_CHAPTERS = timedelta(hours=8)
LETTER = "Dear customer, your order has moved on; the page behind the link below says where it is. " * 8


class Life(msgspec.Struct, frozen=True):
    """What happens to one order, `OF_THE_ORDER`, and to its effects, in chapters."""

    chapters: tuple[tuple[Entry, ...], ...]


class Sketch:
    """A log in memory: it keeps what was decided and seals nothing."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def append(self, entries: Sequence[Entry]) -> int:
        self.entries += entries
        return len(self.entries)

    def events_of(self, stream: UUID, *, upto: int | None = None) -> Sequence[Event]:
        return [entry.event for entry in self.entries if entry.event.stream == stream]

    def owner(self, key: str) -> UUID | None:
        return None

    def owners(self, keys: Sequence[str]) -> dict[str, UUID]:
        return {}

    def open_effects_of(self, subject: UUID) -> list[UUID]:
        return []

    def blind(self, value: str) -> str:
        return blake2b(value.encode(), digest_size=16).hexdigest()


def lives() -> list[Life]:
    """One life for every kind of order but the quote, which has no stages."""
    wishes = [wish for wish in demo_wishes(today=START.date()) if wish.kind != "quote"]
    return [_live(wish) for wish in wishes]


def _live(wish: Wish) -> Life:
    log, id = Sketch(), OF_THE_ORDER
    ledger = Ledger(log, policies=POLICIES)
    with acting(by="staff", via="console", at=START):
        open_demo_prices(ledger)
    request = Request(str(id), "0" * 32)
    begun = [len(log.entries)]

    def chapter(*happens: Callable[[], object]) -> None:
        at = START + BETWEEN_CHAPTERS * (len(begun) - 1)
        with acting(by="system", via="bench", at=at, correlation=str(id)):
            for happen in happens:
                happen()
        begun.append(len(log.entries))

    chapter(lambda: place_order(ledger, id=id, wish=wish, draw_tracking_id=lambda: "", request=request))
    chapter(lambda: _pay(ledger, id), lambda: _enter_in_crm(ledger, id), lambda: _carry_out(ledger, log))
    for _ in range(CHAPTERS - len(begun) + 1):
        chapter(lambda: _move_on(ledger, id), lambda: _carry_out(ledger, log))
    return Life(tuple(tuple(log.entries[start:end]) for start, end in pairwise(begun)))


def _pay(ledger: Ledger, id: UUID) -> None:
    order, session = ledger.load(Order, id), f"cs_{id}"
    if order.quote is None:
        return
    order.request_checkout(now=START)
    order.checkout_opened(session_id=session, url=f"https://pay.example/{id}", expires_at=START + timedelta(days=1))
    total, currency = order.quote.total_cents, order.quote.currency
    order.happened(Paid(session_id=session, payment_intent=f"pi_{id}", amount_cents=total, currency=currency))
    order.give_tracking_id("", reason="checkout", notify=False)
    order.begin()
    ledger.record(order)


def _enter_in_crm(ledger: Ledger, id: UUID) -> None:
    order = ledger.load(Order, id)
    order.entered_in_crm(module=order.kind.module, record_id=f"crm-{id}")
    order.attribution_entered_in_crm(record_id=f"crm-a-{id}")
    ledger.record(order)


def _move_on(ledger: Ledger, id: UUID) -> None:
    order = ledger.load(Order, id)
    codes = [stage.code for stage in order.kind.stages if stage.code != "translated"]
    here = codes.index(order.stage or codes[0])
    order.move_to(codes[here + 1], happened_at=None, correction=False)
    ledger.record(order)


def _carry_out(ledger: Ledger, log: Sketch) -> None:
    """Do what was asked for: mails are rendered first."""
    for asked in [entry.event for entry in log.entries if isinstance(entry.event, Effect.Requested)]:
        effect = ledger.load(Effect, asked.stream)
        if effect.settled:
            continue
        if effect.channel == "mail":
            effect.prepare(LETTER)
        effect.finish(proof=f"done-{asked.stream}")
        ledger.record(effect)
