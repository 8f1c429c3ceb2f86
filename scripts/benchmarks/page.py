"""A tracking page read, beside a constant answer of the same server."""

import http.client
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import msgspec

from scripts.benchmarks.form import CONNECTIONS, PATH, orders
from scripts.benchmarks.load import put, request
from scripts.benchmarks.processes import daybook, daybook_init, daybook_web, wsgi
from scripts.benchmarks.table import Context, Result, faster

SHARE = 0.6
CONSTANT = "/health/live"
PATIENCE = 30.0


def run(context: Context) -> Iterator[Result]:
    """The page as JSON and as HTML, and two constants: through all of our web, and of nothing but the server."""
    rounds, number = context.size(7, 1), context.size(3_000, 40)
    with (
        context.database() as database,
        tempfile.TemporaryDirectory() as name,
    ):
        daybook_init(database)
        with (
            daybook_web(database, Path(name)) as port,
            wsgi("scripts.bench_peers.constant:application") as bare,
        ):
            with daybook("follow", database=database, folder=Path(name), ready="Ready"):
                page = placed(port)
            asked = {
                "json": (port, request("GET", page, headers=["Accept: application/json"])),
                "html": (port, request("GET", page, headers=["Accept: text/html"])),
                "constant": (port, request("GET", CONSTANT)),
                "bare": (bare, request("GET", "/")),
            }
            rates: dict[str, list[float]] = {kind: [] for kind in asked}
            for nth in range(rounds + 1):
                context.say(f"page, round {nth} of {rounds}" if nth else "page, warming up")
                for kind, (at, sent) in asked.items():
                    load = put(at, [sent] * number, connections=CONNECTIONS, expect=200)
                    rates[kind] += [load.rate] if nth else []
    note = f"peer: {CONSTANT} of the same processes; a WSGI constant in the same server: {median(rates['bare']):,.0f}/s"
    for kind in ("json", "html"):
        yield faster(f"tracking page, {kind}", ours=rates[kind], peer=rates["constant"], times=SHARE, note=note)


def placed(port: int) -> str:
    """Place one order; returns its page's path once the page is there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    [order] = orders(1)
    head, _, body = order.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    connection.request("POST", PATH, body, headers)
    answer = msgspec.json.decode(connection.getresponse().read(), type=dict[str, object])
    page = f"/tracking/{answer['tracking_id']}/"
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:  # each look waits for the view itself
        connection.request("GET", page)
        response = connection.getresponse()
        response.read()
        if response.status == 200:
            return page
    raise TimeoutError("The tracking page did not appear.")
