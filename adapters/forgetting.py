"""Finding everything about a person before it is forgotten, across histories, views, messages and vendors."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from uuid import UUID

import msgspec
from sqlalchemy import select

from adapters.lookups import calls_of_person, orders_of_person
from adapters.marks import Marks, marks_of, marks_typed, speaks_of
from domain.documents.call_lead import CallLead
from domain.documents.erasure import (
    Copy,
    Erasure,
    copies_named,
    digests,
    emails_of,
    erase,
    find_subject,
    partners,
    person_digests,
)
from domain.documents.match_commands import dismiss_suggestions_of
from domain.documents.order import Order
from domain.ledger import Event, Ledger
from domain.shared.effect import Effect, effect_id
from domain.shared.erasure import named_cause
from domain.shared.receipt import Receipt
from projections.across.audit_trail import AUDIT_TRAIL, AuditTrail
from projections.across.effects import DONE, EFFECTS, list_effects
from projections.across.receipts import RECEIPTS, concerning, of_nobody
from projections.beside import forget_rows
from projections.documents.call_leads import CALL_LEADS
from projections.documents.orders import ORDER_DESK
from projections.home import Home
from projections.view import View

VENDORS = {"zoho": "crm", "mail": "mail"}
MOST_EFFECTS = 10_000
FOUND_BY = ORDER_DESK, CALL_LEADS, RECEIPTS
PERHAPS, UNKNOWN = "contact, perhaps", "unknown"

Subject = Order | CallLead


class People(msgspec.Struct, frozen=True, kw_only=True):
    """Who was meant: orders and calls, and messages of nobody's that carry what was typed.

    `others` share a number with them, and may be somebody else's. `unseen` are the views that have set events aside:
    whoever is only in those is not found.
    """

    subjects: tuple[UUID, ...]
    others: tuple[UUID, ...] = ()
    receipts: tuple[UUID, ...] = ()
    unseen: tuple[str, ...] = ()


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

    def find(
        self,
        *,
        emails: Collection[str] = (),
        phones: Collection[str] = (),
        subjects: Collection[UUID] = (),
        everyone: bool = False,
    ) -> People:
        """Who goes by these, as typed: the named `subjects`, whatever has one of the e-mail addresses, and the numbers.

        A number that more than one address goes with finds only what has one of `emails`; all that has it with
        `everyone`. What was found brings along whatever has a number of its own that goes with no other address, and
        calls matched with it. Raises `Invalid`, `SubjectNotFound`, `NotYet`; nothing of what was typed is kept.
        """
        typed = person_digests(self._ledger, emails=emails, phones=phones)
        for view in FOUND_BY:
            self._catch_up(view)
        unseen = tuple(view.name for view in FOUND_BY if self._home.parked(view))
        found: dict[UUID, Subject] = {one.id: one for one in self._living(typed.emails)}
        unsure: dict[UUID, Subject] = {}
        for number in typed.phones:
            there = self._living([number])
            sure = everyone or len(typed.emails.union(*map(emails_of, there))) <= max(1, len(typed.emails))
            for one in there:
                its_own = sure or not emails_of(one).isdisjoint(typed.emails)
                (found if its_own else unsure)[one.id] = one
        found |= {one.id: one for one in self._along_with(list(found.values()))}
        chosen = tuple(dict.fromkeys([*subjects, *found]))
        others = tuple(id for id in unsure if id not in chosen)
        marks = marks_typed(emails=emails, phones=() if others else phones)
        return People(subjects=chosen, others=others, receipts=tuple(self._of_nobody(marks)), unseen=unseen)

    def _living(self, hashes: Iterable[str]) -> list[Subject]:
        wanted = frozenset(hashes)
        ids = [*orders_of_person(self._home, wanted), *calls_of_person(self._home, wanted)] if wanted else []
        return [one for one in (find_subject(self._ledger, id) for id in dict.fromkeys(ids)) if not one.erased]

    def _along_with(self, found: Sequence[Subject]) -> Iterator[Subject]:
        """What has a number that only the addresses of those found go with, and the calls matched with them."""
        addresses = frozenset[str]().union(*map(emails_of, found))
        numbers = frozenset[str]().union(*map(digests, found)) - addresses
        for number in sorted(numbers):
            there = self._living([number])
            if all(emails_of(one) <= addresses for one in there):
                yield from there
        orders = [one for one in found if isinstance(one, Order)]
        for id in dict.fromkeys(id for order in orders for id in partners(order)):
            call = find_subject(self._ledger, id)
            if not call.erased and emails_of(call) <= addresses:
                yield call

    def look(self, subjects: Collection[UUID], *, receipts: Collection[UUID] = ()) -> Found:
        """Everything there is, with these `receipts` as well; changes nothing. Raises `SubjectNotFound`, `NotYet`."""
        for view in (*FOUND_BY, EFFECTS):
            self._catch_up(view)
        chosen = [find_subject(self._ledger, id) for id in dict.fromkeys(subjects)]
        living = [one for one in chosen if not one.erased]
        others = self._others(living)
        return Found(
            orders=tuple(one.id for one in living if isinstance(one, Order)),
            calls=tuple(one.id for one in living if isinstance(one, CallLead)),
            gone=tuple(one.id for one in chosen if one.erased),
            others=tuple(one.id for one in others),
            receipts=tuple(dict.fromkeys([*self._receipts(chosen, others), *receipts])),
            effects=tuple(id for one in living for id in self._ledger.open_effects(one.id)),
            files=sum(len(one.files) for one in living if isinstance(one, Order)),
            copies=tuple(self._copies(chosen)),
        )

    def forget(self, subjects: Collection[UUID], *, reason: str, receipts: Collection[UUID] = ()) -> Erasure:
        """Forget these subjects and all messages about them. Raises `SubjectNotFound`, `Invalid`, `NotYet`.

        Repeated, it does what was left undone: the rows of those who were forgotten before go as well.
        """
        found, cause = self.look(subjects, receipts=receipts), named_cause(reason)
        before = self.gone(found.gone)
        for order_id in found.orders:
            dismiss_suggestions_of(self._ledger, order_id=order_id, reason=cause)
        done = erase(self._ledger, subjects=subjects, receipts=found.receipts, reason=reason)
        keys = dict.fromkeys(str(id) for id in (*subjects, *found.receipts, *before.receipts))
        forget_rows(self._home, self._views, list(keys))
        return done

    def gone(self, subjects: Collection[UUID]) -> Erasure:
        """What went when these were forgotten before, told by the events. Raises `SubjectNotFound`, `NotYet`."""
        before = [one for one in (find_subject(self._ledger, id) for id in dict.fromkeys(subjects)) if one.erased]
        if not before:
            return Erasure()
        self._catch_up(AUDIT_TRAIL)
        endings = [self._ledger.events(one.id)[-1] for one in before]

        def streams(kind: type[Event]) -> tuple[UUID, ...]:
            return tuple(dict.fromkeys(id for ending in endings for id in self._recorded_with(ending, kind)))

        return Erasure(
            orders=tuple(one.id for one in before if isinstance(one, Order)),
            calls=tuple(one.id for one in before if isinstance(one, CallLead)),
            receipts=streams(Receipt.Erased),
            effects=streams(Effect.GivenUp),
            files=sum(len(one.files) for one in before if isinstance(one, Order)),
        )

    def _recorded_with(self, ending: Event, kind: type[Event]) -> Iterator[UUID]:
        """The streams to which this happened in the same act."""
        trail = AuditTrail.live
        act = trail.c.correlation == ending.correlation, trail.c.actor == ending.by, trail.c.at == ending.at
        for row in self._home.rows(select(trail.c.stream).where(*act, trail.c.event == kind.stored_name)):
            yield UUID(row["stream"])

    def _others(self, living: Sequence[Subject]) -> list[Subject]:
        """Those with a phone number or e-mail in common, and those matched with one of them."""
        found = {one.id: one for one in self._living(frozenset().union(*(digests(one) for one in living)))}
        for id in (id for one in living for id in partners(one)):
            found.setdefault(id, find_subject(self._ledger, id))
        known = {one.id for one in living}
        return [one for one in found.values() if one.id not in known and not one.erased]

    def _receipts(self, chosen: Sequence[Subject], others: Sequence[Subject]) -> Iterator[UUID]:
        """The messages known to be about them, and those of nobody's that speak of them and of no one else we know."""
        for row in concerning(self._home, (str(one.id) for one in chosen)):
            yield UUID(row["receipt_id"])
        shared = frozenset().union(*(digests(one) for one in others))
        yield from self._of_nobody(marks_of(chosen, shared=shared))

    def _of_nobody(self, marks: Marks) -> Iterator[UUID]:
        if marks == Marks(words=frozenset(), phones=frozenset(), leads=frozenset()):
            return
        for row in of_nobody(self._home):
            receipt = self._ledger.load(Receipt, UUID(row["receipt_id"]), even_erased=True)
            if not receipt.erased and speaks_of(receipt, marks):
                yield receipt.id

    def _copies(self, chosen: Sequence[Subject]) -> Iterator[Copy]:
        known: set[tuple[str, str]] = set()
        for copy in (*copies_named(chosen), *(copy for one in chosen for copy in self._sent(one.id))):
            if (copy.vendor, copy.id) not in known:
                known.add((copy.vendor, copy.id))
                yield copy
        for id in (one.id for one in chosen if self._contact_perhaps(one.id)):
            yield Copy(vendor="crm", what=PERHAPS, id=UNKNOWN, subject=id)

    def _contact_perhaps(self, subject: UUID) -> bool:
        """Whether a contact was to be made of which no answer has told us the id: nothing leads from here to it."""
        events = self._ledger.events(effect_id(subject, kind="enter_contact"))
        return bool(events) and not any(isinstance(event, Effect.Done) for event in events)

    def _sent(self, subject: UUID) -> Iterator[Copy]:
        """What effects left at vendors; a proof in words is no id."""
        rows = list_effects(self._home, state=DONE, subject=str(subject), limit=MOST_EFFECTS)
        for row in reversed(rows):
            if row["channel"] in VENDORS and row["proof"] and " " not in row["proof"]:
                yield Copy(vendor=VENDORS[row["channel"]], what=row["kind"], id=row["proof"], subject=subject)
