"""`daybook show`: a subject, or a row of a view, as it is or as it was."""

from typing import Any

import click

from domain.shared.travel import Point
from scripts.console import database_option, json_option, moment_text, opened, print_json, table, terminal
from scripts.points import clock_of, happened_option, read_end
from scripts.shown import event_line, reveal_option, short, shown
from scripts.subjects import Subject, subject_argument, view_option


@click.command()
@subject_argument
@click.option("--at", "at", metavar="TIME", help="As it was then: 2026-02-09, or 2026-02-09T15:30.")
@click.option("--version", "version", type=click.IntRange(1), metavar="N", help="As it was after its Nth event.")
@view_option
@happened_option
@reveal_option
@database_option
@json_option
def show(
    subject: str,
    at: str | None,
    version: int | None,
    view: str | None,
    clock: str | None,
    reveal: bool,
    database: str | None,
    as_json: bool,
) -> None:
    """Show a subject as it is, as it was at a time, or after a number of events.

    SUBJECT is the id or tracking id of an order, the id of a call or the one that the call vendor gave it, the id of an
    effect or a receipt (or VENDOR:ID), or `prices`. With --view it is the key of the view's row, which is folded anew
    from the events up to then; the live rows are not looked at.

    A time without a zone is in the office's zone, a day alone is its beginning, and what was recorded in that very
    second counts.
    """
    if at is not None and version is not None:
        raise click.UsageError("Give a time or a version, not both.")
    with opened(database, views=False) as services:
        found = Subject(services, subject, view=view)
        point: Point | None = version if at is None else read_end(at, services.office.zone)
        step = found.standing(point, clock=clock_of(clock))
        told: dict[str, Any] = {
            **found.told(),
            "version": step.event.version,
            "versions": found.events[-1].version,
            "by": event_line(step.event),
            "state": shown(step.state, reveal=reveal) or None,
        }
    if as_json:
        print_json(told)
        return
    console = terminal()
    last = f"{step.event.stored_name} at {moment_text(step.event.at)}"
    console.print(f"{found.kind} {found.key}, version {told['version']} of {told['versions']}, after {last}")
    drawn = table("field", "value")
    for name, value in (told["state"] or {}).items():
        if value not in (None, [], {}, ""):
            drawn.add_row(name, short(_known(value)))
    console.print(drawn)


def _known(value: Any) -> Any:
    """A value without what records leave open, which only takes room on a line."""
    match value:
        case dict():
            return {name: _known(held) for name, held in value.items() if held is not None}
        case list():
            return [_known(held) for held in value]
    return value
