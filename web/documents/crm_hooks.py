"""Zoho calling us: a record that wants a tracking id, a stage that was reached."""

import uuid
from typing import Any, NamedTuple
from urllib.parse import urlencode

from flask import jsonify, request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from domain.documents.crm_messages import find_told, read_message
from domain.documents.order import Order
from domain.shared.receipt import Receipt
from web.inbox import LARGEST_BYTES, answer, check_secret, digest_of, raw_body, sent_secret, take_in
from web.services import services

bp = Blueprint("crm-hooks", __name__, url_prefix="/tracking/crm", description="For the CRM.")
FORM = "application/x-www-form-urlencoded"
SOURCES = {"create": "zoho_create", "update": "zoho_update"}


class Sent(NamedTuple):
    """A body as it is kept and read, and what it is."""

    body: bytes
    content_type: str


def _sent() -> Sent:
    """The body byte for byte; of multipart the text fields alone, as a form: no file, and no boundary that differs."""
    body = raw_body()
    if request.mimetype == "multipart/form-data":
        request.max_form_memory_size = LARGEST_BYTES
        if request.form or request.files:
            return Sent(urlencode(list(request.form.items(multi=True))).encode(), FORM)
    return Sent(body, request.content_type or "")


def _trusted() -> Sent:
    """What was sent, once its sender has shown the secret."""
    sent = _sent()
    message = read_message(*sent)
    given = sent_secret() or (message.values.get("token", "") if message is not None else "")
    check_secret(given, services().settings.zoho_webhook_keys)
    return sent


def _take(source: str, sent: Sent) -> tuple[Receipt, bool]:
    message = read_message(*sent)
    timed = message is not None and "modifiedtime" in message.values
    vendor_id = digest_of(sent.body) if timed else uuid.uuid4().hex
    return take_in(source, vendor_id, sent.body, content_type=sent.content_type or None)


@bp.post("/create/")
@bp.doc(summary="A tracking id for a CRM record.", responses={"200": {"description": "Stored; the verdict on it."}})
def create() -> ResponseReturnValue:
    """Give a record of the CRM its tracking id; one that begins there becomes an order."""
    sent = _trusted()
    receipt, repeat = _take(SOURCES["create"], sent)
    order = find_told(services().ledger, *sent, office=services().office)
    return jsonify(answer(receipt, repeat=repeat, **_given(order, receipt)))


def _given(order: Order | None, receipt: Receipt) -> dict[str, Any]:
    if order is None or order.tracking_id is None:
        return {}
    return {
        "tid": order.tracking_id,
        "tracking_id": order.tracking_id,
        "order_id": str(order.id),
        "tracking_url": services().office.url(f"/tracking/{order.tracking_id}/"),
        "created": order.born_in_crm and receipt.verdict == "acted_on",
    }


@bp.post("/update/")
@bp.doc(summary="A stage from the CRM.", responses={"200": {"description": "Stored; the verdict on it."}})
def update() -> ResponseReturnValue:
    """Move an order to the stage the CRM names."""
    ours, sent = services(), _trusted()
    before = find_told(ours.ledger, *sent, office=ours.office)
    receipt, repeat = _take(SOURCES["update"], sent)
    after = find_told(ours.ledger, *sent, office=ours.office)
    if before is None or after is None:
        return jsonify(answer(receipt, repeat=repeat))
    moved = {
        "tid": after.tracking_id,
        "service": after.kind.service,
        "current_stage": after.stage,
        "previous_stage": before.stage,
        "changed": before.stage != after.stage,
    }
    return jsonify(answer(receipt, repeat=repeat, **moved))
