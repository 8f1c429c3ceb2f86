"""`daybook explain`: which event gave a field its value, who did it, and why."""

from functools import partial
from typing import Any

import click

from domain.shared.causes import why
from domain.shared.travel import Step, setter, touches, value_at
from scripts.console import database_option, json_option, moment_text, opened, print_json, table, terminal
from scripts.points import clock_of, happened_option, read_point
from scripts.shown import EventLine, event_line, reveal_option, short, shown, shown_changes
from scripts.subjects import Subject, find_event, subject_argument, view_option


@click.command()
@subject_argument
@click.argument("field")
@click.option("--at", "at", metavar="TIME|VERSION", help="The value it had then; what it has now when not given.")
@view_option
@happened_option
@reveal_option
@database_option
@json_option
def explain(
    subject: str,
    field: str,
    at: str | None,
    view: str | None,
    clock: str | None,
    reveal: bool,
    database: str | None,
    as_json: bool,
) -> None:
    """Tell where the value of a field comes from: the event that set it, and its causes up to where it began.

    SUBJECT and --view are those of `daybook show`, FIELD is one of the fields it shows; a dot leads into a field
    (`paid.amount_cents`). It begins with a form, with a message from a vendor, or with somebody of the staff. A time
    without a zone is in the office's zone, and a day alone is its beginning.
    """
    with opened(database, views=False) as services:
        found = Subject(services, subject, view=view)
        point = read_point(at, services.office.zone) if at else None
        last = found.standing(point, clock=clock_of(clock))
        value = _value(last, field)
        step = setter(found.steps(point, clock=clock_of(clock)), field)
        causes = why(step.event, partial(find_event, services)) if step else []
        told: dict[str, Any] = {
            **found.told(),
            "field": field,
            "value": shown(value, reveal=reveal),
            "set_by": event_line(step.event) if step else None,
            "change": shown_changes([one for one in step.changes if touches(one, field)], reveal=reveal)
            if step
            else [],
            "why": [event_line(event) for event in causes],
        }
    if as_json:
        print_json(told)
    else:
        _show(told)


def _value(step: Step, field: str) -> Any:
    try:
        return value_at(step.state, field)
    except KeyError:
        known = ", ".join(step.state)
        raise click.ClickException(f"There is no field {field} at that point. The fields are {known}.") from None


def _show(told: dict[str, Any]) -> None:
    console = terminal()
    console.print(f"{told['field']} is {short(told['value'])}")
    if told["set_by"] is None:
        console.print("Nothing has set it: it is as in the beginning.")
        return
    drawn = table("", "event", "at", "happened at", "by", "via", "about")
    for number, line in enumerate((told["set_by"], *told["why"])):
        drawn.add_row("because of" if number else "set by", *_cells(line))
    console.print(drawn)
    console.print(f"It began with {_beginning((told['set_by'], *told['why'])[-1])}.")
    if told["set_by"].correlation:
        console.print(f"All of that request: daybook history --correlation {told['set_by'].correlation}")


def _cells(line: EventLine) -> tuple[str, ...]:
    return (
        f"{line.event} {line.version}",
        moment_text(line.at),
        moment_text(line.happened_at),
        line.by,
        line.via,
        line.about or "",
    )


def _beginning(line: EventLine) -> str:
    """Where a chain of causes starts, in words."""
    if line.event == "receipt.Arrived":
        return f"a message from {(line.about or '').partition(' ')[0]}"
    return f"a form, by {line.by}" if line.via == "form" else f"{line.by}, via {line.via}"
