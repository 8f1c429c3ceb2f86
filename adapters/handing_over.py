"""Everything that is kept of a person, opened and made readable for them; what is somebody else's is left out."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from email import message_from_string
from email.message import Message
from email.policy import default
from typing import Any
from uuid import UUID

import msgspec

from adapters.forgetting import Found
from domain.documents.call_facts import call_attribution, caller
from domain.documents.call_lead import CallLead
from domain.documents.erasure import find_subject
from domain.documents.files import file_key
from domain.documents.order import Order
from domain.ledger import ENVELOPE, Event, Ledger
from domain.sealed import Erased, Sealed
from domain.shared.effect import Effect
from domain.shared.receipt import Receipt
from domain.shared.travel import Hidden, plain, state_of
from projections.across.audit_trail import trail_of
from projections.home import Home

FOUND_BY = {"phone_hash", "email_hash", "request", "fingerprint", "held", "taken", "freed", "introduces", "key"}
OURS = frozenset({*FOUND_BY, "told", "bare", "confirmed"})
"""Fields by which the ledger finds things again, and how new a message was: they tell a person nothing."""
STAFF_FIELDS = frozenset({"crm_fields", "custom"})
STAFF_SOURCES = ("zoho",)
LEFT_OUT, GONE = "(left out: written by our staff, or somebody else's)", "(erased)"


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail as it was sent, or would be; `text` is all of it."""

    effect: UUID
    subject: str
    date: str
    text: str


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A message that a vendor sent about the person; no body where staff wrote it."""

    id: UUID
    source: str
    vendor_id: str
    arrived_at: datetime
    verdict: str | None
    body: bytes | None


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """A file that the person sent, and where the store keeps it."""

    order: UUID
    name: str
    key: str


class Dossier(msgspec.Struct, frozen=True, kw_only=True):
    """What is handed over: states and histories as plain values by the subject's id."""

    orders: Mapping[UUID, Mapping[str, Any]]
    calls: Mapping[UUID, Mapping[str, Any]]
    histories: Mapping[UUID, Sequence[Mapping[str, Any]]]
    messages: Sequence[Told]
    mails: Sequence[Mail]
    uploads: Sequence[Upload]
    copies: Sequence[Mapping[str, str]]
    forgotten: Mapping[UUID, datetime]


