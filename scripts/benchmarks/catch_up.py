"""A follower that has fallen behind and catches up, beside the library's projection of the same view."""

import gc
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from time import perf_counter

from adapters.wiring import VIEWS
from projections.documents.tracking_page import TRACKING_PAGE
from projections.follow import Follower
from projections.view import View
from scripts.bench_peers import library
from scripts.benchmarks.filling import fill, open_both, open_log, settle
from scripts.benchmarks.table import Context, Result, faster

PEER_ORDERS = 1_000
ROUNDS = 3


def run(context: Context) -> Iterator[Result]:
    """One view over a log that holds only its events, as the peer's does; then all views over a whole log."""
    gc.freeze()  # as the processes of the product do
    ours, theirs, everything = (list[float]() for _ in range(3))
    with context.database() as url, context.database() as whole, context.database() as peer_url:
        events = _filled(url, orders=context.size(20_000, 50), view=TRACKING_PAGE)
        all_events = _filled(whole, orders=context.size(2_000, 20), view=None)
        last = library.record(peer_url, orders=context.size(PEER_ORDERS, 10))
        for number in range(context.size(ROUNDS, 1)):
            context.say(f"  round {number + 1}")
            ours.append(events / seconds(url, [TRACKING_PAGE]))
            theirs.append(last / library.project(peer_url, last))
            everything.append(all_events / seconds(whole, VIEWS))
    note = f"tracking page, a backlog of {events:,} events, all folded; the peer's is {last:,}"
    yield faster("catch-up : ProjectionRunner", ours=ours, peer=theirs, times=50, note=note)
    note = f"{len(VIEWS)} views fed from {all_events:,} events; the peer feeds one"
    yield faster("catch-up of all views : one of theirs", ours=everything, peer=theirs, times=None, note=note)


def _filled(url: str, *, orders: int, view: View | None) -> int:
    log = open_log(url)
    events = fill(log, orders=orders, only=view.folds if view else None)
    log.close()
    settle(url)
    return events


def seconds(url: str, views: Sequence[View]) -> float:
    """How long a new follower takes from the first event to the last."""
    log, home = open_both(url)
    with home.engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA IF EXISTS daybook_views CASCADE")
    home.install(views)
    follower = Follower(log, home, views, now=lambda: datetime.now(UTC))
    started = perf_counter()
    follower.catch_up()
    taken = perf_counter() - started
    home.engine.dispose()
    log.close()
    return taken
