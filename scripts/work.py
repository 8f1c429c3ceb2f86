"""`daybook work`: carries out effects, on as many machines as are wanted."""

from functools import partial

import click

from adapters.processes import start_work
from scripts.console import database_option, json_option, shared_settings
from scripts.standing import metrics_option, stand


@click.command()
@click.option("--threads", type=click.IntRange(1), help="Effects at the same time; default: DAYBOOK_EFFECT_WORKERS.")
@metrics_option
@database_option
@json_option
def work(threads: int | None, metrics_port: int | None, database: str | None, as_json: bool) -> None:
    """Carry out effects: mails, CRM records and whatever else is asked of the outside world.

    Several may run. Rings come over Redis or from PostgreSQL; what nobody rang for is found within a second.
    SIGTERM lets it finish what is in hand and hand back the rest.
    """
    number = threads or shared_settings(database).effect_workers
    stand(
        partial(start_work, threads=number),
        database=database,
        metrics_port=metrics_port,
        as_json=as_json,
        ready=f"Ready to carry out {number} effects at a time.",
    )
