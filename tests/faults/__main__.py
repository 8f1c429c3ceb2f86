"""The long fault run: `bash scripts/test faults`."""

import sys
import time
from pathlib import Path

import click

from tests.faults.chaos import KILLS, PACK
from tests.faults.run import Plan, run
from tests.servers import temporary_folder


@click.command()
@click.option("--seed", default=20261121, show_default=True, help="What happens when, and what is asked.")
@click.option("--requests", default=20_000, show_default=True, type=click.IntRange(1), help="To be answered at least.")
@click.option("--kills", default=200, show_default=True, type=click.IntRange(1), help="kill -9, at least so many.")
@click.option("--only", multiple=True, type=click.Choice(list(PACK)), help="Nothing else happens; may be repeated.")
@click.option("--report", type=click.Path(path_type=Path), help="Write the report here too.")
def main(seed: int, requests: int, kills: int, only: tuple[str, ...], report: Path | None) -> None:
    """Kill, restart and freeze two webs, two workers, two followers, Redis and PostgreSQL under load, then audit.

    Whatever was answered must be on the ledger once, in every view, and done once at the vendors.
    """
    if only and KILLS.isdisjoint(only):
        raise click.UsageError("A run ends after so many kills: --only must name something that kills.")
    began = time.monotonic()
    with temporary_folder("faults") as folder:
        done = run(
            Plan(seed=seed, requests=requests, kills=kills, only=only),
            folder,
            lambda line: click.echo(f"{time.monotonic() - began:6.0f} s  {line}"),
        )
    click.echo(done.text())
    if report:
        report.write_text(done.text() + "\n")
    sys.exit(bool(done.findings))


if __name__ == "__main__":
    main()
