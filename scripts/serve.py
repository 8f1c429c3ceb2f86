"""`daybook serve`: the web, the follower and the effects, with one command and nothing to set up."""

import os
import secrets
from uuid import uuid4

import click
from rich.text import Text

from adapters import logs
from adapters.demo import open_demo_prices, place_demo_orders
from adapters.processes import start_serve
from adapters.store.sqlite import SQLiteLog
from adapters.wiring import Services
from domain.documents import tracking_id
from domain.documents.price_list import current_prices
from domain.ledger import acting
from projections.documents.orders import list_orders
from scripts.console import database_option, json_option, opened, print_json, terminal
from scripts.server import free_port, hold_signals, run

EVERYWHERE = {"0.0.0.0", "::"}
READY = "Ready. Ctrl-C stops."


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0 takes any free one.")
@click.option("--empty", is_flag=True, help="Place no demo orders on an empty ledger.")
@database_option
@json_option
def serve(host: str, port: int, empty: bool, database: str | None, as_json: bool) -> None:
    """Serve the web, keep the views up and carry out effects, until Ctrl-C.

    An empty ledger gets a demo price list and a few demo orders, except in production.
    """
    port = free_port(host, port)
    hold_signals()
    address = address_of(host, port)
    if database:
        os.environ["DAYBOOK_DATABASE_URL"] = database
    if not os.environ.get("DAYBOOK_PUBLIC_BASE_URL"):
        os.environ["DAYBOOK_PUBLIC_BASE_URL"] = address
    with opened(None, create=True) as services:
        if isinstance(services.log, SQLiteLog):
            services.log.serve_alone()  # for now; the worker takes it, but a sentence now beats a dead worker
        if not services.settings.production:
            fill(services, orders=not empty and services.log.last_position() == 0)
        worth_opening = addresses(services, address)
        settings, summary = services.settings, services.settings.summary()
        logs.configure(level=services.settings.log_level)
    if as_json:
        print_json({"address": address, "open": worth_opening, "settings": summary})
    else:
        _show(worth_opening, summary)
    run(
        host,
        port,
        start=start_serve,
        workers=1,
        stop_seconds=settings.stop_seconds,
        ready='{"ready": true}' if as_json else READY,
    )


def fill(services: Services, *, orders: bool) -> None:
    """Put the demo data where it is missing, by the same commands as everybody else's."""
    now = services.now()
    with acting(by="demo", via="demo", at=now):
        if not current_prices(services.ledger).version:
            open_demo_prices(services.ledger)
        if orders:
            place_demo_orders(
                services.ledger,
                today=services.office.day(now),
                new_id=uuid4,
                draw_tracking_id=lambda: tracking_id.draw(secrets.token_bytes),
            )


def addresses(services: Services, address: str) -> dict[str, str]:
    """What is worth opening, by name; an order's tracking page if there is one."""
    services.follower.catch_up()
    tracked = next((row["tracking_id"] for row in list_orders(services.home) if row["tracking_id"]), None)
    paths = {
        "Home": "/",
        "An order form": "/embassy/create-order/",
        "An order's page": f"/tracking/{tracked}/" if tracked else None,
        "Sandbox mailbox": "/sandbox/mailbox/" if services.sandbox else None,
        "Sandbox CRM": "/sandbox/crm/" if services.sandbox else None,
        "API": "/api/",
    }
    return {name: address + path for name, path in paths.items() if path}


def address_of(host: str, port: int) -> str:
    """How a browser on this machine reaches what listens there."""
    name = "localhost" if host in EVERYWHERE else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}"


def _show(worth_opening: dict[str, str], summary: dict[str, str]) -> None:
    console = terminal()
    facts = ", ".join(f"{name}: {value}" for name, value in summary.items())
    console.print(Text("\n  Daybook  ", style="bold").append(facts, style="dim"), soft_wrap=True)
    console.print()
    width = max(map(len, worth_opening))
    for name, address in worth_opening.items():
        console.print(Text(f"  {name:<{width}}  ").append(address, style="cyan"), soft_wrap=True)
    if "Sandbox mailbox" in worth_opening:
        warning = "The vendors are sandboxes: no mail and no CRM record leaves this machine."
        console.print(Text(f"\n  {warning}", style="yellow"), soft_wrap=True)
    console.print()
