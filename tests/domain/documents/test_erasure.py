"""Forgetting orders and calls: what happens to them, what follows, and what vendors are left with."""

from collections.abc import Callable, Iterator, Sequence
from uuid import UUID, uuid4

import msgspec
import pytest

from domain.documents import call_policy, policy
from domain.documents.call_lead import CallLead
from domain.documents.commands import find_order, place_order
from domain.documents.concerns import payment_concern
from domain.documents.erasure import Copy, Erasure, SubjectNotFound, copies_named, digests, erase, partners
from domain.documents.match_performers import MatchPerformers
from domain.documents.office import Office
from domain.documents.order import Order
from domain.documents.order_refusals import OrderNotFound
from domain.ledger import Entry, Ledger
from domain.sealed import Erased
from domain.shared.effect import Effect, Outcome
from domain.shared.errors import Invalid
from tests.domain.documents.calls import COMPLETED, lead_of, post
from tests.memory_log import MemoryLog
from tests.wishes import NOW, STORED_FILE, acts, demo_prices, tracking_ids, wish

CAUSE = "asked by customer"


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
def ledger(log: MemoryLog) -> Ledger:
    ledger = Ledger(log, policies={Order: policy.effects})
    demo_prices(ledger)
    return ledger


@pytest.fixture(autouse=True)
def act() -> Iterator[None]:
    with acts():
        yield


def place(ledger: Ledger, kind: str = "embassy", number: int = 1, **changes: object) -> Order:
    draw = tracking_ids()
    for _ in range(number):
        draw()
    return place_order(ledger, id=UUID(int=number), wish=wish(kind, **changes), draw_tracking_id=draw)[0]


def called(ledger: Ledger) -> CallLead:
    lead = lead_of(post(COMPLETED), id=UUID(int=500))
    ledger.record(lead)
    return lead


def with_a_file(ledger: Ledger) -> Order:
    return place(ledger, files=(STORED_FILE,), file_names=("scan.pdf",))


def asked_of(ledger: Ledger, subject: Order | CallLead) -> list[tuple[str, str, dict[str, str]]]:
    """Channel, kind and what they are about, of what is still to be done."""
    effects = [ledger.load(Effect, id) for id in ledger.open_effects(subject.id)]
    return [(effect.channel, effect.kind, effect.about) for effect in effects]


def test_an_order_and_a_call_are_forgotten_together(ledger: Ledger, log: MemoryLog) -> None:
    order, lead = with_a_file(ledger), called(ledger)
    waiting = ledger.open_effects(order.id)
    done = erase(ledger, subjects=[order.id, lead.id], reason=CAUSE)
    assert done == Erasure(orders=(order.id,), calls=(lead.id,), effects=tuple(waiting), files=1)
    assert log.destroyed == {order.id, lead.id}
    [*_, asked] = log.appends[-1]
    assert [asked.event.reason for asked in log.appends[-1] if isinstance(asked.event, Order.Erased)] == [
        "asked_by_customer"
    ]
    assert isinstance(asked.event, CallLead.Erased)


def test_the_store_is_asked_to_remove_the_files_where_there_are_any(ledger: Ledger) -> None:
    order, without = with_a_file(ledger), place(ledger, number=2)
    erase(ledger, subjects=[order.id, without.id], reason=CAUSE)
    assert ("files", "remove_files", {}) in asked_of(ledger, order)
    assert ("files", "remove_files", {}) not in asked_of(ledger, without)


def test_vendors_are_asked_to_delete_what_they_may_have_been_sent(log: MemoryLog) -> None:
    ledger = Ledger(log, policies={Order: policy.effects, CallLead: call_policy.effects})
    demo_prices(ledger)
    order, unpaid, lead = place(ledger), place(ledger, "fbi", number=2), called(ledger)
    erase(ledger, subjects=[order.id, unpaid.id, lead.id], reason=CAUSE)
    assert asked_of(ledger, order) == [("zoho", "delete_records", {}), ("mail", "delete_mails", {})]
    assert asked_of(ledger, unpaid) == []
    assert asked_of(ledger, lead) == [("zoho", "delete_records", {})]


def test_a_checkout_that_was_opened_is_to_be_redacted_though_nobody_paid(ledger: Ledger) -> None:
    order = place(ledger, "fbi")
    order.request_checkout(now=NOW)
    ledger.record(order)
    erase(ledger, subjects=[order.id], reason=CAUSE)
    assert asked_of(ledger, order) == [("mail", "delete_mails", {}), ("stripe", "redact_payments", {})]


def test_forgetting_again_keeps_the_removal_of_files_that_is_still_to_be_done(ledger: Ledger, log: MemoryLog) -> None:
    order = with_a_file(ledger)
    erase(ledger, subjects=[order.id], reason=CAUSE)
    appends = len(log.appends)
    assert erase(ledger, subjects=[order.id, order.id], reason=CAUSE) == Erasure()
    assert len(log.appends) == appends
    assert ("files", "remove_files", {}) in asked_of(ledger, order)


def test_a_forgotten_order_is_found_by_nobody(ledger: Ledger) -> None:
    order = place(ledger)
    erase(ledger, subjects=[order.id], reason=CAUSE)
    with pytest.raises(OrderNotFound):
        find_order(ledger, order.id)
    loaded = ledger.load(Order, order.id, even_erased=True)
    with pytest.raises(Erased):
        loaded.move_to("notarized", happened_at=None, correction=False)
    with pytest.raises(Erased):
        loaded.entered_in_crm(module="Embassy_Legalization", record_id="7")
    with pytest.raises(Erased):
        loaded.note_crm_fields({"remark": "late"})
    assert loaded.stage == "document_received"


