"""`daybook attribution`: what each source, medium and campaign brought."""

from datetime import UTC, datetime

import click

from domain.shared.money import decimal_text
from projections.documents.attribution_report import FIRST_TOUCH, LEAD_CREATION, ORIGIN, report
from scripts.console import database_option, json_option, opened, print_json, table, terminal

COUNTED = ("calls", "forms", "taken_in_crm", "matched")
TIMES = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ")
BY = {"first-touch": FIRST_TOUCH, "lead-creation": LEAD_CREATION}


@click.command()
@click.option(
    "--by",
    type=click.Choice(tuple(BY)),
    default="first-touch",
    show_default=True,
    help="Count an order that has a call for what brought the call, or for what brought the form.",
)
@click.option("--since", type=click.DateTime(TIMES), help="Orders and calls of this time (UTC) or later.")
@click.option("--until", type=click.DateTime(TIMES), help="Orders and calls before this time (UTC).")
@database_option
@json_option
def attribution(by: str, since: datetime | None, until: datetime | None, database: str | None, as_json: bool) -> None:
    """Show what each source brought in calls, orders and money, the most money first; spam is left out."""
    with opened(database) as services:
        services.follower.catch_up()
        rows = report(
            services.home,
            by=BY[by],
            since=since and since.replace(tzinfo=UTC),
            until=until and until.replace(tzinfo=UTC),
        )
    money = ("paid", "refunded")
    shown = [
        {name: row[name] for name in (*ORIGIN, *COUNTED)} | {name: decimal_text(row[f"{name}_cents"]) for name in money}
        for row in rows
    ]
    if as_json:
        print_json(shown)
        return
    listed = table(*ORIGIN, *(name.replace("_", " ") for name in (*COUNTED, *money)))
    for line in shown:
        listed.add_row(*("" if value is None else str(value) for value in line.values()))
    terminal().print(listed if shown else "No orders and no calls.")
