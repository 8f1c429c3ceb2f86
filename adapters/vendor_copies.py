"""What deleting at vendors leans on: who else goes by a record of the CRM, and which mails were sent."""

from collections.abc import Callable, Sequence
from uuid import UUID

from sqlalchemy import select

from domain.documents.order_facts import crm_record_claim
from domain.ledger import Ledger
from domain.shared.erasure import ERASED
from projections.across.effects import EFFECTS, Effects
from projections.documents.call_leads import CALL_LEADS, find_call_of_record
from projections.home import Home
from projections.view import View

MAIL, CRM = "mail", "zoho"


class VendorCopies:
    """Looks in views, once `catch_up` has brought them to the newest event; that raises `NotYet`."""

    def __init__(self, ledger: Ledger, home: Home, *, catch_up: Callable[[View], None]) -> None:
        self._ledger, self._home, self._catch_up = ledger, home, catch_up

    def record_in_use(self, module: str, record_id: str) -> bool:
        """Whether it is the record of an order or call that is not forgotten.

        A record that an order has claimed goes with that order: a call that shares it gets one of its own.
        """
        owner = self._ledger.owner(crm_record_claim(module, record_id))
        if owner is not None:
            return not self._ledger.is_erased(owner)
        self._catch_up(CALL_LEADS)
        return find_call_of_record(self._home, record_id) is not None

    def contact_in_use(self, record_id: str) -> bool:
        """Whether it is the contact of an order that is not forgotten."""
        self._catch_up(EFFECTS)
        effects = Effects.live
        entered = effects.c.kind == "enter_contact", effects.c.proof == record_id
        rows = self._home.rows(select(effects.c.subject).where(*entered))
        return any(not self._ledger.is_erased(UUID(row["subject"])) for row in rows)

    def was_cut_short(self, subject: UUID) -> bool:
        """Whether something was still to be written into the CRM when the subject was forgotten."""
        self._catch_up(EFFECTS)
        effects = Effects.live
        open_then = effects.c.subject == str(subject), effects.c.channel == CRM, effects.c.state == ERASED
        return self._home.row(select(effects.c.effect_id).where(*open_then)) is not None

    def mails_of(self, subject: UUID) -> Sequence[tuple[str, str | None]]:
        """Key and provider's id of every mail that was or may have been sent for an order."""
        self._catch_up(EFFECTS)
        effects = Effects.live
        mails = effects.c.subject == str(subject), effects.c.channel == MAIL, effects.c.kind != "delete_mails"
        rows = self._home.rows(select(effects.c.effect_id, effects.c.proof).where(*mails))
        return [(row["effect_id"], row["proof"]) for row in rows]
