"""`daybook payments`: the payments that somebody has to look at."""

from typing import Any

import click

from domain.shared.money import decimal_text
from projections.documents.payment_queue import list_payment_queue
from projections.view import Row
from scripts.console import database_option, json_option, moment_text, opened, print_json, table, terminal


@click.command()
@click.option(
    "--limit", type=click.IntRange(1), default=100, show_default=True, help="Those of at most so many orders."
)
@database_option
@json_option
def payments(limit: int, database: str | None, as_json: bool) -> None:
    """Show the payments that do not fit or came twice, the longest waiting first.

    A mismatch is accepted with `daybook orders accept-payment` or given back at the provider; one paid_again is given
    back there. Either goes from this list when the provider says that all of it went back.
    """
    with opened(database) as services:
        services.follower.catch_up()
        shown = [_decimal(row) for row in list_payment_queue(services.home, limit=limit)]
    if as_json:
        print_json(shown)
        return
    listed = table("since", "order", "what", "asked", "came", "currency", "checkout")
    for facts in shown:
        listed.add_row(
            moment_text(facts["since"]),
            facts["order_id"],
            facts["what"],
            facts["expected"] or "",
            facts["got"],
            facts["currency"].upper(),
            facts["session_id"],
        )
    terminal().print(listed if shown else "Nothing to decide.")


def _decimal(row: Row) -> dict[str, Any]:
    facts = {name: value for name, value in row.items() if not name.endswith("_cents")}
    expected = row["expected_cents"]
    return facts | {
        "expected": None if expected is None else decimal_text(expected),
        "got": decimal_text(row["got_cents"]),
    }
