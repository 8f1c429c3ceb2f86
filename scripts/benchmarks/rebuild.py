"""Rebuilding the tracking page from a million events, beside the library's projection and beside a bare COPY."""

import gc
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from time import perf_counter

import psycopg
from psycopg.sql import SQL, Literal

from adapters.store.postgres import PostgresLog
from projections.documents.tracking_page import TRACKING_PAGE
from projections.home import Home
from projections.parallel import Connect
from projections.rebuild import Rebuild, Rebuilt
from scripts.bench_peers import library
from scripts.benchmarks.filling import fill, open_both, open_log, settle
from scripts.benchmarks.table import Context, Result, faster

PEER_ORDERS = 1_000
ROUNDS = 3
WORKERS = 2


def run(context: Context) -> Iterator[Result]:
    """Rates are of the events that the view folds: about a fifth of the log, the same for all."""
    gc.freeze()  # as the processes of the product do
    with context.database() as url, context.database() as peer_url:
        context.say("  filling a log")
        log = open_log(url)
        events = fill(log, orders=context.size(33_000, 100))
        settle(url)
        _, home = open_both(url)
        home.install([TRACKING_PAGE])
        names = log.readable_as(TRACKING_PAGE.folds)
        last = library.record(peer_url, orders=context.size(PEER_ORDERS, 10))
        alone, together, copied, by_stream, theirs = (list[float]() for _ in range(5))
        for number in range(context.size(ROUNDS, 1)):
            context.say(f"  round {number + 1}")
            copied.append(copy_rate(url, names))
            alone.append(rate(rebuild(log, home, None)))
            by_stream.append(copy_rate(url, names, order="ORDER BY stream, version"))
            together.append(rate(rebuild(log, home, partial(open_both, url))))
            theirs.append(last / library.project(peer_url, last))
        home.engine.dispose()
        log.close()
    note = f"tracking page out of a log of {events:,} events; events folded a second"
    best = max(alone, together, key=max)
    yield faster(
        "rebuild : ProjectionRunner", ours=best, peer=theirs, times=100, note=f"{note}; the peer folds {last:,}"
    )
    yield faster("rebuild, one worker : COPY", ours=alone, peer=copied, times=0.35, note=f"{note}; COPY in log order")
    yield faster("rebuild, one worker : COPY by stream", ours=alone, peer=by_stream, times=0.35, note="the same SELECT")
    yield faster(f"rebuild, {WORKERS} workers : one", ours=together, peer=alone, times=None, note="with their start")


def rebuild(log: PostgresLog, home: Home, connect: Connect | None) -> Rebuilt:
    """Rebuild the view once, in this process or in two others."""
    return Rebuild(
        log, home, TRACKING_PAGE, now=lambda: datetime.now(UTC), workers=WORKERS if connect else 1, connect=connect
    ).run()


def rate(rebuilt: Rebuilt) -> float:
    """Events folded a second."""
    return rebuilt.events / rebuilt.seconds


def copy_rate(url: str, names: Sequence[str], *, order: str = "") -> float:
    """Rows a second of a COPY of these events to this client, which throws them away."""
    listed = SQL(", ").join(Literal(name) for name in names)
    query = SQL("COPY (SELECT position, name, data FROM daybook_log.events WHERE name IN ({}) {}) TO STDOUT")
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        started = perf_counter()
        with cursor.copy(query.format(listed, SQL(order))) as copy:
            rows = sum(1 for _ in copy)
        return rows / (perf_counter() - started)
