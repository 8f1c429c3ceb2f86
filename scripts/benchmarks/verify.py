"""How many events a second `daybook verify` looks through: all of it, and the chain alone."""

import gc
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from statistics import median

from adapters.proof.following import Following
from adapters.proof.verifying import Report, Verification
from adapters.wiring import Services
from scripts.benchmarks.filling import fill, open_log, settle
from scripts.benchmarks.rebuild_live import ledger
from scripts.benchmarks.table import Context, Result

ORDERS, QUICK_ORDERS = 11_000, 40  # a third of a million events
TARGET = 300_000


def run(context: Context) -> Iterator[Result]:
    """The whole pass and the chain alone, in turn."""
    gc.freeze()  # what the program is made of is not to be looked through again and again
    rounds = context.size(3, 1)
    with context.database() as url, tempfile.TemporaryDirectory() as name:
        context.say("  filling a log")
        with closing(open_log(url)) as log:
            events = fill(log, orders=context.size(ORDERS, QUICK_ORDERS))
        with ledger(url, Path(name)) as services:
            services.keeper.extend(all=True)
            settle(url)
            rates: dict[bool, list[float]] = {True: [], False: []}
            for nth in range(rounds):
                context.say(f"verify, round {nth + 1} of {rounds}")
                for whole, found in rates.items():
                    report = verified(services, whole=whole)
                    if not report.holds:
                        raise RuntimeError(f"The log does not hold: {report.breaks[:3]}")
                    found.append(report.checked / report.seconds)
    note = f"{events:,} events with their checkpoints; the rate of a second pass on a warm server"
    for whole, found in rates.items():
        yield judged("verify" if whole else "verify, the chain alone", median(found), note)


def judged(name: str, rate: float, note: str) -> Result:
    """A rate beside the one that is wanted."""
    return Result(name=name, ours=rate, target=f">= {TARGET:,}/s", ok=rate >= TARGET, note=note)


def verified(services: Services, *, whole: bool) -> Report:
    """One pass, as the command makes it."""
    with (
        closing(Following(services.log.mapper, services.log.keyring)) as following,
        services.keeper.tables.snapshot() as snapshot,
    ):
        return Verification(snapshot, services.keeper.seal, following if whole else None).run()
