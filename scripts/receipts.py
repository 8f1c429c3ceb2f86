"""`daybook receipts`: what vendors sent, the verdicts on it, and another run."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import click

from adapters.wiring import Services
from domain.ledger import UnknownStream
from domain.sealed import Erased
from domain.shared.effect import effect_id
from domain.shared.receipt import Receipt
from projections.across.receipts import UNJUDGED, list_receipts
from projections.view import Row
from scripts.console import database_option, deciding, json_option, moment_text, opened, print_json, table, terminal

VERDICTS = (UNJUDGED, "waiting", "acted_on", "ignored", "refused")


def _filters(command: Callable[..., None]) -> Callable[..., None]:
    """The options of the list, which `daybook receipts` alone takes too."""
    for option in (
        json_option,
        database_option,
        click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many."),
        click.option("--verdict", type=click.Choice(VERDICTS), help="Those with this verdict only."),
        click.option("--source", help="Those of one source only, such as stripe."),
    ):
        command = option(command)
    return command


@click.group(invoke_without_command=True)
@_filters
@click.pass_context
def receipts(context: click.Context, /, **filters: Any) -> None:
    """Show the messages of vendors, newest first."""
    if context.invoked_subcommand is None:
        _list(**filters)


@receipts.command("list")
@_filters
def list_(**filters: Any) -> None:
    """Show the messages of vendors, newest first."""
    _list(**filters)


def _list(*, source: str | None, verdict: str | None, limit: int, database: str | None, as_json: bool) -> None:
    with opened(database) as services:
        services.follower.catch_up()
        rows = list_receipts(services.home, source=source, verdict=verdict, limit=limit)
    if as_json:
        print_json(list(rows))
    else:
        _show(list(rows))


def _show(rows: list[Row]) -> None:
    listed = table("arrived", "receipt", "source", "verdict", "cause", "led to")
    for row in rows:
        listed.add_row(
            moment_text(row["arrived_at"]),
            row["receipt_id"],
            row["source"],
            row["verdict"] + (" (other bodies came)" if row["other_bodies"] else ""),
            row["reason"] or row["waiting_for"] or "",
            ", ".join(reference.partition("/")[0] for reference in row["led_to"]),
        )
    terminal().print(listed if rows else "No messages.")


@receipts.command()
@click.argument("receipt", metavar="ID", type=click.UUID)
@click.option("--reveal", is_flag=True, help="Show the body; it is personal data.")
@database_option
@json_option
def show(receipt: UUID, reveal: bool, database: str | None, as_json: bool) -> None:
    """Show one message; its body only with --reveal."""
    with opened(database) as services:
        found = _load(services, receipt)
        shown = {
            "receipt_id": str(found.id),
            "source": found.source,
            "vendor_id": found.vendor_id,
            "digest": found.digest,
            "verdict": found.verdict or UNJUDGED,
            "cause": found.reason,
        }
        if reveal:
            try:
                shown["body"] = found.body.open().decode(errors="replace")
            except Erased:
                shown["body"] = "(erased)"
    if as_json:
        print_json(shown)
        return
    for name, value in shown.items():
        click.echo(f"{name:<12} {value or ''}")


@receipts.command("run-again")
@click.argument("receipt", metavar="ID", type=click.UUID)
@database_option
@json_option
def run_again(receipt: UUID, database: str | None, as_json: bool) -> None:
    """Judge an ignored or refused message once more, after what stood in its way has changed."""
    with opened(database) as services:
        found = _load(services, receipt)
        with deciding(services):
            found.run_again()
            if not found.pending:
                raise click.ClickException(
                    f"It was {found.verdict or UNJUDGED}; only ignored and refused ones run again."
                )
            version = found.pending[-1].version
            services.ledger.record(found)
        services.runner.run_at_once(effect_id(found.id, kind="judge", key=str(version)))
        judged = _load(services, receipt)
    result = {"receipt_id": str(judged.id), "verdict": judged.verdict or UNJUDGED, "cause": judged.reason}
    if as_json:
        print_json(result)
    else:
        click.echo(f"{result['verdict']} {result['cause'] or ''}".strip())


def _load(services: Services, receipt: UUID) -> Receipt:
    try:
        return services.ledger.load(Receipt, receipt, even_erased=True)
    except UnknownStream:
        raise click.ClickException("No message has this id.") from None
