"""`daybook effects`: what is still to be done at the vendors, and what was given up."""

from uuid import UUID

import click

from adapters.wiring import Services
from domain.ledger import Ledger, UnknownStream, repeatable
from domain.shared.effect import Effect, NotGivenUp
from projections.across.audit_trail import oldest_first
from projections.across.effects import DEAD, DONE, PENDING, WAITING, count_by_state, list_effects
from projections.view import Row
from scripts.console import (
    database_option,
    deciding,
    find_stream,
    json_option,
    moment_text,
    opened,
    print_json,
    table,
    terminal,
)

OPEN_OR_DEAD = (PENDING, WAITING, DEAD)
STATES = (*OPEN_OR_DEAD, DONE)
HIDDEN = ("cause", "correlation")
MOST_RUNG = 10_000


@click.group(invoke_without_command=True)
@click.option("--state", type=click.Choice(STATES), help="Show those of this state only.")
@click.option("--subject", metavar="ID|TRACKING_ID", help="Show those asked for by this order, done ones too.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many of each state.")
@database_option
@json_option
@click.pass_context
def effects(
    context: click.Context, state: str | None, subject: str | None, limit: int, database: str | None, as_json: bool
) -> None:
    """Show the effects that are pending, waiting for another attempt, or dead."""
    if context.invoked_subcommand is not None:
        return
    with opened(database) as services:
        services.follower.catch_up()
        stream = str(find_stream(services, subject)) if subject else None
        states = (state,) if state else STATES if stream else OPEN_OR_DEAD
        counts = dict.fromkeys(STATES, 0) | count_by_state(services.home)
        rows = [row for name in states for row in list_effects(services.home, state=name, subject=stream, limit=limit)]
    if as_json:
        print_json({"counts": counts, "effects": rows})
    else:
        _show(counts, rows)


@effects.command()
@click.argument("effect", metavar="[ID]", type=click.UUID, required=False)
@click.option("--subject", metavar="ID|TRACKING_ID", help="Every dead effect of this order.")
@click.option("--all", "everything", is_flag=True, help="Every dead effect.")
@database_option
@json_option
def retry(effect: UUID | None, subject: str | None, everything: bool, database: str | None, as_json: bool) -> None:
    """Ring dead effects again: they are tried anew, in the order they were asked for, from the first attempt on."""
    if [effect is not None, subject is not None, everything].count(True) != 1:
        raise click.UsageError("Name one effect, or say --subject or --all.")
    with opened(database) as services:
        ids = [effect] if effect else _dead(services, subject)
        rung = [_ring_again(services, id) for id in ids]
    shown = [{"effect_id": str(one.id), "state": PENDING, "channel": one.channel, "kind": one.kind} for one in rung]
    if as_json:
        print_json(shown[0] if effect else shown)
        return
    for one in rung:
        click.echo(f"The effect {one.id} ({one.channel} {one.kind}) will be tried again.")
    if not rung:
        click.echo("There is no dead effect.")


def _dead(services: Services, subject: str | None) -> list[UUID]:
    services.follower.catch_up()
    stream = str(find_stream(services, subject)) if subject else None
    rows = list_effects(services.home, state=DEAD, subject=stream, limit=MOST_RUNG)
    return [UUID(id) for id in oldest_first(services.home, [row["effect_id"] for row in rows])]


def _ring_again(services: Services, id: UUID) -> Effect:
    try:
        with deciding(services):
            return _ring(services.ledger, id)
    except UnknownStream:
        raise click.ClickException("No effect has this id.") from None
    except NotGivenUp:
        raise click.ClickException("This effect was not given up, so there is nothing to ring again.") from None


@repeatable
def _ring(ledger: Ledger, id: UUID) -> Effect:
    effect = ledger.load(Effect, id)
    effect.ring_again()
    ledger.record(effect)
    return effect


def _show(counts: dict[str, int], rows: list[Row]) -> None:
    console = terminal()
    console.print("  ".join(f"{state}: {number}" for state, number in counts.items()))
    if not rows:
        return
    drawn = table("effect", "subject", "what", "state", "attempts", "asked", "due", "reason or proof")
    for row in rows:
        drawn.add_row(
            row["effect_id"],
            row["subject"],
            f"{row['channel']} {row['kind']}",
            row["state"],
            str(row["attempts"]),
            moment_text(row["requested_at"]),
            moment_text(row["due_at"]),
            row["proof"] or row["reason"] or "",
        )
    console.print(drawn)
