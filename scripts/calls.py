"""`daybook calls`: who telephoned, and what staff decide about which order a call belongs to."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import click

from adapters.wiring import Services
from domain.documents.call_events import lead_claim
from domain.documents.call_lead import CallLead
from domain.documents.catalogue import find_service
from domain.documents.match_commands import dismiss_suggestion, match_by_hand, undo_match
from projections.documents.call_leads import find_call_row, list_calls
from projections.documents.match_queue import list_match_queue
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
from scripts.sheets import call_facts, call_sheet

STATES = ("in_progress", "completed")
call_argument = click.argument("call", metavar="CALL")
order_argument = click.argument("order", metavar="ID|TRACKING_ID")


@click.group()
def calls() -> None:
    """Look at the calls, and decide which orders they belong to. CALL is our id of one, or the vendor's."""


@calls.command("list")
@click.option("--service", help="Those about one service, such as fbi.")
@click.option("--state", type=click.Choice(STATES), help="Those under way, or those that have ended.")
@click.option("--matched/--unmatched", default=None, help="Those that belong to an order, or those that do not.")
@click.option("--spam/--no-spam", default=None, help="Those that were no customers, or the others.")
@click.option("--after", metavar="CALL", help="Go on after this call, the last one seen.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many.")
@database_option
@json_option
def list_(
    service: str | None,
    state: str | None,
    matched: bool | None,
    spam: bool | None,
    after: str | None,
    limit: int,
    database: str | None,
    as_json: bool,
) -> None:
    """Show the calls, newest first, without personal data."""
    with opened(database) as services:
        services.follower.catch_up()
        rows = list_calls(
            services.home,
            service=_service(service) if service else None,
            state=state,
            matched=matched,
            spam=spam,
            after=_place(services, after) if after else None,
            limit=limit,
        )
    if as_json:
        print_json([call_facts(row) for row in rows])
        return
    listed = table("received", "call", "service", "state", "seconds", "order", "spam", "source")
    for row in rows:
        listed.add_row(
            moment_text(row["received_at"]),
            row["phone_lead_id"],
            row["detected_service"] or "",
            row["lead_state"] or "",
            str(row["call_duration"] or ""),
            row["matched_order_id"] or "",
            "spam" if row["spam"] else "",
            row["source"] or "",
        )
    terminal().print(listed if rows else "No calls.")


def _service(text: str) -> str:
    found = find_service(text)
    if found is None:
        raise click.ClickException("There is no such service.")
    return found.code


def _find(services: Services, text: str) -> UUID:
    """A lead's id, or the lead that has the vendor's id of a call."""
    try:
        return UUID(text)
    except ValueError:
        owner = services.ledger.owner(lead_claim(text))
    if owner is None:
        raise click.ClickException(NOTHING)
    return owner


def _place(services: Services, text: str) -> tuple[datetime, str]:
    """Where a call stands in the list: its lead began when its first message came."""
    id = _find(services, text)
    first = next(iter(services.ledger.events(id)), None)
    if not isinstance(first, CallLead.CallReceived):
        raise click.ClickException(NOTHING)
    return first.at, str(id)


@calls.command()
@call_argument
@click.option("--reveal", is_flag=True, help="Open the personal data, for a person at a terminal.")
@database_option
@json_option
def show(call: str, reveal: bool, database: str | None, as_json: bool) -> None:
    """Show one call; who it was and what was said only with --reveal. `daybook history` tells how it came so."""
    with opened(database) as services:
        sheet = _sheet(services, _find(services, call), reveal=reveal)
    if as_json:
        print_json(sheet)
    else:
        show_facts(sheet)


def _sheet(services: Services, id: UUID, *, reveal: bool = False) -> dict[str, Any]:
    services.follower.catch_up()
    row = find_call_row(services.home, str(id))
    if row is None:
        raise click.ClickException(NOTHING)
    return call_sheet(row, services.reveal if reveal else None)


Act = Callable[[Services, UUID], None]


def _decide(call: str, act: Act, *, by: str | None, database: str | None, as_json: bool, said: str) -> None:
    """Carry out what somebody decides about a call, and say what the call is like since."""
    with opened(database) as services:
        id = _find(services, call)
        with deciding(services, by):
            act(services, id)
        sheet = _sheet(services, id)
    if as_json:
        print_json(sheet)
    else:
        click.echo(said.format_map(sheet))


@calls.command()
@call_argument
@order_argument
@reason_option
@by_option
@database_option
@json_option
def match(call: str, order: str, reason: str, by: str | None, database: str | None, as_json: bool) -> None:
    """Say that a call and an order are one person's, whatever was thought of them before."""

    def act(services: Services, id: UUID) -> None:
        match_by_hand(services.ledger, call_id=id, order_id=find_stream(services, order), reason=reason)

    said = "The call belongs to the order {matched_order_id} ({direction})."
    _decide(call, act, by=by, database=database, as_json=as_json, said=said)


@calls.command()
@call_argument
@reason_option
@by_option
@database_option
@json_option
def unmatch(call: str, reason: str, by: str | None, database: str | None, as_json: bool) -> None:
    """Part a call from its order; they are never matched again, unless staff do it."""

    def act(services: Services, id: UUID) -> None:
        undo_match(services.ledger, call_id=id, reason=reason)

    _decide(call, act, by=by, database=database, as_json=as_json, said="The call belongs to no order now.")


@calls.command()
@call_argument
@order_argument
@reason_option
@by_option
@database_option
@json_option
def dismiss(call: str, order: str, reason: str, by: str | None, database: str | None, as_json: bool) -> None:
    """Say no to a suggestion: this call and this order are not suggested again."""

    def act(services: Services, id: UUID) -> None:
        dismiss_suggestion(services.ledger, call_id=id, order_id=find_stream(services, order), reason=reason)

    _decide(call, act, by=by, database=database, as_json=as_json, said="The call is not suggested for this order.")


@calls.command()
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many calls.")
@database_option
@json_option
def suggestions(limit: int, database: str | None, as_json: bool) -> None:
    """Show the calls that may belong to an order, and pairs with two CRM records; the longest waiting first."""
    with opened(database) as services:
        services.follower.catch_up()
        rows = list_match_queue(services.home, limit=limit)
    if as_json:
        print_json(list(rows))
        return
    listed = table("since", "call", "order", "kind", "what agrees", "likely", "two records")
    for row in rows:
        pair = row["two_records"]
        both = f"{pair['order']} (order), {pair['call']} (call)" if pair else ""
        for found in row["suggestions"] or [{}]:
            listed.add_row(
                moment_text(row["since"]),
                row["phone_lead_id"],
                found.get("order_id", ""),
                found.get("order_type", ""),
                ", ".join(found.get("evidence", ())),
                f"{found['confidence']:.0%}" if found else "",
                both,
            )
    terminal().print(listed if rows else "Nothing to decide.")
