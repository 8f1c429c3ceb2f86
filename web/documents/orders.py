"""The seven forms: their pages, and the orders they place."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from domain.documents.catalogue import KINDS, Kind
from domain.documents.commands import find_order
from domain.documents.facts import price_lines
from domain.documents.letters import file_links
from domain.documents.order import Order
from domain.documents.price_list import PriceList, current_prices
from domain.shared.errors import Invalid
from domain.shared.money import decimal_text
from web.documents.describe import describe_form
from web.documents.form_page import form_page
from web.documents.forms import FORMS
from web.documents.placing import new_form, place
from web.documents.reading import read_form
from web.metrics import UNKNOWN_FIELD, count_refusal
from web.services import prefers_html, services

bp = Blueprint("documents", __name__, description="Order forms of the document services.")


def show_form(kind: Kind) -> ResponseReturnValue:
    """The form as a page."""
    prices = current_prices(services().ledger)
    return render_template("form.html", form=form_page(kind, new_form(kind, prices=prices), prices))


def post_form(kind: Kind) -> ResponseReturnValue:
    """Place an order. The answer is sent after the order, its claims and its effects are committed."""
    sent: dict[str, Any] = {}
    try:
        body = read_form(request)
        sent = body.fields
        order, replayed = place(kind, body)
    except Invalid as invalid:
        _count(kind, invalid)
        if not prefers_html():
            raise
        prices = current_prices(services().ledger)
        page = form_page(kind, new_form(kind, prices=prices), prices, sent=sent, errors=invalid.fields)
        return render_template("form.html", form=page), 422
    response = _page_answer(order) if prefers_html() else make_response(placed_answer(order), 201)
    if replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response


def _count(kind: Kind, invalid: Invalid) -> None:
    known = FORMS[kind.code]._declared_fields.keys() | {"files", "idempotency_key"}
    for field, messages in invalid.fields.items():
        name = field.partition(".")[0]
        for message in messages:
            count_refusal(kind.path, name if name in known else UNKNOWN_FIELD, message)


def placed_answer(order: Order) -> dict[str, Any]:
    """The JSON answer of a form."""
    office = services().office
    answer: dict[str, Any] = {"order_id": str(order.id)}
    if order.kind.code == "quote":
        return answer
    answer["file_urls"] = [address for _, address in file_links(order, office)]
    if order.quote is not None:
        quote = order.quote
        return answer | {"total_price": decimal_text(quote.total_cents), "currency": quote.currency}
    address = office.url(f"/tracking/{order.tracking_id}/")
    return answer | {"tracking_id": order.tracking_id, "tracking_url": address}


def _page_answer(order: Order) -> Response:
    if order.tracking_id is not None and order.worked_on:
        return make_response(redirect(url_for("tracking.show", tid=order.tracking_id), 303))
    return make_response(redirect(url_for("documents.show_order", order_id=order.id), 303))


@bp.get("/order/<uuid:order_id>/")
@bp.doc(responses={"200": {"description": "A page."}})
def show_order(order_id: UUID) -> ResponseReturnValue:
    """What was ordered and what it costs, for whoever holds the link; no personal data."""
    order = find_order(services().ledger, order_id)
    quote = order.quote
    page = {
        "order_id": str(order.id),
        "kind_label": order.kind.long_label,
        "paid": order.paid is not None,
        "lines": price_lines(quote) if quote else [],
        "total": decimal_text(quote.total_cents) if quote else None,
        "currency": quote.currency if quote else None,
        "tracking_url": url_for("tracking.show", tid=order.tracking_id) if order.tracking_id else None,
        "payable": _payable(order),
    }
    return render_template("order.html", order=page)


def _payable(order: Order) -> bool:
    """Whether a checkout may be opened; a bank payment under way or under review is not paid again."""
    waits = order.pending_session is not None or order.mismatch is not None
    return order.kind.paid and order.quote is not None and order.paid is None and not waits


@bp.get("/prices/")
@bp.doc(responses={"200": {"description": "Packages, shipping and single prices; amounts as decimal text."}})
def show_prices() -> ResponseReturnValue:
    """The prices in force."""
    return price_answer(current_prices(services().ledger))


def price_answer(prices: PriceList) -> dict[str, Any]:
    """The price list as JSON; amounts as decimal text."""
    return {
        "version": prices.version,
        "currency": prices.currency,
        "packages": [
            {"code": o.code, "label": o.label, "price": decimal_text(o.price_cents), "note": o.note}
            for o in prices.packages.values()
        ],
        "shipping": [
            {"code": o.code, "label": o.label, "price": decimal_text(o.price_cents)} for o in prices.shipping.values()
        ],
        "per_cert_price": decimal_text(prices.per_cert_cents),
        "marriage_base_price": decimal_text(prices.marriage_base_cents),
    }


def _routes_of(kind: Kind) -> None:
    """One documented pair of routes per kind."""

    def show_page() -> ResponseReturnValue:
        return show_form(kind)

    def place_order() -> ResponseReturnValue:
        return post_form(kind)

    views: list[tuple[str, Callable[[], ResponseReturnValue]]] = [("GET", show_page), ("POST", place_order)]
    for method, view in views:
        view.__name__ = f"{view.__name__}_{kind.code}"
        described = bp.doc(**describe_form(kind, method))(view)
        bp.route(kind.path, methods=[method], endpoint=view.__name__)(described)


for _kind in KINDS.values():
    _routes_of(_kind)
