"""A durable form POST over eight connections, beside the same form in Django and REST framework."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import LiteralString
from uuid import uuid4

import msgspec
import psycopg

from scripts.benchmarks.load import Load, put, request
from scripts.benchmarks.processes import daybook_init, daybook_web, wsgi
from scripts.benchmarks.table import Context, Result, faster, percentile

PATH = "/embassy/create-order/"
CONNECTIONS = 8
TIMES = 4
MAKE_TABLES = "from scripts.bench_peers.django_form import create_tables; create_tables()"


def orders(number: int) -> list[bytes]:
    """Bodies of different people, each with a key of its own."""
    return [_order(uuid4().hex) for _ in range(number)]


def _order(unique: str) -> bytes:
    body = {
        "name": "John Doe",
        "email": f"{unique}@example.com",
        "phone": f"+1555{int(unique[:8], 16) % 10_000_000:07d}",
        "document_type": "Power of attorney",
        "country": "Qatar",
        "notarization": True,
    }
    return request("POST", PATH, headers=[f"Idempotency-Key: {unique}"], body=msgspec.json.encode(body))


def run(context: Context) -> Iterator[Result]:
    """Both servers run throughout and are asked in turn; neither's effects are carried out meanwhile."""
    rounds, number = context.size(7, 1), context.size(1_500, 40)
    with (
        context.database() as ours,
        context.database() as theirs,
        tempfile.TemporaryDirectory() as name,
    ):
        daybook_init(ours)
        subprocess.run([sys.executable, "-c", MAKE_TABLES], env={"BENCH_DATABASE_URL": theirs}, check=True)
        with (
            daybook_web(ours, Path(name)) as our_port,
            wsgi("scripts.bench_peers.django_form:application", database=theirs) as their_port,
            wsgi("scripts.bench_peers.constant:application") as constant,
        ):
            ports = (our_port, their_port, constant)
            loads: dict[int, list[Load]] = {port: [] for port in ports}
            warm_up = context.size(400, 20)
            asked = warm_up + rounds * number
            for port in ports:
                ask(port, warm_up, constant=constant)
            for nth in range(rounds):
                context.say(f"form, round {nth + 1} of {rounds}")
                for port in ports:
                    loads[port].append(ask(port, number, constant=constant))
            expect_kept(ours, "SELECT count(*) FROM daybook_log.events WHERE name ~ 'Placed'", asked)
            expect_kept(theirs, "SELECT count(*) FROM bench_order", asked)
            yield from judged(loads[our_port], loads[their_port], loads[constant])


def ask(port: int, number: int, *, constant: int) -> Load:
    """One round of one server."""
    return put(port, orders(number), connections=CONNECTIONS, expect=200 if port == constant else 201)


def expect_kept(database: str, count: LiteralString, orders: int) -> None:
    """Raises unless every order that was answered is there: a quick answer that keeps nothing is worth nothing."""
    with psycopg.connect(database) as connection:
        [kept] = connection.execute(count).fetchone() or (0,)
    if kept != orders:
        raise RuntimeError(f"{orders} orders were answered and {kept} are there.")


def judged(ours: list[Load], peer: list[Load], constant: list[Load]) -> Iterator[Result]:
    """Throughput, the slowest hundredth, and that the client could have asked for more."""
    rates = [[load.rate for load in loads] for loads in (ours, peer)]
    limit = median(load.rate for load in constant)
    note = f"{CONNECTIONS} connections, {len(ours)} rounds; a constant answer to the same client: {limit:,.0f}/s"
    yield faster("form POST", ours=rates[0], peer=rates[1], times=TIMES, note=note)
    mine, other = (median(percentile(load.took, 0.99) for load in loads) * 1e3 for loads in (ours, peer))
    yield Result(
        name="form POST, p99",
        ours=mine,
        peer=other,
        ratio=other / mine,
        target="< peer",
        ok=mine < other,
        unit="ms",
        note="the middle one of the rounds",
    )
