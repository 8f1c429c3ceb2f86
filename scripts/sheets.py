"""What the commands show of orders and calls: plain facts, and personal data only when it is asked for."""

from collections.abc import Callable
from typing import Any

import msgspec

from adapters.wiring import Services
from domain.documents.order import Order
from domain.documents.payments import paid_name
from domain.sealed import Erased, Sealed
from domain.shared.money import decimal_text
from projections.across.effects import DONE, list_effects
from projections.across.receipts import waiting_for
from projections.documents.call_leads import read_words
from projections.view import Row

ORDER_HIDES = frozenset({"contact", "answers", "phone_hash", "email_hash", "form_source", "attributed", "total_cents"})
CALL_HIDES = frozenset({"calls", "typed", "phone_hash", "email_hash", "ip_address"})
ERASED = "(erased)"


def order_facts(row: Row) -> dict[str, Any]:
    """An order's row without what is sealed, with amounts in decimals, and the flags that staff know it by."""
    shown = {name: value for name, value in row.items() if name not in ORDER_HIDES}
    for name in [name for name in shown if name.endswith("_cents")]:
        shown[name.removesuffix("_cents")] = decimal_text(shown.pop(name))
    if row["mismatch"]:
        amounts = {name: decimal_text(row["mismatch"][name]) for name in ("expected", "got")}
        shown["mismatch"] = row["mismatch"] | amounts
    shown["paid_again"] = decimal_text(row["paid_again"]) if row["paid_again"] else None
    return shown | {
        "attribution_data": row["attributed"],
        "total_price": None if row["total_cents"] is None else decimal_text(row["total_cents"]),
        "is_paid": row["paid_at"] is not None,
        "zoho_synced": row["crm_record"] is not None,
        "tid_created": row["tracking_id"] is not None,
    }


def order_sheet(services: Services, row: Row, order: Order, *, reveal: bool) -> dict[str, Any]:
    """All that is known of one order; who it is for and what they wrote only with `reveal`."""
    work = list_effects(services.home, subject=row["order_id"], limit=1000)
    notices = [effect["state"] for effect in work if effect["kind"] == "staff_notice"]
    sheet = order_facts(row) | {
        "manager_notified": DONE in notices,
        "effects": {state: sum(one["state"] == state for one in work) for state in sorted({e["state"] for e in work})},
        "messages_waiting": len(waiting_for(services.home, paid_name(order.id))),
    }
    if reveal:
        sealed: dict[str, Sealed[Any] | None] = {
            "contact": order.contact,
            "answers": order.answers,
            "file_names": order.file_names,
            "crm_fields": order.crm_fields,
        }
        sheet |= {name: _open(value) for name, value in sealed.items() if value is not None}
    return sheet


def call_facts(row: Row) -> dict[str, Any]:
    """A call lead's row without what is sealed; `calls` are the vendor's ids of them."""
    return {name: value for name, value in row.items() if name not in CALL_HIDES} | {"calls": list(row["calls"])}


def call_sheet(row: Row, reveal: Callable[[str, Any], Any] | None) -> dict[str, Any]:
    """All that is known of one call lead; who it was and what was said only where `reveal` opens it."""
    sheet = call_facts(row)
    if reveal is not None:
        try:
            sheet |= read_words(row, reveal)
        except Erased:
            sheet["contact_name"] = ERASED
    return sheet


def _open(value: Sealed[Any]) -> Any:
    try:
        return msgspec.to_builtins(value.open())
    except Erased:
        return ERASED
