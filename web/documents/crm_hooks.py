"""Zoho calling us: a record that wants a tracking id, a stage that was reached."""

import uuid
from typing import Any

from flask import jsonify, request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from domain.documents.crm_messages import find_told, read_message
from domain.documents.order import Order
from domain.shared.receipt import Receipt
from web.inbox import answer, check_secret, digest_of, raw_body, sent_secret, take_in
from web.services import services

bp = Blueprint("crm-hooks", __name__, url_prefix="/tracking/crm", description="For the CRM.")
SOURCES = {"create": "zoho_create", "update": "zoho_update"}


def _trusted_body() -> bytes:
    """The body, once its sender has shown the secret."""
    body = raw_body()
    message = read_message(body, request.content_type or "")
    given = sent_secret() or (message.values.get("token", "") if message is not None else "")
    check_secret(given, services().settings.zoho_webhook_keys)
    return body


def _take(source: str, body: bytes) -> tuple[Receipt, bool]:
    message = read_message(body, request.content_type or "")
    timed = message is not None and "modifiedtime" in message.values
    return take_in(source, digest_of(body) if timed else uuid.uuid4().hex, body)


@bp.post("/create/")
@bp.doc(summary="A tracking id for a CRM record.", responses={"200": {"description": "Stored; the verdict on it."}})
def create() -> ResponseReturnValue:
    """Give a record of the CRM its tracking id; one that begins there becomes an order."""
    body = _trusted_body()
    receipt, repeat = _take(SOURCES["create"], body)
    order = find_told(services().ledger, body, request.content_type or "")
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
    ours, content_type = services(), request.content_type or ""
    body = _trusted_body()
    before = find_told(ours.ledger, body, content_type)
    receipt, repeat = _take(SOURCES["update"], body)
    after = find_told(ours.ledger, body, content_type)
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
