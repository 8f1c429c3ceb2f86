"""Which order or call lead a vendor's message is about: told before it is judged, and kept with the verdict."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from domain.documents.calls import SOURCE as CALLS
from domain.documents.calls import told_call
from domain.documents.crm_messages import CallOfRecord, crm_concern
from domain.documents.office import Office
from domain.documents.order import Order
from domain.documents.order_facts import payment_claim
from domain.ledger import Ledger, UnknownStream
from domain.shared.inbox import Concern
from domain.shared.receipt import Receipt


def concerns(ledger: Ledger, *, office: Office, call_of_record: CallOfRecord) -> Mapping[str, Concern]:
    """What answers for the messages of each source."""

    def of_stripe(receipt: Receipt) -> UUID | None:
        return payment_concern(ledger, receipt.body.open())

    def of_a_call(receipt: Receipt) -> UUID | None:
        lead = told_call(ledger, receipt)
        return lead.id if lead else None

    def of_the_crm(receipt: Receipt) -> UUID | None:
        return crm_concern(ledger, receipt, office=office, call_of_record=call_of_record)

    return {"stripe": of_stripe, CALLS: of_a_call, "zoho_create": of_the_crm, "zoho_update": of_the_crm}


class _Data(msgspec.Struct):
    object: dict[str, Any]


class _Event(msgspec.Struct):
    data: _Data


def payment_concern(ledger: Ledger, body: bytes) -> UUID | None:
    """The order that an event of Stripe's is about, of whatever type it is; raises `Erased`."""
    try:
        thing = msgspec.json.decode(body, type=_Event).data.object
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    metadata = thing.get("metadata")
    named = metadata.get("order_id") if isinstance(metadata, dict) else None
    owner = ledger.owner(payment_claim(str(thing.get("payment_intent") or thing.get("id"))))
    try:
        return ledger.load(Order, owner or UUID(str(named or thing.get("client_reference_id")))).id
    except (UnknownStream, ValueError):
        return None
