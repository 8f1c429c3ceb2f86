"""Points in the past as commands take them: a time in the office's zone, or a version."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import click

from domain.shared.travel import Clock, Point
from scripts.console import moment_text

HOW_TO = (
    "A time is written like 2026-02-09 or 2026-02-09T15:30; without a zone it is the office's; a day is its beginning."
)
REST_OF_SECOND = timedelta(microseconds=999_999)

FIRST_YEAR, LAST_YEAR = 1900, 9000

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
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:  # nearer to the ends of time, zones and databases fail
        raise click.ClickException(f"{text} is not a time that anybody keeps: a year is {FIRST_YEAR} to {LAST_YEAR}.")
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def read_end(text: str, zone: ZoneInfo) -> datetime:
    """A moment up to which things count: the end of the second it names, since times are printed to the second.

    A day alone is its beginning, and a fraction of a second is taken as it is written.
    """
    moment = read_moment(text, zone)
    try:
        date.fromisoformat(text)
    except ValueError:
        return moment if "." in text or "," in text else moment + REST_OF_SECOND
    return moment


def read_point(text: str, zone: ZoneInfo) -> Point:
    """A version, when it is a whole number, or a moment up to which things count."""
    return int(text) if text.isdecimal() else read_end(text, zone)


def not_later(point: Point, now: datetime) -> None:
    """Complain about a moment that has not come; the second that runs has."""
    if isinstance(point, datetime) and point.replace(microsecond=0) > now:
        raise click.ClickException(f"{moment_text(point)} is later than now.")


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
