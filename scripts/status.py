"""`daybook status`: which processes live, how far the views are, and what is still to be done."""

from datetime import datetime

import click
import msgspec

from adapters.wiring import Services
from scripts.console import database_option, json_option, moment_text, opened, print_json, table, terminal


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """A process; `state` is alive, leading, stuck or dead (no sign of life for ten seconds)."""

    role: str
    host: str
    pid: int
    state: str
    since: datetime
    beat_at: datetime


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """The open effects of a channel; `oldest_seconds` from when the oldest was due, 0 while none is."""

    channel: str
    open: int
    oldest_seconds: float


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Everything; `lag` is each view's, in events, and None where nobody has made the view yet."""

    last_position: int
    processes: list[Process]
    lag: dict[str, int | None]
    effects: list[Channel]


@click.command()
@database_option
@json_option
def status(database: str | None, as_json: bool) -> None:
    """Show the processes of this ledger, the views' lag, and open effects by channel."""
    with opened(database, views=False) as services:
        report = _report(services)
    if as_json:
        print_json(report)
    else:
        _show(report)


def _report(services: Services) -> Status:
    now = services.now()
    positions = services.positions()
    last = services.log.last_position()
    return Status(
        last_position=last,
        processes=[
            Process(
                role=process.role,
                host=process.host,
                pid=process.pid,
                state=process.state(now),
                since=process.since,
                beat_at=process.beat_at,
            )
            for process in services.processes()
        ],
        lag={name: None if position is None else last - position for name, position in positions.items()},
        effects=[
            Channel(channel=channel, open=count, oldest_seconds=max(0.0, (now - oldest).total_seconds()))
            for channel, (count, oldest) in sorted(services.log.open_by_channel().items())
        ],
    )


def _show(report: Status) -> None:
    console = terminal()
    console.print(f"The log ends at {report.last_position}.\n")
    standing = table("role", "host", "pid", "state", "since", "last heard of")
    for process in report.processes:
        since, beat = moment_text(process.since), moment_text(process.beat_at)
        standing.add_row(process.role, process.host, str(process.pid), process.state, since, beat)
    views = table("view", "lag")
    for name, lag in report.lag.items():
        views.add_row(name, "not made yet" if lag is None else str(lag))
    effects = table("channel", "open effects", "oldest due for (s)")
    for channel in report.effects:
        effects.add_row(channel.channel, str(channel.open), f"{channel.oldest_seconds:.1f}")
    for drawn in (standing, views, effects):
        if drawn.row_count:
            console.print(drawn)
            console.print()
