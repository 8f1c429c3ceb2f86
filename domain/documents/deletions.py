"""How the copies that vendors keep of a forgotten customer or caller are deleted, through ports."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from domain.documents import call_events, order_facts
from domain.documents.call_crm import module_of_call
from domain.documents.call_lead import CallLead
from domain.documents.crm import module_of
from domain.documents.erasure import find_subject
from domain.documents.office import Office
from domain.documents.order import Order
from domain.ledger import Ledger, present
from domain.shared.effect import Effect, NotYet, Outcome, effect_id
from domain.shared.payments import Payments
from domain.shared.ports import CannotDelete, Crm, Mailer

NOT_POSSIBLE = "not possible"
NONE = "nothing there"
UNDER_WAY = timedelta(seconds=60)  # as long as a lease: what was in hand when the person was forgotten has ended

Record = tuple[str, str]
"""Module and id."""


class Uses(Protocol):
    """Who else goes by a record, and what was sent; all raise `NotYet` while the views are behind."""

    def record_in_use(self, module: str, record_id: str) -> bool:
        """Whether it is the record of an order or call that is not forgotten."""

    def contact_in_use(self, record_id: str) -> bool:
        """Whether it is the contact of an order that is not forgotten."""

    def was_cut_short(self, subject: UUID) -> bool:
        """Whether something was still to be written into the CRM when the subject was forgotten."""

    def mails_of(self, subject: UUID) -> Sequence[tuple[str, str | None]]:
        """Key and provider's id of every mail that was or may have been sent for an order."""


class Deletions:
    """What is left to do at vendors when somebody is forgotten. Each may be repeated: what is gone is gone."""

    def __init__(
        self, *, ledger: Ledger, crm: Crm, mailer: Mailer, payments: Payments, office: Office, uses: Uses
    ) -> None:
        self._ledger, self._crm, self._mailer, self._payments = ledger, crm, mailer, payments
        self._office, self._uses = office, uses

    @property
    def by_kind(self) -> Mapping[tuple[str, str], Callable[[Effect], Outcome]]:
        """(channel, kind) to what carries it out."""
        return {
            ("zoho", "delete_records"): self.delete_records,
            ("mail", "delete_mails"): self.delete_mails,
            ("stripe", "redact_payments"): self.redact_payments,
        }

    def delete_records(self, effect: Effect) -> Outcome:
        """Delete every record that was ever made for it, but for those that somebody else's order or call goes by.

        Another runner may be making one while the subject is forgotten: then it waits. Raises `NotYet`.
        """
        over = effect.requested.at + UNDER_WAY
        if present() < over and self._uses.was_cut_short(effect.subject):
            raise NotYet("a record may be on its way", until=over)
        subject = find_subject(self._ledger, effect.subject)
        found = dict.fromkeys([*self._named(subject), *self._unnamed(subject)])
        kept = {record for record in found if self._uses.record_in_use(*record)}
        contact = self._contact(subject)
        if contact is not None:
            found[contact] = None
            kept |= {contact} if self._uses.contact_in_use(contact[1]) else set()
        for module, record_id in found:
            if (module, record_id) not in kept:
                self._crm.delete(module, record_id)
        told = [f"{len(found) - len(kept)} deleted", *([f"{len(kept)} kept for others"] if kept else [])]
        return Outcome(", ".join(told) if found else NONE)

    def _named(self, subject: Order | CallLead) -> Iterator[Record]:
        """The records that its history names, those it has left behind among them."""
        for event in self._ledger.events(subject.id):
            match event:
                case (
                    order_facts.TakenInCrm(module=module, record_id=record_id)
                    | order_facts.EnteredInCrm(module=module, record_id=record_id)
                    | call_events.EnteredInCrm(module=module, record_id=record_id)
                    | call_events.TwoRecordsFound(module=module, calls=record_id)
                ):
                    yield module, record_id
                case (
                    order_facts.AttributionEnteredInCrm(record_id=record_id)
                    | call_events.AttributionEnteredInCrm(record_id=record_id)
                ):
                    yield self._office.attribution_module, record_id

    def _unnamed(self, subject: Order | CallLead) -> Iterator[Record]:
        """Records made while it was being forgotten: no answer of the CRM's has told us of them."""
        office = self._office
        module = module_of(subject, office) if isinstance(subject, Order) else module_of_call(subject, office)
        for place in (module.name, self._office.attribution_module):
            made = self._crm.find(place, self._office.ledger_field, str(subject.id))
            if made is not None:
                yield place, made.id

    def _contact(self, subject: Order | CallLead) -> Record | None:
        events = self._ledger.events(effect_id(subject.id, kind="enter_contact"))
        ids = [event.proof for event in events if isinstance(event, Effect.Done)]
        return (self._office.contact_module, ids[-1]) if ids else None

    def delete_mails(self, effect: Effect) -> Outcome:
        """Delete the copies of all mails that were sent for an order, to the office too."""
        mails = self._uses.mails_of(effect.subject)
        return _unless_impossible(lambda: [self._mailer.delete(key=key, id=id) for key, id in mails], "deleted")

    def redact_payments(self, effect: Effect) -> Outcome:
        """Take the customer's address out of the provider's checkouts."""
        return _unless_impossible(lambda: [self._payments.redact(str(effect.subject))], "asked for")


def _unless_impossible(ask: Callable[[], Sequence[str]], done: str) -> Outcome:
    """A vendor that cannot is no failure to be rung again: the receipt says what is left to do by hand."""
    try:
        answers = ask()
    except CannotDelete as no:
        return Outcome(f"{NOT_POSSIBLE}: {no.reason}")
    return Outcome(f"{len(answers)} {done}" if answers else NONE)
