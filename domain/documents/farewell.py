"""What follows when the customer of an order is forgotten: what is kept elsewhere is asked for to be deleted."""

from collections.abc import Iterator

from domain.documents.order import Order
from domain.ledger import Event
from domain.shared.effect import Effect


def take_back(event: Event, order: Order) -> Iterator[Effect]:
    """The files, the CRM's records, the mails and whoever paid; the effects name the order, and nobody."""
    paying = order.checkout is not None or order.opened is not None
    if order.files:
        yield Effect.request(event, channel="files", kind="remove_files")
    if order.worked_on or order.crm_record is not None or order.matched_call is not None:
        yield Effect.request(event, channel="zoho", kind="delete_records")
    if order.worked_on or paying:
        yield Effect.request(event, channel="mail", kind="delete_mails")
    if paying:
        yield Effect.request(event, channel="stripe", kind="redact_payments")
