"""`daybook history`: what happened to one subject, read from the log itself."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import click
import msgspec

from adapters.wiring import Services
from domain.ledger import ENVELOPE, Event
from domain.sealed import Erased, Sealed
from domain.shared.effect import Effect
from projections.across.audit_trail import trail_of
from scripts.console import database_option, find_stream, json_option, moment_text, opened, print_json, table, terminal

SEALED, ERASED = {"sealed": True}, {"erased": True}
LONGEST_VALUE = 160
TOLD_BY_WORK = frozenset({"effect", "subject", "channel", "kind"})


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One event as it is shown; `work` says which effect it belongs to, as channel and kind."""

    position: int | None
    at: datetime
    happened_at: datetime | None
    event: str
    stream: str
    version: int
    work: str | None
    by: str
    via: str
    cause: str | None
    correlation: str
    fields: dict[str, Any]


@click.command()
@click.argument("subject", metavar="ID|TRACKING_ID")
@click.option("--reveal", is_flag=True, help="Open sealed personal data.")
@database_option
@json_option
def history(subject: str, reveal: bool, database: str | None, as_json: bool) -> None:
    """Show everything that happened to an order, and to the effects asked for it.

    Takes the id of an order, an effect or a receipt, or a tracking id in any spelling.
    """
    with opened(database) as services:
        stream = find_stream(services, subject)
        lines = _lines(services, stream, reveal=reveal)
    if not lines:
        raise click.ClickException("Nothing in the ledger has this id.")
    if as_json:
        print_json({"subject": str(stream), "events": lines})
    else:
        _show(lines)


def _lines(services: Services, stream: UUID, *, reveal: bool) -> list[Line]:
    """The stream's lines and those of its effects in the order of the log; an effect's own when it is one."""
    events: list[Event] = services.log.events_of(stream)
    subject = next((event.subject for event in events if isinstance(event, Effect.Requested)), stream)
    services.follower.catch_up()
    trail = trail_of(services.home, str(subject))
    positions = {(row["stream"], row["version"]): row["position"] for row in trail}
    if subject == stream:
        asked = {row["stream"]: None for row in trail if row["stream"] != str(stream)}
        events += [event for effect in asked for event in services.log.events_of(UUID(effect))]
    work = {event.stream: f"{event.channel} {event.kind}" for event in events if isinstance(event, Effect.Requested)}
    lines = [_line(event, positions, work, reveal=reveal) for event in events]
    # An event the view has parked has no position there: it is shown last.
    return sorted(lines, key=lambda line: (line.position is None, line.position, line.at))


def _line(event: Event, positions: dict[tuple[str, int], int], work: dict[UUID, str], *, reveal: bool) -> Line:
    return Line(
        position=positions.get((str(event.stream), event.version)),
        at=event.at,
        happened_at=event.happened_at,
        event=event.stored_name,
        stream=str(event.stream),
        version=event.version,
        work=work.get(event.stream),
        by=event.by,
        via=event.via,
        cause=event.cause,
        correlation=event.correlation,
        fields={name: value for name, value in _fields(event, reveal=reveal) if value not in (None, "", {}, [], ())},
    )


def _fields(event: Event, *, reveal: bool) -> Iterable[tuple[str, Any]]:
    for name in event.__struct_fields__:
        if name not in ENVELOPE:
            yield name, _plain(getattr(event, name), reveal=reveal)


def _plain(value: Any, *, reveal: bool) -> Any:
    if isinstance(value, Sealed):
        if not reveal:
            return SEALED
        try:
            value = value.open()
        except Erased:
            return ERASED
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return msgspec.to_builtins(value)


def _show(lines: list[Line]) -> None:
    drawn = table("#", "time", "event", "by", "via", "cause", "what")
    for line in lines:
        fields = {name: value for name, value in line.fields.items() if not line.work or name not in TOLD_BY_WORK}
        told = [line.work] if line.work else []
        told += [f"{name}: {_short(value)}" for name, value in fields.items()]
        drawn.add_row(
            str(line.position or "?"),
            moment_text(line.at),
            line.event,
            line.by,
            line.via,
            _short_cause(line.cause),
            "; ".join(told),
        )
    terminal().print(drawn)


def _short(value: Any) -> str:
    """A value on one line: `(sealed)`, or at most 160 characters of it."""
    if value in (SEALED, ERASED):
        return f"({next(iter(value))})"
    text = " ".join((value if isinstance(value, str) else msgspec.json.encode(value).decode()).split())
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _short_cause(cause: str | None) -> str:
    """`documents.order.Placed/<id>/1` as `Placed 1`."""
    name, _, rest = (cause or "").partition("/")
    return f"{name.rpartition('.')[2]} {rest.rpartition('/')[2]}".strip()
