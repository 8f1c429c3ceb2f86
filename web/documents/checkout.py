"""Paying for an order: the way to the checkout, and Stripe's word that it was paid."""

import os
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from flask import jsonify, redirect, request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from domain.documents import tracking_id
from domain.documents.order_refusals import OrderNotFound
from domain.documents.payments import open_checkout, paid_name
from domain.shared.errors import BadSignature, Invalid
from domain.shared.payments import read_stripe_event
from web.documents.reading import read_form
from web.inbox import answer, digest_of, raw_body, take_in
from web.metrics import count_refusal
from web.services import acting_as, now, prefers_html, services

bp = Blueprint("payments", __name__, description="Paying for an order.")
LONGEST_URL = 2000
WEBHOOK = "/webhook/stripe/"
REQUIRED = "This field is required."
DESCRIPTION = {
    "summary": "Open the checkout of a paid order; asked again, the same open checkout is the answer.",
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["order_id"],
                    "properties": {
                        "order_id": {"type": "string", "format": "uuid"},
                        "order_type": {"type": "string", "enum": ["fbi", "marriage"]},
                        "success_url": {"type": "string", "format": "uri", "maxLength": LONGEST_URL},
                        "cancel_url": {"type": "string", "format": "uri", "maxLength": LONGEST_URL},
                    },
                }
            }
        },
    },
    "responses": {
        "200": {"description": "`checkout_url` and `expires_at`."},
        "404": {"description": "No such order."},
        "409": {"description": "Paid, being processed, or under review."},
        "422": {"description": "Not a paid kind, or fields are wrong."},
        "502": {"description": "The payment provider refused."},
        "503": {"description": "The payment provider does not answer; try again."},
    },
}


class CheckoutRequest(msgspec.Struct):
    """What the endpoint takes, once it has been found good."""

    order_id: UUID
    order_type: str | None
    success_url: str | None
    cancel_url: str | None


@bp.post("/create-stripe-session/")
@bp.doc(**DESCRIPTION)
def create_session() -> ResponseReturnValue:
    """Open the order's checkout and say where it is; pages are sent there."""
    wanted = _read(read_form(request).fields)
    ours = services()
    with acting_as("customer", via="form"):
        url, expires_at = open_checkout(
            ours.ledger,
            ours.payments,
            order_id=wanted.order_id,
            order_type=wanted.order_type,
            success_url=wanted.success_url,
            cancel_url=wanted.cancel_url,
            draw_tracking_id=lambda: tracking_id.draw(os.urandom),
            office=ours.office,
            now=now(),
        )
    if prefers_html():
        return redirect(url, 303)
    return jsonify(checkout_url=url, expires_at=f"{expires_at:%Y-%m-%dT%H:%M:%SZ}")


def _read(fields: dict[str, Any]) -> CheckoutRequest:
    """Raises `Invalid`, or `OrderNotFound` for an id that cannot be one."""
    wrong: dict[str, list[str]] = {}
    given = {name: fields.get(name) for name in CheckoutRequest.__struct_fields__}
    for name in fields.keys() - given.keys():
        wrong[name] = ["Unknown field."]
    for name, value in given.items():
        if value is not None and not isinstance(value, str):
            wrong[name] = ["Not a valid text."]
    if not given["order_id"]:
        wrong["order_id"] = [REQUIRED]
    for name in ("success_url", "cancel_url"):
        if isinstance(given[name], str) and not _may_return_to(str(given[name])):
            wrong[name] = ["Not an address we may send customers to."]
    if wrong:
        raise Invalid(wrong)
    try:
        order_id = UUID(given["order_id"])
    except ValueError:
        raise OrderNotFound from None
    return CheckoutRequest(order_id, given["order_type"], given["success_url"], given["cancel_url"])


def _may_return_to(url: str) -> bool:
    parts = urlsplit(url)
    own = urlsplit(services().office.base_url)
    hosts = services().settings.checkout_return_hosts
    secure = parts.scheme == "https" or (parts.scheme, parts.netloc) == (own.scheme, own.netloc)
    return secure and len(url) <= LONGEST_URL and (parts.hostname in hosts or parts.netloc == own.netloc)


@bp.post(WEBHOOK)
@bp.doc(summary="For Stripe.", responses={"200": {"description": "Stored; the verdict on it."}})
def stripe() -> ResponseReturnValue:
    """Signature over the raw bytes first; then the message is stored, and only then judged."""
    body, ours = raw_body(), services()
    try:
        ours.verify_stripe(request.headers.get("Stripe-Signature", ""), body, now=now())
    except BadSignature:
        count_refusal(WEBHOOK, "signature", BadSignature.code)
        raise
    try:
        event = read_stripe_event(body)
        vendor_id = event.id
    except ValueError:
        event, vendor_id = None, digest_of(body)
    receipt, repeat = take_in("stripe", vendor_id, body)
    if event is not None and receipt.verdict == "acted_on" and not repeat:
        order_id = (event.object.get("metadata") or {}).get("order_id") or event.object.get("client_reference_id")
        ours.judge_waiting(paid_name(order_id))
    return jsonify(answer(receipt, repeat=repeat))
