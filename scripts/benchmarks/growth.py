"""How cost grows with the ledger: append, tracking read and order list should stay flat, a rebuild be linear."""

import gc
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from statistics import median
from time import perf_counter
from uuid import uuid4

from adapters.demo import demo_wishes
from adapters.store.postgres import PostgresLog
from adapters.wiring import AGGREGATES, POLICIES
from domain.documents import tracking_id
from domain.documents.commands import place_order
from domain.ledger import Ledger, acting
from projections.documents.orders import ORDER_DESK, list_orders
from projections.documents.tracking_page import TRACKING_PAGE, find_page
from projections.rebuild import Rebuild
from scripts.benchmarks.filling import (
    MASTER_KEY,
    fill,
    open_both,
    open_log,
    order_id,
    placed_at,
    settle,
    tracking_id_of,
)
from scripts.benchmarks.table import Context, Result

SIZES, QUICK_SIZES = (10_000, 100_000, 1_000_000), (20, 40)
TIMES = 300
NEAR_FLAT = 0.5
STRIDE = 7919  # a prime, so that orders from everywhere are read
MILLISECONDS, MICROSECONDS = 1_000, 1_000_000


def run(context: Context) -> Iterator[Result]:
    """One log that grows. `peer` is the same at the smallest size; a ratio of 0.5 is twice its cost."""
    gc.freeze()  # as the processes of the product do
    smallest: Mapping[str, float] = {}
    sizes = QUICK_SIZES if context.quick else SIZES
    with context.database() as url:
        for before, orders in zip((0, *sizes), sizes, strict=False):
            context.say(f"  growing to {orders:,} orders")
            log = open_log(url)
            events = fill(log, first=before, orders=orders - before, only=ORDER_DESK.folds)
            log.close()
            costs = measure(url, orders=orders, times=context.size(TIMES, 5))
            smallest = smallest or costs
            note = f"{events:,} events of orders, without those of effects"
            yield from (_row(name, orders, costs[name], smallest[name], note) for name in costs)


def _row(name: str, orders: int, cost: float, first: float, note: str) -> Result:
    ratio = first / cost
    return Result(
        name=f"{name}, {orders:,} orders",
        ours=cost,
        peer=first,
        ratio=ratio,
        target=f">= {NEAR_FLAT}",
        ok=ratio >= NEAR_FLAT,
        unit="us" if name.startswith("rebuild") else "ms",
        note=note if name == "append" else "",
    )


def measure(url: str, *, orders: int, times: int) -> dict[str, float]:
    """Medians in ms, and microseconds of a rebuild per event folded."""
    log, home = open_both(url)
    home.install([ORDER_DESK, TRACKING_PAGE])
    rebuilt = [Rebuild(log, home, view, now=lambda: datetime.now(UTC)).run() for view in (ORDER_DESK, TRACKING_PAGE)]
    log.close()
    settle(url)
    numbers = [number * STRIDE % orders for number in range(times)]
    costs = {
        "append": _append(url, times),
        "tracking read": _each(times, lambda nth: find_page(home, tracking_id_of(numbers[nth]))),
        "order list": _each(times, lambda nth: list_orders(home)),
        "order list, deep": _each(
            times, lambda nth: list_orders(home, after=(placed_at(numbers[nth]), str(order_id(numbers[nth]))))
        ),
        **{f"rebuild of {it.view}": it.seconds / it.events * MICROSECONDS for it in rebuilt},
    }
    home.engine.dispose()
    return costs


def _append(url: str, times: int) -> float:
    """A whole order placed: its events, claims and effects."""
    log = PostgresLog(url, AGGREGATES, MASTER_KEY)
    log.install()
    ledger, wish = Ledger(log, policies=POLICIES), next(demo_wishes(today=date(2026, 1, 1)))
    with acting(by="customer", via="form", at=datetime.now(UTC), correlation="bench"):
        taken = _each(
            times,
            lambda nth: place_order(
                ledger, id=uuid4(), wish=wish, draw_tracking_id=lambda: tracking_id.draw(os.urandom)
            ),
        )
    log.close()
    return taken


def _each(times: int, work: Callable[[int], object]) -> float:
    taken = []
    for nth in range(times):
        started = perf_counter()
        work(nth)
        taken.append((perf_counter() - started) * MILLISECONDS)
    return median(taken)
