"""`daybook prices`: the price list, its history, and changes to it."""

from collections.abc import Callable

import click

from domain.documents.price_list import PriceList, current_prices, open_prices
from domain.documents.quote import PackageOffer, ShippingOffer
from domain.ledger import Ledger, repeatable
from domain.shared.money import decimal_text, parse_decimal
from scripts.console import (
    by_option,
    database_option,
    deciding,
    json_option,
    moment_text,
    opened,
    print_json,
    reason_option,
    table,
    terminal,
)

price_argument = click.argument("price")


@click.group(invoke_without_command=True)
@database_option
@json_option
@click.pass_context
def prices(context: click.Context, database: str | None, as_json: bool) -> None:
    """Show the prices in force. Orders keep what they were quoted, whatever changes here."""
    if context.invoked_subcommand is not None:
        return
    with opened(database) as services:
        _show(current_prices(services.ledger), as_json=as_json)


def _show(found: PriceList, *, as_json: bool) -> None:
    rows = [("package", o.code, o.label, decimal_text(o.price_cents), o.note) for o in found.packages.values()]
    rows += [("shipping", o.code, o.label, decimal_text(o.price_cents), "") for o in found.shipping.values()]
    rows.append(("certificate", "", "Each certificate", decimal_text(found.per_cert_cents), ""))
    rows.append(("marriage", "", "Before shipping", decimal_text(found.marriage_base_cents), ""))
    if as_json:
        names = ("part", "code", "label", "price", "note")
        print_json({"version": found.version, "prices": [dict(zip(names, row, strict=True)) for row in rows]})
        return
    listed = table("part", "code", "label", "price", "note", title=f"Version {found.version}, {found.currency}")
    for row in rows:
        listed.add_row(*row)
    terminal().print(listed)


@prices.command()
@database_option
@json_option
def history(database: str | None, as_json: bool) -> None:
    """Show every change, who made it and why."""
    with opened(database) as services:
        events = services.ledger.events(current_prices(services.ledger).id)
    shown = [
        {
            "at": moment_text(event.at),
            "by": event.by,
            "change": type(event).__name__,
            "reason": getattr(event, "reason", ""),
            "was": _cents(getattr(event, "was_cents", None)),
            "now": _cents(getattr(event, "cents", getattr(getattr(event, "offer", None), "price_cents", None))),
        }
        for event in events
    ]
    if as_json:
        print_json(shown)
        return
    listed = table("at", "by", "change", "was", "now", "reason")
    for line in shown:
        listed.add_row(line["at"], line["by"], line["change"], line["was"], line["now"], line["reason"])
    terminal().print(listed)


def _cents(cents: int | None) -> str:
    return "" if cents is None else decimal_text(cents)


def _change(database: str | None, change: Callable[[PriceList], None], *, by: str | None, as_json: bool) -> None:
    with opened(database) as services:
        with deciding(services, by):
            changed = _record(services.ledger, change)
        _show(changed, as_json=as_json)


@repeatable
def _record(ledger: Ledger, change: Callable[[PriceList], None]) -> PriceList:
    found = current_prices(ledger)
    if not found.version:
        raise click.ClickException("There is no price list yet; `daybook prices open` opens it.")
    change(found)
    ledger.record(found)
    return found


@prices.command("open")
@click.option("--certificate", required=True, metavar="PRICE", help="The price of each certificate.")
@click.option("--marriage", required=True, metavar="PRICE", help="The marriage service, before shipping.")
@click.option(
    "--package",
    "packages",
    multiple=True,
    nargs=4,
    metavar="CODE PRICE LABEL NOTE",
    help="A package to offer, and how long it takes; may be given again.",
)
@click.option(
    "--shipping",
    "shippings",
    multiple=True,
    nargs=3,
    metavar="CODE PRICE LABEL",
    help="A way of shipping to offer; may be given again.",
)
@by_option
@database_option
@json_option
def open_(
    certificate: str,
    marriage: str,
    packages: tuple[tuple[str, str, str, str], ...],
    shippings: tuple[tuple[str, str, str], ...],
    by: str | None,
    database: str | None,
    as_json: bool,
) -> None:
    """Open the price list of a new ledger; what is not offered yet can be added afterwards."""
    opening = PriceList.Opened(
        currency="usd",
        packages=tuple(
            PackageOffer(code=code, label=label, price_cents=_price(price), note=note)
            for code, price, label, note in packages
        ),
        shipping=tuple(
            ShippingOffer(code=code, label=label, price_cents=_price(price)) for code, price, label in shippings
        ),
        per_cert_cents=_price(certificate),
        marriage_base_cents=_price(marriage),
    )
    with opened(database, create=True) as services:
        with deciding(services, by):
            found = open_prices(services.ledger, opening)
        _show(found, as_json=as_json)


def _price(text: str) -> int:
    try:
        return parse_decimal(text)
    except ValueError:
        raise click.ClickException("A price is written like 175.00.") from None


@prices.command()
@click.argument("code")
@price_argument
@click.option("--label", required=True, help="What customers read.")
@click.option("--note", help="How long it takes; left as it is when not given.")
@reason_option
@by_option
@database_option
@json_option
def package(
    code: str,
    price: str,
    label: str,
    note: str | None,
    reason: str,
    by: str | None,
    database: str | None,
    as_json: bool,
) -> None:
    """Offer a package at this price."""

    def change(found: PriceList) -> None:
        known = found.packages.get(code)
        kept = note if note is not None else known.note if known else ""
        offer = PackageOffer(code=code, label=label, price_cents=_price(price), note=kept)
        found.price_package(offer, reason=reason)

    _change(database, change, by=by, as_json=as_json)


@prices.command()
@click.argument("code")
@price_argument
@click.option("--label", required=True, help="What customers read.")
@reason_option
@by_option
@database_option
@json_option
def shipping(
    code: str, price: str, label: str, reason: str, by: str | None, database: str | None, as_json: bool
) -> None:
    """Offer a way of shipping at this price."""
    offer = ShippingOffer(code=code, label=label, price_cents=_price(price))
    _change(database, lambda found: found.price_shipping(offer, reason=reason), by=by, as_json=as_json)


@prices.command()
@click.argument("part", type=click.Choice(["package", "shipping"]))
@click.argument("code")
@reason_option
@by_option
@database_option
@json_option
def withdraw(part: str, code: str, reason: str, by: str | None, database: str | None, as_json: bool) -> None:
    """Offer a code no longer; old orders still show it."""

    def change(found: PriceList) -> None:
        act = found.withdraw_package if part == "package" else found.withdraw_shipping
        act(code, reason=reason)

    _change(database, change, by=by, as_json=as_json)


@prices.command()
@click.argument("part", type=click.Choice(["certificate", "marriage"]))
@price_argument
@reason_option
@by_option
@database_option
@json_option
def base(part: str, price: str, reason: str, by: str | None, database: str | None, as_json: bool) -> None:
    """Set the price of each certificate, or of the marriage service before shipping."""

    def change(found: PriceList) -> None:
        act = found.price_certificate if part == "certificate" else found.price_marriage
        act(_price(price), reason=reason)

    _change(database, change, by=by, as_json=as_json)
