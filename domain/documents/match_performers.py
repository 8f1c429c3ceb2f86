"""A second look for whom a call or an order belongs to, once it is recorded: both may come at the same moment."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from uuid import UUID

from domain.documents.call_lead import CallLead
from domain.documents.matching import hashes_of, open_leads, rival_of, settle_call, take_over
from domain.documents.office import Office
from domain.documents.order import Order
from domain.ledger import Aggregate, Ledger, UnknownStream, present
from domain.sealed import Erased
from domain.shared.effect import Effect, Outcome

MATCHED, SUGGESTED, NOTHING = "matched", "suggested", "nothing"

FindOrders = Callable[[Iterable[str]], Sequence[UUID]]
"""The orders with any of these digests of a phone or e-mail, all that are recorded; raises `NotYet`."""


class MatchPerformers:
    """The internal effects of matching."""

    def __init__(self, *, ledger: Ledger, find_orders: FindOrders, office: Office) -> None:
        self._ledger, self._find_orders, self._window = ledger, find_orders, office.match_window_days

    @property
    def by_kind(self) -> Mapping[tuple[str, str], Callable[[Effect], Outcome]]:
        """(channel, kind) to what carries it out."""
        return {
            ("matching", "match_call"): self.match_call,
            ("later", "match_call_again"): self.match_call,
            ("matching", "match_order"): self.match_order,
        }

    def match_call(self, effect: Effect) -> Outcome:
        """Look for the order of a call."""
        lead = self._ledger.load(CallLead, effect.subject)
        return _outcome(self._settle(lead))

    def match_order(self, effect: Effect) -> Outcome:
        """Look for the call of an order: an open one, or one that an earlier unpaid order has."""
        order = self._ledger.load(Order, effect.subject)
        if order.matched_call is not None or order.phone_hash is None:
            return Outcome(MATCHED if order.matched_call else NOTHING)
        for lead in open_leads(self._ledger, order):
            changed = self._settle(lead)
            if changed:  # each is recorded by itself: two leads may concern one order
                self._ledger.record(*changed)
        order = self._ledger.load(Order, order.id)
        rival = rival_of(order, self._orders([order.phone_hash or ""]))
        if rival is None:
            return Outcome(MATCHED if order.matched_call else NOTHING)
        old, call = rival
        try:
            lead = self._ledger.load(CallLead, call)
        except Erased:
            return Outcome(NOTHING)
        return _outcome(take_over(lead, old, order))

    def _settle(self, lead: CallLead) -> Sequence[Aggregate]:
        orders = self._orders(sorted(hashes_of(lead)))
        return settle_call(lead, orders, now=present(), window_days=self._window)

    def _orders(self, hashes: Sequence[str]) -> list[Order]:
        found: list[Order] = []
        for id in self._find_orders(hashes) if hashes else ():
            try:
                found.append(self._ledger.load(Order, id))
            except (UnknownStream, Erased):
                continue
        return found


def _outcome(changed: Sequence[Aggregate]) -> Outcome:
    lead = next((aggregate for aggregate in changed if isinstance(aggregate, CallLead)), None)
    if lead is None:
        return Outcome(NOTHING)
    return Outcome(MATCHED if lead.match else SUGGESTED, tuple(changed))
