"""What of an event or a row may leave the ledger: everything but personal data, or that too when it was asked for."""

from collections.abc import Callable
from typing import Any

import msgspec

from domain.ledger import ENVELOPE, Event
from domain.sealed import Erased, Sealed
from projections.travel import TOKEN

LEFT_OUT = "(left out)"
SHORTEST_TOKEN = 76  # two ids and three dots; looking for a token in every word would cost more than all the rest

# Not personal by themselves, but each leads to somebody: digests of what they wrote, names of their clicks and pages,
# and what a vendor knows them or theirs by.
WITHHELD = frozenset(
    {
        "phone_hash", "email_hash", "fingerprint", "request", "digest", "sha256", "key", "taken", "freed", "introduces",
        "tracking_id", "ip_address", "zip", "headers", "gclid", "fbclid", "msclkid", "gbraid", "wbraid",
        "record_id", "crm_record", "crm_attribution", "zoho_lead_id", "zoho_attribution_id",
        "payment_intent", "charge_id", "vendor_id", "wire_id", "proof", "waiting_for",
    }
)  # fmt: skip

Reveal = Callable[[str, Any], Any]


class Hiding:
    """Turns values into plain ones: sealed and withheld ones are left out, or opened and kept with `reveal`.

    What is left out keeps its type, so that an event can be read from its plain form again. What is erased is None.
    """

    def __init__(self, reveal: Reveal | None = None, *, withheld: frozenset[str] = WITHHELD) -> None:
        self._reveal = reveal
        self.withheld = withheld if reveal is None else frozenset[str]()

    def event(self, event: Event) -> dict[str, Any]:
        """The event's own fields, without the envelope, as JSON would hold them."""
        fields: dict[str, Any] = msgspec.to_builtins(event, enc_hook=self._sealed)
        return {name: self._named(name, value) for name, value in fields.items() if name not in ENVELOPE}

    def value(self, value: Any) -> Any:
        """A value of a view's row; a token of a sealed value counts as that."""
        if isinstance(value, str):
            if len(value) < SHORTEST_TOKEN or not TOKEN.fullmatch(value):
                return value
            return self._opened(lambda reveal: msgspec.to_builtins(reveal(value, Any)))
        if isinstance(value, dict):
            return {name: self._named(name, held) for name, held in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(held) for held in value]
        return value

    def _named(self, name: str, value: Any) -> Any:
        return _blank(value) if name in self.withheld else self.value(value)

    def _sealed(self, value: Any) -> Any:
        if not isinstance(value, Sealed):
            raise TypeError(f"An event cannot carry a {type(value).__name__}.")
        return self._opened(lambda reveal: msgspec.to_builtins(value.open()))

    def _opened(self, opening: Callable[[Reveal], Any]) -> Any:
        if self._reveal is None:
            return LEFT_OUT
        try:
            return opening(self._reveal)
        except Erased:
            return None


def _blank(value: Any) -> Any:
    match value:
        case str():
            return LEFT_OUT
        case list() | tuple():
            return []
        case dict():
            return {}
    return value
