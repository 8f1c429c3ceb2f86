"""The receipt for a person forgotten: what went, what vendors answered, signed, and without anything personal."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from adapters.forgetting import UNKNOWN
from adapters.proof.chain import Seal
from domain.documents.deletions import NOT_POSSIBLE
from domain.documents.erasure import Copy, Erasure
from domain.ledger import Ledger
from domain.shared.effect import Effect, effect_id

FORM = "daybook forgetting 1"
ASKED = {"remove_files": "files", "delete_records": "crm", "delete_mails": "mail", "redact_payments": "stripe"}
BY_HAND = {
    "crm": "delete the record in the CRM",
    "mail": "ask the mail provider's support; until then it keeps the mail for as long as its plan says",
    "stripe": "begin a redaction job in Stripe's dashboard",
    "whatconverts": "delete the lead in WhatConverts",
}
LOOK = "look in the CRM for a contact of theirs that nobody else goes by, and delete it"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A deletion that was asked for: `state` is pending, done, impossible or declined, `answer` the vendor's."""

    vendor: str
    subject: UUID
    effect: UUID
    state: str
    answer: str | None = None


class ByHand(msgspec.Struct, frozen=True, kw_only=True):
    """A copy that no program can delete, and what to do about it."""

    vendor: str
    what: str
    id: str
    subject: UUID
    do: str


class Mark(msgspec.Struct, frozen=True):
    """The checkpoint of the chain that covers the forgetting."""

    position: int
    hash: str


class ErasureReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """`seal` is the ledger's signature (hex) over all the rest; nothing in it names anybody but who decided."""

    form: str = FORM
    at: datetime
    by: str
    reason: str
    orders: Sequence[UUID]
    calls: Sequence[UUID]
    messages: Sequence[UUID]
    files: int
    effects_given_up: int
    asked: Sequence[Asked]
    by_hand: Sequence[ByHand]
    position: int
    checkpoint: Mark | None
    public_key: str
    seal: str = ""

    @property
    def statement(self) -> bytes:
        """What is signed."""
        return FORM.encode() + b"\n" + msgspec.json.encode(msgspec.structs.replace(self, seal=""), order="sorted")

    @property
    def subjects(self) -> Sequence[UUID]:
        """Everything whose key was destroyed."""
        return (*self.orders, *self.calls, *self.messages)


def receipt_of(
    done: Erasure,
    copies: Sequence[Copy],
    *,
    ledger: Ledger,
    seal: Seal,
    at: datetime,
    by: str,
    reason: str,
    position: int,
    checkpoint: Mark | None,
) -> ErasureReceipt:
    """The signed receipt; `copies` are those that were known at vendors before."""
    asked = tuple(asked_for(ledger, (*done.orders, *done.calls)))
    receipt = ErasureReceipt(
        at=at,
        by=by,
        reason=reason,
        orders=done.orders,
        calls=done.calls,
        messages=done.receipts,
        files=done.files,
        effects_given_up=len(done.effects),
        asked=asked,
        by_hand=tuple(_by_hand(copies, asked)),
        position=position,
        checkpoint=checkpoint,
        public_key=seal.public_key,
    )
    return msgspec.structs.replace(receipt, seal=seal.signature(receipt.statement).hex())


def asked_for(ledger: Ledger, subjects: Sequence[UUID]) -> Iterator[Asked]:
    """What was asked of the file store and of vendors when these were forgotten, and what has become of it by now."""
    for subject in subjects:
        for kind, vendor in ASKED.items():
            id = effect_id(subject, kind=kind)
            if events := ledger.events(id):
                effect = Effect.of(id, events)
                yield Asked(vendor=vendor, subject=subject, effect=id, state=_state(effect), answer=_answer(effect))


def _answer(effect: Effect) -> str | None:
    return effect.proof or effect.given_up


def _state(effect: Effect) -> str:
    if effect.proof is not None:
        return "impossible" if effect.proof.startswith(NOT_POSSIBLE) else "done"
    return "pending" if effect.given_up is None else "declined"


def _by_hand(copies: Sequence[Copy], asked: Sequence[Asked]) -> Iterator[ByHand]:
    """What nobody was asked for, or was asked in vain; what is pending may yet be done."""
    states: Mapping[tuple[str, UUID], str] = {(one.vendor, one.subject): one.state for one in asked}
    for copy in copies:
        if copy.id == UNKNOWN:
            yield ByHand(vendor=copy.vendor, what=copy.what, id=copy.id, subject=copy.subject, do=LOOK)
        elif states.get((copy.vendor, copy.subject), "impossible") in ("impossible", "declined"):
            yield ByHand(vendor=copy.vendor, what=copy.what, id=copy.id, subject=copy.subject, do=BY_HAND[copy.vendor])
