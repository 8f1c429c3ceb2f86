"""Finding everything about a person before it is forgotten, across histories, views, messages and vendors."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from uuid import UUID

import msgspec
from sqlalchemy import delete, inspect

from adapters.lookups import calls_of_person, orders_of_person
from adapters.marks import marks_of, speaks_of
from domain.documents.call_lead import CallLead
from domain.documents.erasure import Copy, Erasure, copies_named, digests, erase, find_subject, partners
from domain.documents.match_commands import dismiss_suggestions_of
from domain.documents.order import Order
from domain.ledger import Ledger
from domain.shared.erasure import named_cause
from domain.shared.receipt import Receipt
from projections.across.effects import DONE, EFFECTS, list_effects
from projections.across.receipts import RECEIPTS, concerning, of_nobody
from projections.documents.call_leads import CALL_LEADS
from projections.documents.orders import ORDER_DESK
from projections.home import OLD, Home
from projections.view import RowView, View

VENDORS = {"zoho": "crm", "mail": "mail"}
MOST_EFFECTS = 10_000


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What would go with these subjects, what else may be the same person's, and what vendors keep.

    `effects` are those still open, `files` is how many; a subject that was forgotten before brings only `copies`.
    """

    orders: tuple[UUID, ...]
    calls: tuple[UUID, ...]
    gone: tuple[UUID, ...]
    others: tuple[UUID, ...]
    receipts: tuple[UUID, ...]
    effects: tuple[UUID, ...]
    files: int
    copies: tuple[Copy, ...]


class Forgetting:
    """`catch_up` brings a view to the newest event; it raises `NotYet` when that takes too long."""

    def __init__(self, ledger: Ledger, home: Home, views: Sequence[View], *, catch_up: Callable[[View], None]) -> None:
        self._ledger, self._home, self._views, self._catch_up = ledger, home, views, catch_up

    def look(self, subjects: Collection[UUID]) -> Found:
        """Everything there is; changes nothing. Raises `SubjectNotFound`, `NotYet`."""
        for view in (ORDER_DESK, CALL_LEADS, RECEIPTS, EFFECTS):
            self._catch_up(view)
        chosen = [find_subject(self._ledger, id) for id in dict.fromkeys(subjects)]
        living = [one for one in chosen if not one.erased]
        others = self._others(living)
        return Found(
            orders=tuple(one.id for one in living if isinstance(one, Order)),
            calls=tuple(one.id for one in living if isinstance(one, CallLead)),
            gone=tuple(one.id for one in chosen if one.erased),
            others=tuple(one.id for one in others),
            receipts=tuple(self._receipts(chosen, others)),
            effects=tuple(id for one in living for id in self._ledger.open_effects(one.id)),
            files=sum(len(one.files) for one in living if isinstance(one, Order)),
            copies=tuple(self._copies(chosen)),
        )

    def forget(self, subjects: Collection[UUID], *, reason: str) -> Erasure:
        """Forget these subjects and all messages about them. Raises `SubjectNotFound`, `Invalid`, `NotYet`."""
        found, cause = self.look(subjects), named_cause(reason)
        for order_id in found.orders:
            dismiss_suggestions_of(self._ledger, order_id=order_id, reason=cause)
        done = erase(self._ledger, subjects=subjects, receipts=found.receipts, reason=reason)
        self._forget_old_rows([*done.orders, *done.calls, *done.receipts])
        return done

    def _others(self, living: Sequence[Order | CallLead]) -> list[Order | CallLead]:
        """Those with a phone number or e-mail in common, and those matched with one of them."""
        hashes = frozenset().union(*(digests(one) for one in living))
        found = [*orders_of_person(self._home, hashes), *calls_of_person(self._home, hashes)] if hashes else []
        found += [id for one in living for id in partners(one)]
        known = {one.id for one in living}
        others = [find_subject(self._ledger, id) for id in dict.fromkeys(found) if id not in known]
        return [one for one in others if not one.erased]

    def _receipts(self, chosen: Sequence[Order | CallLead], others: Sequence[Order | CallLead]) -> Iterator[UUID]:
        """The messages known to be about them, and those of nobody's that speak of them and of no one else we know."""
        for row in concerning(self._home, (str(one.id) for one in chosen)):
            yield UUID(row["receipt_id"])
        shared = frozenset().union(*(digests(one) for one in others))
        marks = marks_of(chosen, shared=shared)
        for row in of_nobody(self._home):
            receipt = self._ledger.load(Receipt, UUID(row["receipt_id"]), even_erased=True)
            if not receipt.erased and speaks_of(receipt, marks):
                yield receipt.id

    def _copies(self, chosen: Sequence[Order | CallLead]) -> Iterator[Copy]:
        known: set[tuple[str, str]] = set()
        for copy in (*copies_named(chosen), *(copy for one in chosen for copy in self._sent(one.id))):
            if (copy.vendor, copy.id) not in known:
                known.add((copy.vendor, copy.id))
                yield copy

    def _sent(self, subject: UUID) -> Iterator[Copy]:
        """What effects left at vendors; a proof in words is no id."""
        rows = list_effects(self._home, state=DONE, subject=str(subject), limit=MOST_EFFECTS)
        for row in reversed(rows):
            if row["channel"] in VENDORS and row["proof"] and " " not in row["proof"]:
                yield Copy(vendor=VENDORS[row["channel"]], what=row["kind"], id=row["proof"], subject=subject)

    def _forget_old_rows(self, ids: Iterable[UUID]) -> None:
        """Tables that a rebuild has replaced are kept for a way back; there is none for a forgotten person."""
        gone = [str(id) for id in ids]
        with self._home.engine.begin() as connection:
            self._home.lock(connection)
            there = set(inspect(connection).get_table_names())
            for view in self._views:
                old = view.table(OLD)
                if isinstance(view, RowView) and old.name in there:
                    connection.execute(delete(old).where(old.c[view.key_column].in_(gone)))
