"""`daybook history`: what happened to one subject or because of one request, read from the log itself."""

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import groupby
from typing import Any
from uuid import UUID

import click

from adapters.wiring import Services
from domain.ledger import ENVELOPE, Event
from domain.shared.causes import tree, with_causes
from domain.shared.effect import Effect
from domain.shared.travel import life
from projections.across.audit_trail import trail_of, trail_of_correlation
from projections.view import Row
from scripts.console import database_option, json_option, moment_text, opened, print_json, table, terminal
from scripts.history_tree import Branch, branches, draw
from scripts.shown import (
    EventLine,
    ShownChange,
    event_line,
    reveal_option,
    short,
    short_reference,
    shown,
    shown_changes,
)
from scripts.subjects import KIND_OF, find_event, find_subject

TOLD_BY_WORK = frozenset({"effect", "subject", "channel", "kind"})


class Line(EventLine, frozen=True, kw_only=True):
    """One event as it is shown; `work` says which effect it belongs to, as channel and kind."""

    position: int | None
    work: str | None
    fields: dict[str, Any]
    changes: list[ShownChange]


@click.command()
@click.argument("subject", metavar="[SUBJECT]", required=False)
@click.option("--correlation", metavar="ID", help="Instead: all that one request led to, whoever it concerns.")
@click.option("--tree", "as_tree", is_flag=True, help="Each event under what caused it; a correlation always is.")
@reveal_option
@database_option
@json_option
def history(
    subject: str | None, correlation: str | None, as_tree: bool, reveal: bool, database: str | None, as_json: bool
) -> None:
    """Show everything that happened to a subject, and to the effects asked for it, and what each event changed.

    SUBJECT is the id or tracking id of an order, the id of a call or the one that the call vendor gave it, the id of an
    effect or a receipt (or VENDOR:ID), or `prices`. A correlation is what a request was answered with in X-Request-Id,
    and what its log lines and its calls to vendors carry.
    """
    if (subject is None) == (correlation is None):
        raise click.UsageError("Name an id or a --correlation, one of the two.")
    with opened(database) as services:
        services.follower.catch_up()
        if correlation is not None:
            told: dict[str, Any] = {"correlation": correlation}
            events, trail = _of_correlation(services, correlation)
        else:
            stream = find_subject(services, str(subject))
            told = {"subject": str(stream)}
            events, trail = _of_subject(services, stream)
        lines = _lines(events, trail, reveal=reveal)
        if correlation is not None:
            lines = [line for line in lines if line.correlation == correlation]
        if not lines:
            raise click.ClickException(f"Nothing in the ledger has this {'correlation' if correlation else 'id'}.")
        grown = _tree(services, events, lines) if as_tree or correlation is not None else None
    if as_json:
        print_json({**told, "events": lines, **({} if grown is None else {"tree": grown})})
    elif grown is not None:
        draw(grown, {(line.stream, line.version): _told(line) for line in lines})
    else:
        _show(lines)


def _of_subject(services: Services, stream: UUID) -> tuple[list[Event], Iterable[Row]]:
    """The stream's events and those of its effects; an effect's own when it is one."""
    events: list[Event] = services.log.events_of(stream)
    subject = next((event.subject for event in events if isinstance(event, Effect.Requested)), stream)
    trail = trail_of(services.home, str(subject))
    if subject == stream:
        asked = {row["stream"]: None for row in trail if row["stream"] != str(stream)}
        events += [event for effect in asked for event in services.log.events_of(UUID(effect))]
    return events, trail


def _of_correlation(services: Services, correlation: str) -> tuple[list[Event], Iterable[Row]]:
    """All events of the streams that something of this correlation happened to."""
    trail = trail_of_correlation(services.home, correlation)
    streams = {row["stream"]: None for row in trail}
    return [event for stream in streams for event in services.log.events_of(UUID(stream))], trail


def _lines(events: list[Event], trail: Iterable[Row], *, reveal: bool) -> list[Line]:
    """The events as lines in the order of the log; one that the view has parked has no position, and is shown last."""
    positions = {(row["stream"], row["version"]): row["position"] for row in trail}
    lines = [
        line
        for _, stream in groupby(events, key=lambda event: event.stream)
        for line in _lines_of_stream(list(stream), positions, reveal=reveal)
    ]
    return sorted(lines, key=lambda line: (line.position is None, line.position, line.at))


def _lines_of_stream(events: list[Event], positions: dict[tuple[str, int], int], *, reveal: bool) -> Iterator[Line]:
    """The lines of one stream from its beginning."""
    first = events[0]
    work = f"{first.channel} {first.kind}" if isinstance(first, Effect.Requested) else None
    for step in life(KIND_OF[type(first)], events):
        line, event = event_line(step.event), step.event
        named = {name: shown(getattr(event, name), reveal=reveal) for name in event.__struct_fields__}
        yield Line(
            **{name: getattr(line, name) for name in line.__struct_fields__},
            position=positions.get((line.stream, line.version)),
            work=work,
            fields={
                name: value
                for name, value in named.items()
                if name not in ENVELOPE and value not in (None, "", {}, [], ())
            },
            changes=shown_changes(step.changes, reveal=reveal),
        )


def _tree(services: Services, events: list[Event], lines: list[Line]) -> list[Branch]:
    """The events of these lines, and whatever else led to them, each under its cause."""
    order = {(line.stream, line.version): number for number, line in enumerate(lines)}
    wanted = [event for event in events if (str(event.stream), event.version) in order]
    wanted.sort(key=lambda event: order[str(event.stream), event.version])
    roots = tree(with_causes(wanted, partial(find_event, services)))
    return branches(sorted(roots, key=lambda root: root.event.at))


def _show(lines: list[Line]) -> None:
    drawn = table("#", "time", "event", "by", "via", "cause", "what")
    for line in lines:
        drawn.add_row(
            str(line.position or "?"),
            moment_text(line.at),
            line.event,
            line.by,
            line.via,
            short_reference(line.cause),
            _told(line),
        )
    terminal().print(drawn)


def _told(line: Line) -> str:
    """What an event says, and what it changed beyond that."""
    told = [line.work] if line.work else []
    if line.happened_at:
        told.append(f"happened {moment_text(line.happened_at)}")
    told += [
        f"{name}: {short(value)}" for name, value in line.fields.items() if not line.work or name not in TOLD_BY_WORK
    ]
    told += [
        f"{change.field}: {short(change.was)} -> {short(change.now)}"
        for change in line.changes
        if change.was is not None or (change.field not in line.fields and line.version > 1)
    ]
    return "; ".join(told)
