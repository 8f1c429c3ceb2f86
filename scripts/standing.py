"""Processes that stand for long and answer no requests: how they start, say that they are ready, and end."""

import os
import signal
import sys
import threading
from collections.abc import Callable

import click

from adapters import logs
from adapters.metrics_server import serve_metrics
from adapters.wiring import Services
from scripts.console import opened, sentences, shared_settings

METRICS_HOST = "127.0.0.1"
metrics_option = click.option(
    "--metrics-port", type=click.IntRange(0, 65535), help="Show figures for Prometheus on this port of this machine."
)


def stand(
    start: Callable[[Services], None], *, database: str | None, metrics_port: int | None, as_json: bool, ready: str
) -> None:
    """Start, say so, and go on until SIGTERM or SIGINT; then finish what is in hand and hand back the rest."""
    shared_settings(database)
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    with opened(database, views=False) as services, sentences():
        logs.configure(level=services.settings.log_level)
        metrics = serve_metrics(METRICS_HOST, metrics_port, services) if metrics_port is not None else None
        start(services)
        click.echo('{"ready": true}' if as_json else ready)
        told.wait()
        ended = services.stop(timeout=services.settings.stop_seconds)
        if metrics is not None:
            metrics.stop()
    if not ended:  # a thread that waits for a vendor would keep the process
        sys.stdout.flush()
        os._exit(0)
