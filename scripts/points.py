"""Points in the past as commands take them: a time in the office's zone, or a version."""

from datetime import datetime
from zoneinfo import ZoneInfo

import click

from domain.shared.travel import Clock, Point
from scripts.console import moment_text

HOW_TO = (
    "A time is written like 2026-02-09 or 2026-02-09T15:30; without a zone it is the office's; a day is its beginning."
)

happened_option = click.option(
    "--happened",
    "clock",
    flag_value="happened",
    help="Go by when things happened, where a vendor said so, instead of when they were recorded.",
)


def read_moment(text: str, zone: ZoneInfo) -> datetime:
    """A moment in time; complains about anything else."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.ClickException(f"{text} is not a time. {HOW_TO}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def read_point(text: str, zone: ZoneInfo) -> Point:
    """A version, when it is a whole number, or a moment."""
    return int(text) if text.isdecimal() else read_moment(text, zone)


def point_text(point: Point | None) -> str:
    """A point in words."""
    match point:
        case None:
            return "now"
        case int():
            return f"version {point}"
    return moment_text(point)


def clock_of(flag: str | None) -> Clock:
    """The clock that `happened_option` names."""
    return "happened" if flag == "happened" else "recorded"
