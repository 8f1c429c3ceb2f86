"""The auditor of a ledger: what was answered against what is on the log, in every view, and on the list of effects."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from adapters.wiring import Services
from domain.documents.call_events import lead_claim
from domain.documents.order import Order
from domain.documents.order_facts import request_claim
from domain.documents.stages import first_stage
from domain.shared.effect import effect_id
from domain.shared.receipt import receipt_id
from projections.view import View
from tests.faults.extract import Extract
from web.documents.placing import request_digest

Fact = Mapping[str, Any]
MOST_SHOWN = 5
PAGE = 10_000


class Findings:
    """What does not hold, in sentences, each with a few examples."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def none(self, what: str, found: Iterable[object]) -> None:
        """There should be none of these."""
        if shown := [str(one) for one in found]:
            more = f" and {len(shown) - MOST_SHOWN} more" if len(shown) > MOST_SHOWN else ""
            self.sentences.append(f"{what}: {len(shown)}: {', '.join(shown[:MOST_SHOWN])}{more}")

    def same(self, what: str, have: Iterable[object], want: Iterable[object]) -> None:
        """Both hold the same things, each as often."""
        there, wanted = Counter(iter(have)), Counter(iter(want))
        self.none(f"{what}, missing", wanted - there)
        self.none(f"{what}, too many", there - wanted)


def audit_log(services: Services, found: Findings) -> int:
    """Positions are 1 to the last without gaps; how many there are."""
    expected = 0
    while rows := services.log.read(expected, PAGE):
        for position, _, _ in rows:
            expected += 1
            if position != expected:
                found.sentences.append(f"position {position} follows {expected - 1}")
                return expected
    return expected


def audit_answers(facts: Sequence[Fact], found: Findings) -> None:
    """Whoever was refused had to be, and a repeat was answered as the first time."""
    found.none("answers that were not expected", (fact for fact in facts if fact.get("status") != fact.get("expected")))
    found.none("answers that contradict each other", (fact for fact in facts if fact["what"] == "contradiction"))


def audit_orders(services: Services, ledger: Extract, facts: Sequence[Fact], found: Findings) -> None:
    """Every answered order is placed once under its key and with what was answered; nothing else is."""
    answered = {request_digest(fact["path"], fact["key"]): fact for fact in facts if fact["what"] == "order"}
    found.same("orders by idempotency key", ledger.placed.elements(), answered)
    known = {digest: services.ledger.owner(request_claim(digest)) for digest in answered}
    others = (fact["key"] for digest, fact in answered.items() if str(known[digest]) != fact["order_id"])
    found.none("keys whose order is another than was answered", others)
    orders = ((services.ledger.load(Order, id), answered[digest]) for digest, id in known.items() if id is not None)
    found.none(
        "orders that are not as they were answered", (order.id for order, fact in orders if _differs(order, fact))
    )


def _differs(order: Order, fact: Fact) -> bool:
    return fact["tracking_id"] not in (None, order.tracking_id) or len(order.files) != fact["files"]


def audit_receipts(ledger: Extract, facts: Sequence[Fact], found: Findings) -> None:
    """Every answered message is stored once and judged as it was told; nothing else is stored."""
    told = {receipt_id(fact["source"], fact["vendor_id"]): fact for fact in facts if fact["what"] == "receipt"}
    found.same("messages by vendor id", ledger.arrived.elements(), told)
    found.none("messages without a verdict", told.keys() - ledger.verdicts.keys())
    words = ((id, ledger.verdicts.get(id), fact["word"]) for id, fact in told.items())
    found.none(
        "verdicts other than told", (id for id, is_now, was in words if was not in ("repeat", "waiting", is_now))
    )


def audit_payments(ledger: Extract, facts: Sequence[Fact], found: Findings) -> None:
    """What Stripe told of payments and refunds is on its order once."""
    paid = [(fact["paid"], fact["session"]) for fact in facts if "paid" in fact]
    found.same("payments", ((str(order), session) for order, session in ledger.paid), paid)
    refunded = [fact["refunded"] for fact in facts if "refunded" in fact]
    found.same("refunds", map(str, ledger.refunded), refunded)


def audit_stages(ledger: Extract, facts: Sequence[Fact], found: Findings) -> None:
    """Every stage the CRM told is reached once, in the order told."""
    told = [(fact["moved"], fact["stage"]) for fact in facts if "moved" in fact]
    firsts = {first_stage(service).code for service in ledger.services}
    reached = [(str(order), stage) for order, stage in ledger.stages if stage not in firsts]
    found.same("stages", reached, told)
    last = dict(told)
    found.none(
        "orders whose last stage is not the one told last", (o for o, s in dict(reached).items() if last[o] != s)
    )


def audit_calls(services: Services, facts: Sequence[Fact], found: Findings) -> None:
    """Every call has the lead that was answered."""
    told = [(fact["lead_id"], fact["lead"]) for fact in facts if fact.get("lead")]
    leads = ((id, lead) for id, lead in told if str(services.ledger.owner(lead_claim(str(id)))) != lead)
    found.none("calls with another lead than was answered", leads)


def audit_effects(services: Services, ledger: Extract, found: Findings) -> None:
    """Every effect that was asked for is done, once; the list of open ones is empty; the expected mails were asked."""
    found.same("effects done", ledger.done.elements(), ledger.requested)
    open_now = services.log.open_work()[0]
    found.none("open effects", [open_now] if open_now else [])
    wanted = ((order, kind) for order, kinds in ledger.mails_wanted() for kind in kinds)
    missing = (f"{kind} of {order}" for order, kind in wanted if effect_id(order, kind=kind) not in ledger.proofs)
    found.none("mails nobody was sent", missing)


def audit_views(services: Services, found: Findings) -> None:
    """No view has parked anything, and each is what a rebuild makes of the log."""
    found.none("parked events", (row["position"] for row in services.home.parked()))
    last = services.log.last_position()
    found.none("views that are behind", (name for name, at in services.positions().items() if at != last))
    for view in services.views:
        before = _digests(services, view)
        services.rebuild(view)
        after = _digests(services, view)
        changed = sorted({key for key, _ in before.items() ^ after.items()})
        found.none(f"rows of {view.name} that a rebuild changes", changed)


def _digests(services: Services, view: View) -> dict[str, bytes]:
    """Every row's digest by its key, read without keeping the rows."""
    query = view.live.select()
    keys = [view.live.c.keys().index(column.name) for column in view.live.primary_key.columns]
    with services.home.engine.connect().execution_options(stream_results=True, writes=False) as connection:
        rows = connection.execute(query).yield_per(1000)
        return {"/".join(str(row[key]) for key in keys): sha256(repr(tuple(row)).encode()).digest() for row in rows}
