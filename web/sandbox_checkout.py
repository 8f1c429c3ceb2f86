"""The sandbox payment provider's pages: the customer, the bank and the refund desk in one place."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from domain.shared.errors import Invalid
from domain.shared.money import decimal_text, parse_decimal
from web.services import now, services

bp = Blueprint("sandbox_checkout", __name__, url_prefix="/sandbox/checkout")

ACTIONS: dict[str, Callable[[Any, str], None]] = {
    "pay": lambda payments, id: payments.pay(id),
    "pay_by_bank": lambda payments, id: payments.pay_by_bank(id),
    "bank_succeeds": lambda payments, id: payments.bank_succeeds(id),
    "bank_fails": lambda payments, id: payments.bank_fails(id),
    "expire": lambda payments, id: payments.expire(id),
    "refund_part": lambda payments, id: payments.refund(id, _amount()),
    "refund_all": lambda payments, id: payments.refund(id, payments.checkout(id).refundable_cents),
    "deliver_again": lambda payments, id: payments.deliver_again(id),
}


@bp.get("/")
def list_checkouts() -> str:
    """Every checkout, newest first."""
    return render_template("sandbox/checkouts.html", checkouts=[_shown(one) for one in _payments().checkouts()])


@bp.get("/<session_id>/")
def show_checkout(session_id: str) -> str:
    """One checkout, with what can be done now."""
    checkout = _payments().checkout(session_id)
    shown = _shown(checkout) | {
        "metadata": sorted(checkout.wanted.metadata.items()),
        "return_url": checkout.return_url,
        "undelivered": _payments().undelivered(session_id),
        "late": checkout.wanted.expires_at <= now(),
    }
    return render_template("sandbox/checkout.html", checkout=shown)


@bp.post("/<session_id>/")
def act(session_id: str) -> ResponseReturnValue:
    """Do what the pressed button says and show the page again."""
    action = ACTIONS.get(request.form.get("action", ""))
    if action is None:
        raise Invalid({"action": ["Not offered."]})
    action(_payments(), session_id)
    return redirect(url_for("sandbox_checkout.show_checkout", session_id=session_id), 303)


def _payments() -> Any:
    return services().sandbox.payments


def _shown(checkout: Any) -> dict[str, Any]:
    wanted = checkout.wanted
    return {
        "id": checkout.id,
        "label": wanted.label,
        "amount": decimal_text(wanted.amount_cents),
        "currency": wanted.currency,
        "email": wanted.customer_email,
        "state": checkout.state,
        "opened_at": checkout.opened_at,
        "expires_at": wanted.expires_at,
        "refunded": decimal_text(checkout.refunded_cents) if checkout.refunded_cents else None,
        "refundable": decimal_text(checkout.refundable_cents) if checkout.refundable_cents else None,
    }


def _amount() -> int:
    try:
        return parse_decimal(request.form.get("amount", "").strip())
    except ValueError as error:
        raise Invalid({"amount": [str(error)]}) from None
