"""`daybook orders`: what was ordered, and what staff decide about an order."""

import os
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import click

from adapters.wiring import Services
from domain.documents.catalogue import KINDS, find_service
from domain.documents.commands import give_tracking_id
from domain.documents.order import Order
from domain.documents.payments import accept_payment, paid_name
from domain.documents.stages import find_stage
from domain.documents.tracking_id import draw
from projections.documents.orders import find_order_row, list_orders
from scripts.console import (
    NOTHING,
    by_option,
    database_option,
    deciding,
    find_stream,
    json_option,
    moment_text,
    opened,
    print_json,
    reason_option,
    show_facts,
    table,
    terminal,
)
from scripts.sheets import order_facts, order_sheet

TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%SZ"]
order_argument = click.argument("order", metavar="ID|TRACKING_ID")


@click.group()
def orders() -> None:
    """Look at the orders, and decide what staff decide about them."""


@orders.command("list")
@click.option("--kind", help="Those of one kind, such as fbi.")
@click.option("--stage", help="Those at one stage, by its code or label.")
@click.option("--paid/--unpaid", default=None, help="Those that are paid, or those that wait for their payment.")
@click.option("--matched/--unmatched", default=None, help="Those with or without a phone call.")
@click.option("--since", type=click.DateTime(TIMES), help="Placed at this time (UTC) or later.")
@click.option("--until", type=click.DateTime(TIMES), help="Placed before this time (UTC).")
@click.option("--after", metavar="ID|TRACKING_ID", help="Go on after this order, the last one seen.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many.")
@database_option
@json_option
def list_(
    kind: str | None,
    stage: str | None,
    paid: bool | None,
    matched: bool | None,
    since: datetime | None,
    until: datetime | None,
    after: str | None,
    limit: int,
    database: str | None,
    as_json: bool,
) -> None:
    """Show the orders, newest first, without personal data."""
    with opened(database) as services:
        services.follower.catch_up()
        rows = list_orders(
            services.home,
            kind=_kind(kind) if kind else None,
            stage=_stage(stage) if stage else None,
            paid=paid,
            matched=matched,
            since=since and since.replace(tzinfo=UTC),
            until=until and until.replace(tzinfo=UTC),
            after=_place(services, after) if after else None,
            limit=limit,
        )
        shown = [order_facts(row) for row in rows]
    if as_json:
        print_json(shown)
    else:
        _show(shown)


def _kind(text: str) -> str:
    found = find_service(text)
    if found is None or found.code not in KINDS:
        raise click.ClickException(f"There is no such kind; there are {', '.join(KINDS)}.")
    return found.code


def _stage(text: str) -> str:
    found = next((stage for kind in KINDS.values() if (stage := find_stage(kind.service, text))), None)
    if found is None:
        raise click.ClickException("No kind of order has this stage.")
    return found.code


def _place(services: Services, text: str) -> tuple[datetime, str]:
    """Where an order stands in the list; the ledger still knows it when the person has been erased."""
    id = find_stream(services, text)
    first = next(iter(services.ledger.events(id)), None)
    if not isinstance(first, Order.Placed | Order.TakenInCrm):
        raise click.ClickException(NOTHING)
    return first.at, str(id)


def _show(shown: list[dict[str, Any]]) -> None:
    listed = table("placed", "order", "kind", "stage", "payment", "total", "call", "tracking id")
    for facts in shown:
        listed.add_row(
            moment_text(facts["placed_at"]),
            facts["order_id"],
            facts["kind"],
            facts["stage"] or "",
            facts["payment"] if facts["paid_kind"] else "",
            facts["total_price"] or "",
            "matched" if facts["matched_call"] else "linked" if facts["linked_calls"] else "",
            facts["tracking_id"] or "",
        )
    terminal().print(listed if shown else "No orders.")


@orders.command()
@order_argument
@click.option("--reveal", is_flag=True, help="Open the personal data, for a person at a terminal.")
@database_option
@json_option
def show(order: str, reveal: bool, database: str | None, as_json: bool) -> None:
    """Show one order; who it is for and what they wrote only with --reveal. `daybook history` tells how it came so."""
    with opened(database) as services:
        sheet = _sheet(services, find_stream(services, order), reveal=reveal)
    if as_json:
        print_json(sheet)
    else:
        show_facts(sheet)


def _sheet(services: Services, id: UUID, *, reveal: bool = False) -> dict[str, Any]:
    services.follower.catch_up()
    row = find_order_row(services.home, str(id))
    if row is None:
        raise click.ClickException(NOTHING)
    return order_sheet(services, row, services.ledger.load(Order, id), reveal=reveal)


@orders.command("tracking-id")
@order_argument
@click.option("--notify/--no-notify", default=True, help="Send the welcome mail, or do not.", show_default=True)
@by_option
@database_option
@json_option
def tracking_id_(order: str, notify: bool, by: str | None, database: str | None, as_json: bool) -> None:
    """Give an order its tracking id, mostly a quote; one that has an id keeps it, and nothing is sent."""
    with opened(database) as services:
        id = find_stream(services, order)
        with deciding(services, by):
            given = give_tracking_id(
                services.ledger, order_id=id, draw_tracking_id=lambda: draw(os.urandom), notify=notify
            )
    if as_json:
        print_json({"order_id": str(id), "tracking_id": given.tracking_id})
    else:
        click.echo(given.tracking_id)


@orders.command("accept-payment")
@order_argument
@click.option("--session", required=True, metavar="ID", help="The checkout that was paid; `show` tells it.")
@reason_option
@by_option
@database_option
@json_option
def accept_payment_(order: str, session: str, reason: str, by: str | None, database: str | None, as_json: bool) -> None:
    """Take a payment that did not fit; the order then counts as paid, and what waited for it is judged."""
    with opened(database) as services:
        id = find_stream(services, order)
        with deciding(services, by):
            accept_payment(services.ledger, order_id=id, session_id=session, reason=reason)
        services.judge_waiting(paid_name(id))
        sheet = _sheet(services, id)
    if as_json:
        print_json(sheet)
    else:
        click.echo(f"The order counts as {sheet['payment']}; {sheet['paid']} {sheet['currency']} were received.")
