"""What a message of the CRM is judged by: what is being entered there just now, and whose a record is."""

from collections.abc import Callable
from uuid import UUID

from domain.documents.catalogue import Kind
from domain.ledger import Ledger
from domain.shared.effect import Effect
from projections.documents.call_leads import CALL_LEADS, calls_without_record, find_call_of_record
from projections.documents.orders import ORDER_DESK, orders_without_record
from projections.home import Home
from projections.view import View

ENTRIES = frozenset({"enter_order", "enter_call"})


class CrmLookups:
    """Looks in views, once `catch_up` has brought them to the newest event; that raises `NotYet`."""

    def __init__(self, ledger: Ledger, home: Home, *, catch_up: Callable[[View], None]) -> None:
        self._ledger, self._home, self._catch_up = ledger, home, catch_up

    def entry_under_way(self, kind: Kind, phone_hash: str | None, email_hash: str | None) -> bool:
        """Whether an order or call of this person is being entered in the CRM just now; raises `NotYet`."""
        self._catch_up(ORDER_DESK)
        self._catch_up(CALL_LEADS)
        home = self._home
        orders = orders_without_record(home, kind=kind.code, phone_hash=phone_hash, email_hash=email_hash)
        calls = calls_without_record(home, service=kind.code, phone_hash=phone_hash, email_hash=email_hash)
        return any(self._being_entered(id) for id in (*orders, *calls))

    def call_of_record(self, record_id: str) -> UUID | None:
        """The call lead whose record of the CRM this is; raises `NotYet`."""
        self._catch_up(CALL_LEADS)
        return find_call_of_record(self._home, record_id)

    def _being_entered(self, subject: UUID) -> bool:
        open_effects = (self._ledger.load(Effect, id) for id in self._ledger.open_effects(subject))
        return any(effect.requested.kind in ENTRIES for effect in open_effects)
