"""`daybook evidence`: a file that proves what happened to one subject, without the ledger."""

from pathlib import Path

import click
import msgspec

from adapters.proof.evidence import Evidence, NothingHere, evidence_of
from adapters.proof.keeper import BrokenChain
from adapters.wiring import Services
from projections.across.audit_trail import trail_of
from scripts.console import database_option, json_option, opened, print_json
from scripts.subjects import find_subject


@click.command()
@click.argument("subject", metavar="SUBJECT")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The file to write.")
@click.option("--effects", is_flag=True, help="Put the events of its effects in as well.")
@database_option
@json_option
def evidence(subject: str, out: Path, effects: bool, database: str | None, as_json: bool) -> None:
    """Write the events of a subject and what ties them to signed checkpoints into a file.

    SUBJECT is named as for `daybook history`. A file that is there already is not replaced.
    `scripts/check_evidence.py` checks it without the ledger. Of other events only digests are in it, and personal data
    stays sealed. A checkpoint is made first if the newest events have none.
    """
    with opened(database) as services:
        made = _evidence(services, subject, effects=effects)
        try:
            with out.open("xb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n")
        except FileExistsError:
            raise click.ClickException(f"{out} is there already; evidence replaces nothing.") from None
    told = {"file": str(out), "events": len(made.events), "checkpoints": len(made.stretches), "key": made.public_key}
    if as_json:
        print_json(told)
    else:
        click.echo(f"{out}: {told['events']} events, tied to {told['checkpoints']} checkpoints of {made.public_key}.")


def _evidence(services: Services, subject: str, *, effects: bool) -> Evidence:
    streams = [str(find_subject(services, subject))]
    if effects:
        services.follower.catch_up()
        trail = trail_of(services.home, streams[0])
        streams = list(dict.fromkeys([*streams, *(row["stream"] for row in trail)]))
    try:
        services.keeper.extend(all=True)
        with services.keeper.tables.snapshot() as snapshot:
            return evidence_of(snapshot, services.keeper.seal, streams)
    except (NothingHere, BrokenChain) as error:
        raise click.ClickException(str(error)) from None
