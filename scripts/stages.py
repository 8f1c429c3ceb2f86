"""`daybook stages`: stages from the CRM that were refused, and those that orders jumped over."""

import click

from projections.documents.stage_queue import list_stage_queue
from scripts.console import database_option, json_option, moment_text, opened, print_json, table, terminal


@click.command()
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many.")
@database_option
@json_option
def stages(limit: int, database: str | None, as_json: bool) -> None:
    """Show the CRM's stages that were refused and the orders that skipped some, the longest waiting first.

    A refused message is looked at with `daybook receipts show`, and judged once more with `daybook receipts run-again`
    when its cause is gone. An order that skipped stages leaves the list when it is completed.
    """
    with opened(database) as services:
        services.follower.catch_up()
        rows = list_stage_queue(services.home, limit=limit)
    if as_json:
        print_json(list(rows))
        return
    listed = table("since", "order or receipt", "what", "cause", "stage", "skipped")
    for row in rows:
        listed.add_row(
            moment_text(row["since"]),
            row["subject"],
            row["what"],
            row["reason"] or "",
            row["stage"] or "",
            ", ".join(row["skipped"]),
        )
    terminal().print(listed if rows else "Nothing to look at.")
