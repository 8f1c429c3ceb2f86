"""Forgetting a person: their key goes, and all that was sealed under it; what is left of the history names nobody."""

import re
from collections.abc import Iterable, Sequence
from uuid import UUID

from domain.ledger import Aggregate, Event, Ledger
from domain.shared.effect import Effect
from domain.shared.errors import Invalid

ERASED = "erased"
"""The cause for which effects of a forgotten person are given up, and messages about them ignored."""
LONGEST_REASON = 60
NOT_A_CAUSE = "A few words that name nobody, without digits or addresses, such as: asked by customer."


class Forgotten(Event, frozen=True, kw_only=True):
    """`reason` is a named cause, never personal data."""

    reason: str

    def destroys(self) -> Sequence[UUID]:
        return (self.stream,)


class Forgettable(Aggregate):
    """Something of a person's, with an event `Erased` of its own; nothing happens to it after that."""

    def erase(self, *, reason: str) -> None:
        """Forget the person, once."""
        if not self.erased:
            self.happened(self.farewell(reason))

    def farewell(self, reason: str) -> Forgotten:
        """The event that ends it."""
        [ending] = (event for event in self.events if issubclass(event, Forgotten))
        return ending(reason=reason)


def named_cause(text: str) -> str:
    """A reason as it may be kept: words of plain letters joined by underscores. Raises `Invalid`."""
    cause = "_".join(text.casefold().replace("_", " ").split())
    if len(cause) > LONGEST_REASON or not re.fullmatch(r"[a-z]+(_[a-z]+)*", cause):
        raise Invalid({"reason": [NOT_A_CAUSE]})
    return cause


def erase_all(ledger: Ledger, aggregates: Iterable[Forgettable], *, reason: str) -> list[Effect]:
    """Forget all of these in one transaction; returns the effects that are given up with them.

    Those forgotten before are passed over. Raises `Conflict` when one of them has moved on: load and decide again.
    """
    leaving = [aggregate for aggregate in aggregates if not aggregate.erased]
    unsettled = [ledger.load(Effect, id) for aggregate in leaving for id in ledger.open_effects(aggregate.id)]
    for effect in unsettled:
        effect.give_up(reason=ERASED)
    for aggregate in leaving:
        aggregate.erase(reason=reason)
    ledger.record(*unsettled, *leaving)
    return unsettled
