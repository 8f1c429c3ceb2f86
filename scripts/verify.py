"""`daybook verify`: whether the log is what it was, computed again from the stored bytes."""

from contextlib import closing
from pathlib import Path
from typing import Any

import click
import msgspec

from adapters.proof.following import Following
from adapters.proof.verifying import Report, Verification
from adapters.wiring import Services
from scripts.console import database_option, json_option, opened, print_json, table, terminal
from scripts.progress import progress_bar


@click.command()
@click.option("--from", "start", type=click.IntRange(0), default=0, metavar="POSITION", help="Only the events since.")
@click.option(
    "--against",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="What an earlier `verify --json` printed, or evidence: its checkpoints must still be there.",
)
@click.option("--chain-only", is_flag=True, help="Leave out claims, open effects, versions and keys: twice as fast.")
@click.option("--public-key", is_flag=True, help="Only print the key that evidence is checked with.")
@database_option
@json_option
def verify(
    start: int, against: Path | None, chain_only: bool, public_key: bool, database: str | None, as_json: bool
) -> None:
    """Compute the hash chain again, and what follows from the events, and name what does not fit.

    Ends with 1 when something does not. Events behind the last checkpoint are not covered yet: they are counted. Who
    can write the tables can take the newest checkpoints away with their events; keep the output of --json elsewhere
    and hand it to --against to find that out.
    """
    given_out = checkpoints_in(against) if against else {}
    with opened(database, views=False) as services:
        if public_key:
            key = services.keeper.seal.public_key
            print_json({"public_key": key}) if as_json else click.echo(key)
            return
        report = _verify(services, start, given_out, whole=start == 0 and not chain_only, quiet=as_json)
    if as_json:
        print_json({"holds": report.holds, **msgspec.structs.asdict(report)})
    else:
        _show(report)
    if not report.holds:
        raise SystemExit(1)


def checkpoints_in(file: Path) -> dict[int, str]:
    """Positions and hashes (hex) of the checkpoints that a file tells of; complains when it tells of none."""
    try:
        told: Any = msgspec.json.decode(file.read_bytes())
        heads = [told["head"]] if "head" in told else [one["checkpoint"] for one in told["stretches"]]
        return {int(head["position"]): str(head["hash"]) for head in heads if head}
    except (msgspec.MsgspecError, LookupError, TypeError, ValueError):
        raise click.ClickException(f"{file} tells of no checkpoint.") from None


def _verify(services: Services, start: int, given_out: dict[int, str], *, whole: bool, quiet: bool) -> Report:
    read_upto = max((position or 0 for position in services.positions().values()), default=0)
    with (
        progress_bar(quiet=quiet) as bar,
        closing(Following(services.log.mapper, services.log.keyring)) as following,
        services.keeper.tables.snapshot() as snapshot,
    ):
        last = snapshot.last_position()
        if start > last:
            raise click.ClickException(f"The log ends at {last}.")
        task = bar.add_task("events", total=last - start)
        verification = Verification(
            snapshot,
            services.keeper.seal,
            following if whole else None,
            progress=lambda events: bar.update(task, completed=events),
        )
        return verification.run(start=start, given_out=given_out, read_upto=read_upto)


def _show(report: Report) -> None:
    said = f"{report.checked:,} events and {report.checkpoints:,} checkpoints checked in {report.seconds:.1f} s"
    rate = f", {report.checked / report.seconds:,.0f} events/s" if report.seconds else ""
    click.echo(f"{said}{rate}.")
    if report.uncovered:
        click.echo(f"The newest {report.uncovered:,} events have no checkpoint behind them yet.")
    if report.head:
        click.echo(f"The last checkpoint that holds is at {report.head.position}: {report.head.hash}")
    if report.holds:
        click.echo("Everything fits.")
        return
    drawn = table("position", "what", "stream", "in words")
    for one in report.breaks:
        place = "" if one.position is None else str(one.position)
        drawn.add_row(place, one.kind, one.stream or "", one.detail)
    terminal().print(drawn)
