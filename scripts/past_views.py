"""`daybook views --as-of`: a whole view as it was, in a table beside the live one."""

import click
import msgspec

from adapters.wiring import Services
from domain.shared.travel import Clock
from projections.home import Rebuilding
from projections.past import NotAPast, Past, drop_past, make_past, pasts
from projections.view import View
from scripts.console import moment_text, table, terminal
from scripts.points import not_later, read_end
from scripts.progress import progress_bar


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What the options of `daybook views` ask for."""

    view: str | None
    as_of: str | None
    into: str | None
    clock: Clock
    drop: str | None


def check(wanted: Wanted) -> None:
    """Complain about options that do not go together."""
    if (wanted.view is None) != (wanted.as_of is None):
        raise click.UsageError("Name a view and a time, --as-of TIME VIEW, both or neither.")
    if wanted.as_of is None and (wanted.into or wanted.clock == "happened"):
        raise click.UsageError("--into and --happened go with --as-of.")


def carry_out(services: Services, wanted: Wanted, view: View | None, *, quiet: bool) -> list[Past]:
    """Drop and make what is wanted; returns every table of the past that there is then."""
    try:
        if wanted.drop is not None:
            drop_past(services.home, wanted.drop)
        if view is not None and wanted.as_of is not None:
            _make(services, wanted, view, wanted.as_of, quiet=quiet)
    except NotAPast as error:
        raise click.ClickException(str(error)) from None
    except Rebuilding:
        raise click.ClickException(f"The view {wanted.view} is being rebuilt; try again afterwards.") from None
    return pasts(services.home)


def _make(services: Services, wanted: Wanted, view: View, as_of: str, *, quiet: bool) -> None:
    moment = read_end(as_of, services.office.zone)
    not_later(moment, services.now())
    name = wanted.into or f"{moment.astimezone(services.office.zone):%Y%m%d_%H%M%S}"
    with progress_bar(quiet=quiet) as bar:
        task = bar.add_task(view.name, total=services.log.last_position())
        make_past(
            services.log,
            services.patient_home,
            view,
            as_of=moment,
            clock=wanted.clock,
            name=name,
            now=services.now(),
            progress=lambda events: bar.update(task, completed=events),
        )


def show(tables: list[Past]) -> None:
    """Print the tables of the past."""
    if not tables:
        return
    drawn = table("table", "as of", "clock", "rows", "left out", "made at", title="\nTables of the past")
    for past in tables:
        drawn.add_row(
            past.name,
            moment_text(past.as_of),
            past.clock,
            f"{past.rows:,}",
            str(past.left_out),
            moment_text(past.made_at),
        )
    terminal().print(drawn)
