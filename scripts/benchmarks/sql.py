"""The funnel by source and month out of a million events: DuckDB over an export, beside PostgreSQL over the JSON."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import psycopg

from adapters.export.exporting import Exporter, Wanted
from adapters.export.folder import Folder
from adapters.export.querying import Limits, open_export
from adapters.wiring import AGGREGATES
from scripts.benchmarks.filling import fill, open_both, settle
from scripts.benchmarks.table import Context, Result

ROUNDS = 5
TARGET_MS = 1000

FUNNEL = """
SELECT month, source, count(*) AS placed, count_if(paid) AS paid, count_if(begun) AS begun,
       count_if(completed) AS completed
FROM (
    SELECT min(month) FILTER (event = 'documents.order.Placed') AS month,
           min(source) FILTER (event = 'documents.order.Placed') AS source,
           bool_or(event = 'documents.order.Paid') AS paid,
           bool_or(event = 'documents.order.StageReached') AS begun,
           bool_or(event = 'documents.order.StageReached' AND stage = 'completed') AS completed
    FROM events
    WHERE event IN ('documents.order.Placed', 'documents.order.Paid', 'documents.order.StageReached')
    GROUP BY stream
)
WHERE month IS NOT NULL
GROUP BY ALL
ORDER BY month, source NULLS FIRST
"""
IN_JSON = """
SELECT month, source, count(*) AS placed, count(*) FILTER (WHERE paid) AS paid,
       count(*) FILTER (WHERE begun) AS begun, count(*) FILTER (WHERE completed) AS completed
FROM (
    SELECT min(to_char((data->>'at')::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM'))
               FILTER (WHERE name = 'documents.order.Placed') AS month,
           min(data->'attribution'->>'source') FILTER (WHERE name = 'documents.order.Placed') AS source,
           bool_or(name = 'documents.order.Paid') AS paid,
           bool_or(name = 'documents.order.StageReached') AS begun,
           bool_or(name = 'documents.order.StageReached' AND data->>'stage' = 'completed') AS completed
    FROM daybook_log.events
    WHERE name IN ('documents.order.Placed', 'documents.order.Paid', 'documents.order.StageReached')
    GROUP BY stream
) AS orders
WHERE month IS NOT NULL
GROUP BY month, source
ORDER BY month, source NULLS FIRST
"""


class Differ(Exception):
    """The two sides give different answers, so nothing they took can be compared."""


def run(context: Context) -> Iterator[Result]:
    """Exports a log of a million events, then asks both sides the same in turn."""
    yield from measure(context, orders=context.size(33_000, 100))


def measure(context: Context, *, orders: int) -> Iterator[Result]:
    """The same with this many orders, about thirty events each."""
    with context.database() as url, TemporaryDirectory() as folder:
        context.say("  filling a log")
        log, home = open_both(url)
        try:
            events = fill(log, orders=orders)
            settle(url)
            context.say(f"  exporting {events:,} events")
            started = perf_counter()
            exporter = Exporter(log, home, AGGREGATES, now=datetime.now(UTC))
            manifest = exporter.add(Folder(Path(folder)), Wanted(upto=events))
            rate = events / (perf_counter() - started)
        finally:
            home.engine.dispose()
            log.close()
        size = sum(part.bytes for part in manifest.parts) / events
        ours, theirs = _compare(url, Path(folder), rounds=context.size(ROUNDS, 1))
    note = f"{events:,} events, {len(manifest.parts)} files; one opens the export and asks, the other asks"
    yield Result(name="export", ours=rate, note=f"events a second into Parquet, {size:.0f} bytes for each")
    yield Result(
        name="funnel by source and month",
        ours=ours,
        peer=theirs,
        ratio=theirs / ours,
        target=f"<= {TARGET_MS} ms, told only",
        unit="ms",
        note=note,
    )


def _compare(url: str, folder: Path, *, rounds: int) -> tuple[float, float]:
    """What each side takes (ms, the middle of all rounds), in turn; raises `Differ`."""
    ours, theirs = list[float](), list[float]()
    with psycopg.connect(url) as connection:
        for _ in range(rounds):
            started = perf_counter()
            mine = _ask(folder)
            ours.append((perf_counter() - started) * 1000)
            started = perf_counter()
            other = connection.execute(IN_JSON).fetchall()
            theirs.append((perf_counter() - started) * 1000)
            if not mine or mine != other:
                raise Differ
    return median(ours), median(theirs)


def _ask(folder: Path) -> list[tuple[Any, ...]]:
    with open_export(folder, Limits()) as desk:
        return desk.ask(FUNNEL).rows
