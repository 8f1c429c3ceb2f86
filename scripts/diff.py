"""`daybook diff`: what changed of a subject between two points, and by which events."""

from typing import Any

import click
import msgspec

from domain.shared.travel import Clock, Step, changes, touches
from scripts.console import database_option, json_option, moment_text, opened, print_json, table, terminal
from scripts.points import clock_of, happened_option, not_later, point_text, read_point
from scripts.shown import EventLine, event_line, reveal_option, short, shown
from scripts.subjects import Subject, subject_argument, view_option


class Difference(msgspec.Struct, frozen=True, rename={"now": "is"}):
    """One field, and the versions of the events that changed it on the way."""

    field: str
    was: Any
    now: Any
    by: list[int]


@click.command()
@subject_argument
@click.option("--from", "start", metavar="TIME|VERSION", required=True, help="The earlier point.")
@click.option("--to", "end", metavar="TIME|VERSION", help="The later point; now when not given.")
@view_option
@happened_option
@reveal_option
@database_option
@json_option
def diff(
    subject: str,
    start: str,
    end: str | None,
    view: str | None,
    clock: str | None,
    reveal: bool,
    database: str | None,
    as_json: bool,
) -> None:
    """Show what changed of a subject from one point to another, and by which events.

    SUBJECT and --view are those of `daybook show`. A point is a version (a whole number, 0 for before it began) or a
    time such as 2026-02-09 or 2026-02-09T15:30; a time without a zone is in the office's zone, a day alone is its
    beginning, and what was recorded in that very second counts.
    """
    with opened(database, views=False) as services:
        zone = services.office.zone
        found = Subject(services, subject, view=view)
        before, after = read_point(start, zone), read_point(end, zone) if end else None
        found.check(before)
        for point in (before, after or 0):
            not_later(point, services.now())
        found.last_step(after, clock=clock_of(clock))
        was, now, between = _between(found, found.steps(before, clock=clock_of(clock)), after, clock=clock_of(clock))
        differences = [
            Difference(
                change.field,
                shown(change.was, reveal=reveal),
                shown(change.now, reveal=reveal),
                [step.event.version for step in between if any(touches(one, change.field) for one in step.changes)],
            )
            for change in changes(was.state if was else {}, now.state if now else {})
            if (change.was or change.now) not in (None, [], {})
        ]
        events = [event_line(step.event) for step in between]
    if as_json:
        ends = {"from": was.event.version if was else 0, "to": now.event.version if now else 0}
        print_json({**found.told(), **ends, "changes": differences, "events": events})
    else:
        _show(differences, events, f"{found.kind} {found.key}, from {point_text(before)} to {point_text(after)}")


def _between(
    found: Subject, earlier: list[Step], after: Any, *, clock: Clock
) -> tuple[Step | None, Step | None, list[Step]]:
    """The last step of either point, and the steps that count at the later one only."""
    later = found.steps(after, clock=clock)
    counted = {step.event.reference for step in earlier}
    if counted - {step.event.reference for step in later}:
        raise click.ClickException("The point in --from is later than the one in --to.")
    between = [step for step in later if step.event.reference not in counted]
    return (earlier[-1] if earlier else None), (later[-1] if later else None), between


def _show(differences: list[Difference], events: list[EventLine], title: str) -> None:
    console = terminal()
    console.print(title)
    if not differences:
        console.print("Nothing changed.")
    else:
        drawn = table("field", "was", "is", "by")
        for one in differences:
            drawn.add_row(one.field, short(one.was), short(one.now), ", ".join(map(str, one.by)))
        console.print(drawn)
    if events:
        listed = table("version", "event", "at", "by", "via", title="\nEvents in between")
        for line in events:
            listed.add_row(str(line.version), line.event, moment_text(line.at), line.by, line.via)
        console.print(listed)