def test_a_forgotten_caller_frees_what_the_next_call_would_be_found_by(ledger: Ledger, log: MemoryLog) -> None:
    lead = called(ledger)
    held = set(lead.held)
    assert held <= log.claims.keys()
    erase(ledger, subjects=[lead.id], reason=CAUSE)
    assert not held & log.claims.keys()
    assert ledger.owner("wc_lead:204417") == lead.id  # a late message about that call finds that it is forgotten


class Beaten(MemoryLog):
    """Somebody else records just before the next append."""

    rival: Callable[[], None] | None = None

    def append(self, entries: Sequence[Entry]) -> int:
        if self.rival is not None:
            rival, self.rival = self.rival, None
            rival()
        return super().append(entries)


def test_it_is_decided_anew_when_the_order_has_moved_on() -> None:
    log = Beaten()
    ledger = Ledger(log, policies={Order: policy.effects})
    order = place(ledger)

    def move() -> None:
        moved = ledger.load(Order, order.id)
        moved.move_to("notarized", happened_at=None, correction=False)
        ledger.record(moved)

    log.rival = move
    erase(ledger, subjects=[order.id], reason=CAUSE)
    loaded = ledger.load(Order, order.id, even_erased=True)
    assert (loaded.stage, loaded.erased) == ("notarized", True)
    kinds = {kind for _, kind, _ in asked_of(ledger, loaded)}
    assert kinds == {"delete_records", "delete_mails"}  # the mail about the stage is given up


@pytest.mark.parametrize("reason", ["ann@example.com asked", "", "555 123 4567"])
def test_a_reason_that_may_name_somebody_is_refused_before_anything_happens(
    ledger: Ledger, log: MemoryLog, reason: str
) -> None:
    order = place(ledger)
    with pytest.raises(Invalid):
        erase(ledger, subjects=[order.id], reason=reason)
    assert log.destroyed == set()


def test_what_is_neither_an_order_nor_a_call_is_not_found(ledger: Ledger, log: MemoryLog) -> None:
    order = place(ledger)
    prices = next(event.stream for event in log.events)
    for id in (uuid4(), prices):
        with pytest.raises(SubjectNotFound):
            erase(ledger, subjects=[order.id, id], reason=CAUSE)
    assert log.destroyed == set()


def test_an_order_and_a_call_of_one_person_have_a_digest_in_common(ledger: Ledger) -> None:
    order, lead = place(ledger), called(ledger)
    assert digests(order) & digests(lead)
    assert len(digests(order)) == 2


def test_matched_ones_are_partners_whatever_their_numbers(ledger: Ledger) -> None:
    lead = called(ledger)
    order = place(ledger, "fbi")
    assert list(partners(order)) == [lead.id]
    assert list(partners(ledger.load(CallLead, lead.id))) == [order.id]


def test_the_copies_at_vendors_are_told_by_their_ids(ledger: Ledger) -> None:
    order, lead = place(ledger), called(ledger)
    order.entered_in_crm(module="Embassy_Legalization", record_id="7")
    order.attribution_entered_in_crm(record_id="8")
    assert [(copy.vendor, copy.id) for copy in copies_named([order, lead])] == [
        ("crm", "7"),
        ("crm", "8"),
        ("whatconverts", "204417"),
    ]
    assert next(copies_named([order])) == Copy(vendor="crm", what="Embassy_Legalization", id="7", subject=order.id)


def test_a_call_finds_no_order_that_is_forgotten_while_it_looks(ledger: Ledger) -> None:
    order, lead = place(ledger, "fbi"), called(ledger)
    erase(ledger, subjects=[order.id], reason=CAUSE)
    performers = MatchPerformers(ledger=ledger, find_orders=lambda hashes: [order.id], office=Office())
    [event] = [event for event in ledger.events(lead.id) if isinstance(event, CallLead.CallReceived)]
    effect = Effect.request(event, channel="matching", kind="match_call")
    assert performers.match_call(effect) == Outcome("nothing")


@pytest.mark.parametrize(
    "thing",
    [
        {"id": "ch_1", "metadata": {"order_id": str(UUID(int=1))}},
        {"id": "cs_1", "metadata": None, "client_reference_id": str(UUID(int=1))},
        {"id": "ch_1", "payment_intent": "pi_1"},
        {"id": "pi_1"},
    ],
)
def test_a_message_of_the_payment_provider_is_about_an_order_however_it_is_named(
    ledger: Ledger, thing: dict[str, object]
) -> None:
    order = place(ledger, "fbi")
    order.happened(Order.Paid(session_id="cs_1", payment_intent="pi_1", amount_cents=1, currency="usd"))
    ledger.record(order)
    body = msgspec.json.encode({"type": "charge.updated", "data": {"object": thing}})
    assert payment_concern(ledger, body) == order.id
    erase(ledger, subjects=[order.id], reason=CAUSE)
    with pytest.raises(Erased):
        payment_concern(ledger, body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": {"object": {"id": "ch_9"}}}',
        b'{"data": {"object": {"client_reference_id": "no id", "metadata": [], "payment_intent": {}}}}',
        b'{"data": {"object": []}}',
        b"{}",
        b"no json \xff",
    ],
)
def test_a_message_of_the_payment_provider_may_be_about_nobody_we_know(ledger: Ledger, body: bytes) -> None:
    assert payment_concern(ledger, body) is None
