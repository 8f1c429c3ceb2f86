"""`daybook web`: answers requests in several processes, and leaves all else to `daybook work` and `daybook follow`."""

import os

import click

from adapters import logs
from adapters.processes import start_web
from scripts.console import database_option, json_option, opened, print_json, shared_settings
from scripts.serve import address_of
from scripts.server import free_port, hold_signals, run


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0 takes any free one.")
@click.option("--workers", type=click.IntRange(1), help="Processes that answer; default: DAYBOOK_WEB_WORKERS.")
@click.option(
    "--metrics-port",
    type=click.IntRange(1, 65535),
    help="Show the first process's figures on this port of this machine, the next one's on the next.",
)
@database_option
@json_option
def web(
    host: str, port: int, workers: int | None, metrics_port: int | None, database: str | None, as_json: bool
) -> None:
    """Answer requests on PostgreSQL, until SIGTERM or Ctrl-C; what is in hand then is answered.

    `daybook follow` must run somewhere for pages to move on, and `daybook work` for anything to be sent.
    """
    shared_settings(database)
    port = free_port(host, port)
    hold_signals()
    address = address_of(host, port)
    if database:
        os.environ["DAYBOOK_DATABASE_URL"] = database
    if not os.environ.get("DAYBOOK_PUBLIC_BASE_URL"):
        os.environ["DAYBOOK_PUBLIC_BASE_URL"] = address
    with opened(None, views=False) as services:
        settings = services.settings
        logs.configure(level=settings.log_level)
    number = workers or settings.web_workers
    if as_json:
        print_json({"address": address, "workers": number, "settings": settings.summary()})
    run(
        host,
        port,
        start=start_web,
        workers=number,
        metrics_port=metrics_port,
        stop_seconds=settings.stop_seconds,
        ready='{"ready": true}' if as_json else f"Ready to answer at {address} in {number} processes.",
    )
