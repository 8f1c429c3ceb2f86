"""`daybook follow`: keeps the views up with the log, and the house in order."""

import click

from adapters.processes import start_follow
from scripts.console import database_option, json_option
from scripts.standing import metrics_option, stand


@click.command()
@metrics_option
@database_option
@json_option
def follow(metrics_port: int | None, database: str | None, as_json: bool) -> None:
    """Keep the views up with the log, rebuild those whose fold has changed, and tidy by the clock.

    Several may run: one leads, and another takes over within five seconds of its death.
    """
    stand(
        start_follow,
        database=database,
        metrics_port=metrics_port,
        as_json=as_json,
        ready="Ready to lead, or to take over.",
    )