class HandingOver:
    """Gathers what was `found`. What only staff wrote is put in `with_staff`; `office` is where their mail goes."""

    def __init__(self, ledger: Ledger, home: Home, *, office: str, with_staff: bool = False) -> None:
        self._ledger, self._home, self._office, self._with_staff = ledger, home, office, with_staff

    def gather(self, found: Found) -> Dossier:
        """Open it all; changes nothing."""
        living = {*found.orders, *found.calls}
        effects = [effect for id in (*found.orders, *found.calls) for effect in self._effects(id)]
        streams = [*found.orders, *found.calls, *found.receipts, *(effect.id for effect in effects)]
        return Dossier(
            orders={id: self._state(id, living) for id in found.orders},
            calls={id: self._state(id, living) for id in found.calls},
            histories={id: self._history(id, {*living, *found.receipts}) for id in streams},
            messages=[told for id in found.receipts if (told := self._told(id))],
            mails=[mail for effect in effects if effect.channel == "mail" and (mail := self._mail(effect))],
            uploads=[upload for id in found.orders for upload in self._uploads(id)],
            copies=[
                {"kept by": copy.vendor, "what": copy.what, "id": copy.id}
                for copy in found.copies
                if copy.subject in living
            ],
            forgotten={id: self._ledger.events(id)[-1].at for id in found.gone},
        )

    def _effects(self, subject: UUID) -> Iterator[Effect]:
        """What was asked of vendors for a subject, in the order it was asked."""
        asked = {row["stream"]: None for row in trail_of(self._home, str(subject)) if row["stream"] != str(subject)}
        for stream in asked:
            events = self._ledger.events(UUID(stream))
            if events and isinstance(events[0], Effect.Requested):
                yield Effect.of(UUID(stream), events)

    def _state(self, id: UUID, whose: Collection[UUID]) -> Mapping[str, Any]:
        subject = find_subject(self._ledger, id)
        state = {name: value for name, value in state_of(subject).items() if name != "erased"}
        if isinstance(subject, Order):
            state["kind"] = subject.kind.long_label
        if isinstance(subject, CallLead):
            heard = subject.calls.shown()  # as it was told on the telephone, not as it was typed with an order
            attribution, links = call_attribution(heard)
            said = {"contact": caller(heard.words), "attribution": attribution, "links": links}
            state |= {name: plain(value) for name, value in said.items()}
        return self._own(state, whose)

    def _history(self, stream: UUID, whose: Collection[UUID]) -> Sequence[Mapping[str, Any]]:
        return [self._line(event, whose) for event in self._ledger.events(stream)]

    def _line(self, event: Event, whose: Collection[UUID]) -> Mapping[str, Any]:
        """One event; of staff who did something only that it was staff."""
        own = {name: plain(getattr(event, name)) for name in event.__struct_fields__ if name not in ENVELOPE}
        if isinstance(event, Effect.Prepared | Receipt.Arrived):  # it lies beside the histories, as a file
            own = {name: value for name, value in own.items() if not isinstance(value, Hidden)}
        if type(event).__name__ == "CrmFieldsNoted" and not self._with_staff:
            own = {"fields": LEFT_OUT}
        return {
            "what": event.stored_name,
            "recorded at": event.at,
            "happened at": event.happened_at,
            "by": event.by.partition(":")[0],
            "via": event.via,
            **self._own(own, whose),
        }

    def _own(self, fields: Mapping[str, Any], whose: Collection[UUID]) -> dict[str, Any]:
        """The fields that tell the person something, what is sealed opened if it is theirs."""
        kept: dict[str, Any] = {}
        for name, value in fields.items():
            if name in OURS or value in (None, "", [], {}):
                continue
            staffs = name in STAFF_FIELDS and not self._with_staff
            kept[name] = LEFT_OUT if staffs else self._opened(value, whose)
        return kept

    def _opened(self, value: Any, whose: Collection[UUID]) -> Any:
        match value:
            case Hidden(sealed=sealed):
                return _open(sealed) if _owner(sealed) in {None, *whose} else LEFT_OUT
            case dict():
                return self._own(value, whose)
            case list():
                return [self._opened(held, whose) for held in value]
        return value if isinstance(value, datetime) else msgspec.to_builtins(value)

    def _told(self, id: UUID) -> Told | None:
        receipt = self._ledger.load(Receipt, id, even_erased=True)
        if receipt.erased:
            return None
        ours = receipt.source.startswith(STAFF_SOURCES) and not self._with_staff
        return Told(
            id=id,
            source=receipt.source,
            vendor_id=receipt.vendor_id,
            arrived_at=receipt.arrived_at,
            verdict=receipt.verdict,
            body=None if ours else receipt.body.open(),
        )

    def _mail(self, effect: Effect) -> Mail | None:
        """None for what has not been written yet, and for what went to the office."""
        text = None
        with suppress(Erased):
            text = effect.content.open() if effect.content else None
        if text is None:
            return None
        message: Message = message_from_string(text, policy=default)
        if self._office in str(message["To"]) and not self._with_staff:
            return None
        return Mail(effect=effect.id, subject=str(message["Subject"]), date=str(message["Date"]), text=text)

    def _uploads(self, id: UUID) -> Iterator[Upload]:
        order = self._ledger.load(Order, id)
        names: Iterable[str] = order.file_names.open() if order.file_names else ()
        for file, name in zip(order.files, names, strict=False):
            yield Upload(order=id, name=name, key=file_key(file.key, name))


def _owner(sealed: Sealed[Any]) -> UUID | None:
    """Under whose key a stored value is sealed; None for one that was never stored."""
    return UUID(sealed.token.split(".")[3]) if sealed.token else None


def _open(sealed: Sealed[Any]) -> Any:
    try:
        value = sealed.open()
    except Erased:
        return GONE
    return value.decode(errors="replace") if isinstance(value, bytes) else msgspec.to_builtins(value)
