"""Money given back: of the payment that counts, or of one that never did."""

from domain.documents import order_facts as facts
from domain.documents.order import Order
from domain.shared.payments import StripeEvent
from domain.shared.receipt import Verdict


def judge_refund(order: Order, event: StripeEvent) -> Verdict | None:
    """What a refund means for the order; None while the payment it gives back is not known to count."""
    charge = event.object
    total, intent = charge.get("amount_refunded") or 0, charge.get("payment_intent")
    whole = bool(charge.get("refunded"))
    odd = _odd_payment(order, intent)
    if odd is not None:
        return _returned(order, odd, event, total=total, whole=whole)
    if order.paid is None:
        return None
    if intent not in (None, order.paid.payment_intent) and order.paid.payment_intent:
        return Verdict("ignored", "other_payment")
    if total <= order.refunded_cents:
        return Verdict("ignored", "no_change")
    full = whole or total >= order.paid.amount_cents
    order.happened(
        facts.Refunded(charge_id=charge["id"], refunded_cents_total=total, full=full, happened_at=event.created)
    )
    return Verdict("acted_on", changed=(order,))


def _odd_payment(order: Order, intent: str | None) -> facts.PaymentMismatched | facts.PaidAgain | None:
    """The payment of this intent, if it is one that does not count."""
    counts = order.paid.session_id if order.paid else None
    odd = (odd for odd in order.odd_payments.values() if odd.session_id != counts)
    return next((one for one in odd if intent is not None and one.payment_intent == intent), None)


def _returned(
    order: Order, odd: facts.PaymentMismatched | facts.PaidAgain, event: StripeEvent, *, total: int, whole: bool
) -> Verdict | None:
    """Only the whole of it ends the matter; a part waits, since the payment may still be accepted."""
    second = isinstance(odd, facts.PaidAgain)
    got = odd.amount_cents if isinstance(odd, facts.PaidAgain) else odd.got_cents
    if odd.session_id in order.returned_sessions:
        return Verdict("ignored", "no_change")
    if not whole and total < got:
        return None if order.paid is None else Verdict("ignored", "returned_in_part")
    order.happened(
        facts.PaymentReturned(
            session_id=odd.session_id,
            charge_id=event.object["id"],
            returned_cents=total,
            second=second,
            happened_at=event.created,
        )
    )
    return Verdict("acted_on", changed=(order,))
