"""One append, two events and a claim: beside the library's stock recorder, and beside the least a commit can cost."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from statistics import median
from uuid import uuid4

import psycopg

from adapters.store.postgres import PostgresLog
from domain.consequences import Take
from domain.ledger import Aggregate, Event, Ledger, acting
from scripts.bench_peers.appending import open_orders
from scripts.benchmarks.table import Context, Result, faster
from scripts.benchmarks.writers import write_together

TIMES, BARE_TIMES = 3, 2
MASTER_KEY = bytes(32)
AT = datetime(2026, 1, 1, tzinfo=UTC)
BARE = "INSERT INTO bare (stream, version, name, data) VALUES (%s, 1, 'bench.order.Placed', %s)"
DATA = '{"stage":"submitted","at":"2026-01-01T00:00:00Z","by":"customer","via":"form","correlation":"bench"}'


class Placed(Event, frozen=True):
    """Takes one unique value, as an order takes its idempotency key."""

    def claims(self) -> Iterable[Take]:
        return (Take(f"bench:{self.stream}", self.stream),)


class StageReached(Event, frozen=True):
    """What the library's aggregate reaches too."""

    stage: str
    skipped: tuple[str, ...] = ()


class Order(Aggregate, name="bench.order"):
    """Two events, our way."""

    Placed, StageReached = Placed, StageReached

    def apply(self, event: Event) -> None:
        if isinstance(event, StageReached):
            self.stage = event.stage


def open_ours(url: str) -> Callable[[], object]:
    """Record through the ledger, as every command does."""
    log = PostgresLog(url, [Order], MASTER_KEY)
    log.install()
    ledger = Ledger(log, policies={})

    def write() -> None:
        order = Order(uuid4())
        with acting(by="customer", via="form", at=AT, correlation="bench"):
            order.happened(Placed())
            order.happened(StageReached(stage="submitted"))
            ledger.record(order)

    return write


def open_peer(url: str) -> Callable[[], object]:
    """Save through the library's application."""
    return open_orders(url).place


def open_bare(url: str) -> Callable[[], object]:
    """One prepared INSERT of one row, committed: what the server and the disk ask of anybody."""
    connection = psycopg.connect(url, autocommit=True)
    return lambda: connection.execute(BARE, (uuid4(), DATA), prepare=True)


def run(context: Context) -> Iterator[Result]:
    """Rounds of ours and the peer's in turn, each on tables of its own in a database that both have used before."""
    rounds, appends = context.size(5, 1), context.size(3_200, 160)
    with context.database() as ours, context.database() as peer:
        with psycopg.connect(peer, autocommit=True) as connection:
            connection.execute("CREATE TABLE bare (stream uuid PRIMARY KEY, version int, name text, data json)")
        alone: list[float] = []
        bare: list[float] = []
        for writers in (1, 8):
            measure = partial(write_together, writers=writers, writes=appends // writers)
            rates: tuple[list[float], list[float]] = ([], [])
            for number in range(rounds):
                context.say(f"append, {writers} at once, round {number + 1} of {rounds}")
                rate, took = measure(open_ours, ours)
                rates[0].append(rate)
                rates[1].append(measure(open_peer, peer)[0])
                if writers == 1:
                    alone += took
                    bare += measure(open_bare, peer)[1]
            note = f"two events, ours with a claim; {appends} appends by {writers} processes, {rounds} rounds"
            yield faster(f"append, {writers} writers", ours=rates[0], peer=rates[1], times=TIMES, note=note)
        yield beside_bare(median(alone), median(bare))


def beside_bare(ours: float, bare: float) -> Result:
    """Seconds in the middle of all appends, against a bare INSERT's."""
    return Result(
        name="append p50, bare INSERT",
        ours=ours * 1e3,
        peer=bare * 1e3,
        ratio=bare / ours,
        target=f"<= {BARE_TIMES} times",
        ok=ours <= BARE_TIMES * bare,
        unit="ms",
        note="one writer; the INSERT is one row with one index, ours three rows with four",
    )
