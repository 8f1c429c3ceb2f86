"""`daybook views`: how far each view has come, and the events it would not fold."""

from datetime import datetime
from typing import Any

import click
import msgspec
from sqlalchemy import func, select

from adapters.wiring import Services
from projections.kept import unfinished, way_back
from projections.past import Past
from projections.preview import Preview
from projections.view import View
from scripts.console import database_option, json_option, moment_text, opened, print_json, table, terminal
from scripts.past_views import Wanted, carry_out, check, show
from scripts.points import clock_of, happened_option


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A view beside the log; `lag` in events. A stale view's rows were folded by an older version of it.

    `rebuild` is that of one not swapped yet: filling, filled, or waiting for approval. `back` is whether the table of
    before can take its place again.
    """

    view: str
    position: int
    lag: int
    version: int
    rows_version: int
    stale: bool
    rows: int
    parked: int
    rebuild: str | None
    differing: int | None
    back: bool


class Parked(msgspec.Struct, frozen=True, kw_only=True):
    """An event set aside for one view."""

    view: str
    position: int
    stream: str
    reason: str
    parked_at: datetime


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All views, and where the log ends."""

    last_position: int
    views: list[Standing]
    parked: list[Parked]
    pasts: list[Past]


@click.command()
@click.argument("view", required=False)
@click.option("--as-of", "as_of", metavar="TIME", help="Fold VIEW as it was then into a table of its own.")
@click.option("--into", metavar="NAME", help="With --as-of: the table is VIEW__past_NAME; the time when not given.")
@happened_option
@click.option("--drop", metavar="TABLE", help="Drop a table that --as-of has made.")
@click.option("--retry", metavar="NAME", help="First fold the parked events of this view once more.")
@database_option
@json_option
def views(
    view: str | None,
    as_of: str | None,
    into: str | None,
    clock: str | None,
    drop: str | None,
    retry: str | None,
    database: str | None,
    as_json: bool,
) -> None:
    """Show each view's position, lag, rows and parked events, and the tables that show a view as it was.

    With --as-of, VIEW is folded from the events recorded up to then, beside its live rows, which stay as they are. A
    time without a zone is in the office's zone, and a day alone is its beginning.
    """
    wanted = Wanted(view=view, as_of=as_of, into=into, clock=clock_of(clock), drop=drop)
    check(wanted)
    with opened(database) as services:
        left = services.follower.retry_parked(find_view(services, retry)) if retry else 0
        pasts = carry_out(services, wanted, find_view(services, view) if view else None, quiet=as_json)
        report = _report(services, pasts)
    if as_json:
        print_json(report)
    else:
        _show(report)
    if left:
        raise click.ClickException(f"{left} events of the view {retry} still do not fold.")


def find_view(services: Services, name: str) -> View:
    """The view of this name; complains with all names when there is none."""
    for view in services.views:
        if view.name == name:
            return view
    names = ", ".join(sorted(view.name for view in services.views))
    raise click.ClickException(f"There is no view {name}. The views are {names}.")


def _report(services: Services, pasts: list[Past]) -> Report:
    # The positions are read first: a view may move on meanwhile, but never seems ahead of the log.
    states, parked = services.home.states(), services.home.parked()
    last = services.log.last_position()
    standings = [_standing(services, view, states[view.name], parked, last) for view in services.views]
    return Report(last_position=last, views=standings, parked=[Parked(**row) for row in parked], pasts=pasts)


def _standing(
    services: Services, view: View, state: dict[str, Any], parked: list[dict[str, Any]], last: int
) -> Standing:
    [count] = services.home.rows(select(func.count().label("rows")).select_from(view.live))
    with services.home.engine.connect().execution_options(writes=False) as connection:
        begun, back = unfinished(connection, view), way_back(connection, view) is not None
    return Standing(
        view=view.name,
        position=state["position"],
        lag=last - state["position"],
        version=view.version,
        rows_version=state["version"],
        stale=state["version"] != view.version,
        rows=count["rows"],
        parked=sum(row["view"] == view.name for row in parked),
        rebuild=begun["state"] if begun else None,
        differing=msgspec.json.decode(begun["preview"], type=Preview).differing if begun and begun["preview"] else None,
        back=back,
    )


def _rebuild_text(view: Standing) -> str:
    begun = {None: "", "waiting": f"waits for approval ({view.differing or 0:,} rows differ)"}.get(
        view.rebuild, "broken off, or under way"
    )
    return "; ".join(words for words in (begun, "can go back" if view.back else "") if words)


def _show(report: Report) -> None:
    drawn = table("view", "position", "lag", "version", "rows", "parked", "rebuild")
    for view in report.views:
        version = f"{view.version} (rows of {view.rows_version}: rebuild)" if view.stale else str(view.version)
        figures = (str(view.position), str(view.lag), version, str(view.rows), str(view.parked))
        drawn.add_row(view.view, *figures, _rebuild_text(view))
    console = terminal()
    console.print(f"The log ends at {report.last_position}.")
    console.print(drawn)
    if report.parked:
        aside = table("view", "position", "stream", "parked at", "reason", title="\nParked events")
        for event in report.parked:
            aside.add_row(event.view, str(event.position), event.stream, moment_text(event.parked_at), event.reason)
        console.print(aside)
    show(report.pasts)
