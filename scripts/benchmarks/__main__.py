"""Runs benchmarks and prints the table: see `bash scripts/bench --help`."""

import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec
from rich.console import Console

from scripts.benchmarks.table import Context, Result, in_words, show
from tests import servers

# Name of a group to its module, imported when it is asked for: each brings a peer of its own.
BENCHMARKS = {
    "events": "scripts.benchmarks.events",
    "append": "scripts.benchmarks.append",
    "form": "scripts.benchmarks.form",
    "page": "scripts.benchmarks.page",
    "latency": "scripts.benchmarks.latency",
    "rebuild": "scripts.benchmarks.rebuild",
    "rebuild-live": "scripts.benchmarks.rebuild_live",
    "catch_up": "scripts.benchmarks.catch_up",
    "verify": "scripts.benchmarks.verify",
    "sql": "scripts.benchmarks.sql",
    "growth": "scripts.benchmarks.growth",
}


@click.command(context_settings={"max_content_width": 120})
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHMARKS)))
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Also write the results to this file.")
@click.option("--quick", is_flag=True, help="Tiny sizes: whether everything runs, not how fast.")
def main(names: Sequence[str], json_path: Path | None, quick: bool) -> None:
    """Measure Daybook beside its peers in one run: all groups, or those that are NAMED.

    Starts its own PostgreSQL with fsync on and full durability, unless DAYBOOK_TEST_POSTGRES_URL names one. Ratios
    count, not figures: both sides share the machine, the server, the driver and the same minutes.
    """
    progress, results = Console(stderr=True), list[Result]()
    with durable_postgres() as url:
        context = Context(url, quick, lambda words: progress.print(words, style="dim", highlight=False))
        for name in names or BENCHMARKS:
            context.say(f"{name} …")
            for result in importlib.import_module(BENCHMARKS[name]).run(context):
                results.append(result)
                context.say(in_words(result))
                if json_path is not None:  # at once: a long run that is broken off has not been for nothing
                    json_path.write_bytes(msgspec.json.format(msgspec.json.encode(results)))
    show(results, Console(width=None if sys.stdout.isatty() else 120))
    if any(result.ok is False for result in results):
        sys.exit(1)


@contextmanager
def durable_postgres() -> Iterator[str]:
    """A superuser's URL; our own server syncs every commit, as one that people trust does, and has room to work."""
    if named := os.environ.get("DAYBOOK_TEST_POSTGRES_URL"):
        yield named
        return
    with servers.postgres_server(fsync="on", full_page_writes="on", shared_buffers="256MB") as server:
        yield server.url


if __name__ == "__main__":
    main()
