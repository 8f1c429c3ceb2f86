"""Forgetting a customer or caller: what goes, and what only the vendors can delete."""

from collections.abc import Collection, Iterable, Iterator
from typing import Self
from uuid import UUID

import msgspec

from domain.documents.call_lead import CallLead
from domain.documents.matching import hashes_of
from domain.documents.order import Order
from domain.ledger import Conflict, Ledger, UnknownStream
from domain.shared.contact import normal_email
from domain.shared.erasure import erase_all, named_cause
from domain.shared.errors import Invalid, NotFound
from domain.shared.phone import phone_key
from domain.shared.receipt import Receipt

DECISIONS = 5  # how often it is decided anew while effects and messages move on


class SubjectNotFound(NotFound):
    """Neither an order nor a call lead has this id."""


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """Something about the person that a vendor keeps: staff delete it there."""

    vendor: str
    what: str
    id: str
    subject: UUID


class Typed(msgspec.Struct, frozen=True):
    """Digests of addresses and of numbers."""

    emails: frozenset[str] = frozenset()
    phones: tuple[str, ...] = ()


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """What was forgotten now; whatever had been forgotten before is not named again. `files` is how many."""

    orders: tuple[UUID, ...] = ()
    calls: tuple[UUID, ...] = ()
    receipts: tuple[UUID, ...] = ()
    effects: tuple[UUID, ...] = ()
    files: int = 0

    @property
    def subjects(self) -> tuple[UUID, ...]:
        """Everything whose key was destroyed."""
        return (*self.orders, *self.calls, *self.receipts)

    def joined(self, other: Self) -> Self:
        """Both together."""
        return msgspec.structs.replace(
            self,
            orders=(*self.orders, *other.orders),
            calls=(*self.calls, *other.calls),
            receipts=tuple(dict.fromkeys([*self.receipts, *other.receipts])),
            effects=tuple(dict.fromkeys([*self.effects, *other.effects])),
            files=self.files + other.files,
        )


def erase(ledger: Ledger, *, subjects: Collection[UUID], receipts: Collection[UUID] = (), reason: str) -> Erasure:
    """Forget orders and call leads, and the messages of vendors about them, in one transaction.

    Their keys are destroyed, effects that are still open are given up, and the store is asked to remove their files.
    Safe to repeat. Raises `SubjectNotFound`, and `Invalid` for a reason that is no named cause.
    """
    cause = named_cause(reason)
    for _ in range(DECISIONS):
        found = [find_subject(ledger, id) for id in dict.fromkeys(subjects)]
        messages = [ledger.load(Receipt, id, even_erased=True) for id in dict.fromkeys(receipts)]
        leaving = [one for one in (*found, *messages) if not one.erased]
        try:
            effects = erase_all(ledger, leaving, reason=cause)
        except Conflict:
            continue
        return Erasure(
            orders=tuple(one.id for one in leaving if isinstance(one, Order)),
            calls=tuple(one.id for one in leaving if isinstance(one, CallLead)),
            receipts=tuple(one.id for one in leaving if isinstance(one, Receipt)),
            effects=tuple(effect.id for effect in effects),
            files=sum(len(one.files) for one in leaving if isinstance(one, Order)),
        )
    raise Conflict(f"The history moved on {DECISIONS} times in a row.")


def find_subject(ledger: Ledger, id: UUID) -> Order | CallLead:
    """The order or call lead, forgotten or not; raises `SubjectNotFound`."""
    kinds: tuple[type[Order] | type[CallLead], ...] = (Order, CallLead)
    for kind in kinds:
        try:
            return ledger.load(kind, id, even_erased=True)
        except UnknownStream:
            continue
    raise SubjectNotFound


def copies_named(subjects: Iterable[Order | CallLead]) -> Iterator[Copy]:
    """The copies that the histories themselves name: records, payments, calls. What effects sent comes on top."""
    for one in subjects:
        if one.crm_record is not None:
            yield Copy(vendor="crm", what=one.crm_module or "record", id=one.crm_record, subject=one.id)
        if one.crm_attribution is not None:
            yield Copy(vendor="crm", what="attribution", id=one.crm_attribution, subject=one.id)
        if isinstance(one, CallLead):
            for lead_id in one.calls.by_id:
                yield Copy(vendor="whatconverts", what="lead", id=lead_id, subject=one.id)
            continue
        if one.opened is not None:
            yield Copy(vendor="stripe", what="checkout", id=one.opened.session_id, subject=one.id)
        if one.paid is not None and one.paid.payment_intent:
            yield Copy(vendor="stripe", what="payment", id=one.paid.payment_intent, subject=one.id)


def digests(subject: Order | CallLead) -> frozenset[str]:
    """Of its phone numbers and e-mails, by which others of the same person are found."""
    if isinstance(subject, CallLead):
        return hashes_of(subject)
    return frozenset(value for value in (subject.phone_hash, subject.email_hash) if value)


def emails_of(subject: Order | CallLead) -> frozenset[str]:
    """The digests of its e-mail addresses; a caller may have none, or several."""
    if isinstance(subject, Order):
        return frozenset([subject.email_hash] if subject.email_hash else [])
    known = (call.details.email_hash for call in subject.calls.by_id.values())
    return frozenset(value for value in known if value)


def person_digests(ledger: Ledger, *, emails: Collection[str] = (), phones: Collection[str] = ()) -> Typed:
    """What was typed, as orders and calls are found by it. Raises `Invalid`, which does not repeat what was typed."""
    wrong: dict[str, list[str]] = {}
    mailed: set[str] = set()
    for text in emails:
        try:
            # Forms write the domain in lower case, the call tracking leaves an address as it is.
            spellings = {text.strip().casefold(), normal_email(text).casefold()}
        except ValueError as error:
            wrong["email"] = [str(error)]
        else:
            mailed |= {ledger.blind(f"email:{spelling}") for spelling in spellings}
    keys = [phone_key(text) for text in phones]
    if None in keys:
        wrong["phone"] = ["A number is found by its last ten digits."]
    if wrong:
        raise Invalid(wrong)
    return Typed(frozenset(mailed), tuple(dict.fromkeys(ledger.blind(f"phone:{key}") for key in keys)))


def partners(subject: Order | CallLead) -> Iterator[UUID]:
    """Those that were matched with it, whatever numbers they know."""
    if isinstance(subject, CallLead):
        yield from [subject.match.order_id] if subject.match else []
    else:
        yield from (*([subject.matched_call] if subject.matched_call else []), *subject.linked_calls)
