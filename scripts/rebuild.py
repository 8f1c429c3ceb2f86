"""`daybook rebuild`: views from the first event, beside the live ones, then swapped."""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
from rich.progress import Progress

from adapters.wiring import Services
from projections.back import NoWayBack, go_back
from projections.estimate import Estimate, estimate
from projections.home import NEXT
from projections.kept import WAITING, unfinished, way_back
from projections.only import CannotRefold, refold
from projections.rebuild import NothingWaits, Rebuilt
from projections.view import View
from scripts.console import database_option, find_stream, json_option, opened, print_json, table, terminal
from scripts.previews import Approved, ask_for_approval, preview, show_approved, show_previews, show_refolded
from scripts.progress import progress_bar
from scripts.views import find_view

BROKEN_OFF = 130  # the exit code of what Ctrl-C has ended
GO_ON = (
    "Broken off. What was not swapped is untouched and what was filled is kept: the same command goes on from there, "
    "--fresh begins anew, --discard drops it."
)
DECIDE = "waits for approval: say --approve, --discard or --fresh"


def _choose(context: click.Context, option: click.Parameter, given: bool) -> None:
    """Keep the one way that was chosen as `what`; complain about a second."""
    before = context.params.setdefault("what", None)
    if given and before is not None:
        raise click.UsageError(f"--{before} and --{option.name} do not go together.")
    if given:
        context.params["what"] = option.name


def _way(name: str, help: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(f"--{name}", is_flag=True, expose_value=False, callback=_choose, help=help)


@click.command()
@click.argument("names", metavar="[VIEW]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Rebuild every view.")
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="N",
    help="Processes that share the work; more than one on PostgreSQL only.",
)
@click.option("--fresh", is_flag=True, help="Begin anew, also where a rebuild was broken off or waits.")
@_way("preview", "Show what would change, and swap only when you say so.")
@_way("approve", "Swap what a preview has left waiting.")
@_way("discard", "Drop what waits, or was broken off.")
@_way("back", "Put the tables of before the last swap back in their place.")
@click.option("--only", metavar="ID", help="Fold one row anew, in the live table: an order, a call, or a row's key.")
@database_option
@json_option
def rebuild(
    names: tuple[str, ...],
    everything: bool,
    workers: int,
    fresh: bool,
    what: str | None,
    only: str | None,
    database: str | None,
    as_json: bool,
) -> None:
    """Rebuild views from the log while the live ones go on being read.

    Nothing is sent to anybody. The rows there were before are kept in a table named VIEW__old, and --back puts them
    back, caught up. A rebuild that was broken off or killed goes on where it was; with --workers as it began. Of --all
    views those are left out that it cannot be done with: what waits for approval is not rebuilt unless --fresh.
    """
    if only is not None and (what is not None or everything or len(names) != 1 or fresh):
        raise click.UsageError("--only goes with one view, and with no other option.")
    if fresh and what not in (None, "preview"):
        raise click.UsageError("--fresh goes with a rebuild or a --preview.")
    with opened(database) as services:
        named = [find_view(services, name) for name in dict.fromkeys(names)]
        wanted = list(services.views) if everything else named
        if not wanted:
            known = ", ".join(sorted(view.name for view in services.views))
            raise click.ClickException(f"Name the views to rebuild, or say --all. The views are {known}.")
        if workers > 1 and services.home.engine.dialect.name != "postgresql":
            raise click.ClickException("A ledger in a SQLite file is rebuilt by one process.")
        gc.freeze()  # what the program is made of stays; no need to look through it again and again
        with in_words():
            if only is not None:
                _refold(services, wanted[0], only, as_json=as_json)
            else:
                ready = _ready(services, wanted, what, fresh=fresh, everything=everything)
                work = Work(services, ready, workers=workers, fresh=fresh, as_json=as_json)
                {"preview": work.preview, "approve": work.approve, "discard": work.discard, "back": work.back}.get(
                    what or "", work.rebuild
                )()


def _ready(services: Services, views: list[View], what: str | None, *, fresh: bool, everything: bool) -> list[View]:
    """The views that it can be done with, looked at before the first is touched; complains of any that was named."""
    noes = {view.name: no for view in views if (no := _no(services, view, what, fresh=fresh)) is not None}
    if noes and not everything:
        raise next(iter(noes.values()))
    if noes and len(noes) == len(views):
        raise click.ClickException(f"There is no view to do this with. {next(iter(noes.values()))}")
    if noes and what is None:
        click.echo(f"Left out: {', '.join(noes)}, which {DECIDE}.", err=True)
    return [view for view in views if view.name not in noes]


def _no(services: Services, view: View, what: str | None, *, fresh: bool) -> Exception | None:
    """Why it cannot be done with this view."""
    with services.home.engine.connect().execution_options(writes=False) as connection:
        begun = unfinished(connection, view)
        waits = begun is not None and begun["state"] == WAITING
        match what:
            case "approve" if not waits:
                return NothingWaits(view.name)
            case "discard" if not services.home.engine.dialect.has_table(connection, f"{view.name}{NEXT}"):
                return NothingWaits(view.name)
            case "back" if way_back(connection, view) is None:
                return NoWayBack(view.name)
            case None if waits and not fresh:
                return click.ClickException(f"The view {view.name} {DECIDE}.")
    return None


class BrokenOff(click.ClickException):
    """Ctrl-C has ended it."""

    exit_code = BROKEN_OFF


@contextmanager
def in_words() -> Iterator[None]:
    """Turn what a rebuild says no to, and Ctrl-C, into a sentence."""
    try:
        yield
    except (NothingWaits, NoWayBack, CannotRefold) as no:
        raise click.ClickException(str(no)) from None
    except KeyboardInterrupt:
        raise BrokenOff(GO_ON) from None


class Work:
    """One run of the command over some views."""

    def __init__(self, services: Services, views: Sequence[View], *, workers: int, fresh: bool, as_json: bool) -> None:
        self._services, self._views, self._as_json = services, views, as_json
        self._workers, self._fresh = workers, fresh

    def rebuild(self) -> None:
        """Fill, catch up, swap."""
        services, workers, fresh = self._services, self._workers, self._fresh
        done = self._each(
            lambda view, progress: services.rebuild(view, progress, workers=workers, fresh=fresh),
            read=lambda rebuilt: rebuilt.events,
        )
        print_json({"rebuilt": done}) if self._as_json else show_rebuilt(done)

    def preview(self) -> None:
        """Fill, catch up, compare; on a terminal ask, elsewhere leave it waiting."""
        services, workers, fresh = self._services, self._workers, self._fresh
        found = self._each(lambda view, told: preview(services, view, told, workers=workers, fresh=fresh))
        if self._as_json:
            print_json({"previews": found})
            return
        show_previews(found)
        if ask_for_approval(self._views):
            self.approve()

    def approve(self) -> None:
        """Swap what waits."""
        services, workers = self._services, self._workers
        done = self._one_by_one(
            lambda view, told: Approved.of(view, *services.rebuild_of(view, told, workers=workers).approve())
        )
        print_json({"approved": done}) if self._as_json else show_approved(done)

    def discard(self) -> None:
        """Drop what waits."""
        services = self._services
        self._one_by_one(lambda view, told: services.rebuild_of(view, told).discard())
        names = [view.name for view in self._views]
        print_json({"discarded": names}) if self._as_json else click.echo(f"Dropped for {', '.join(names)}.")

    def back(self) -> None:
        """Put the tables of before back."""
        services = self._services
        done = self._one_by_one(lambda view, told: go_back(services.log, services.patient_home, view, now=services.now))
        print_json({"back": done}) if self._as_json else show_rebuilt(done)

    def _each(
        self, work: Callable[[View, Callable[[int], None]], Any], *, read: Callable[[Any], int] | None = None
    ) -> list[Any]:
        """Do this for every view, each with its estimate and its bar."""
        estimates = [self._estimate(view) for view in self._views]
        if not self._as_json:
            for one in estimates:
                terminal(stderr=True).print(in_advance(one))
        with progress_bar(quiet=self._as_json) as bar:
            expected = {one.view: one for one in estimates}
            return self._all(lambda view: _with_bar(bar, view, expected[view.name], work, read))

    def _one_by_one(self, work: Callable[[View, Callable[[int], None]], Any]) -> list[Any]:
        """Do this for every view, each with a bar that learns its end when it is there."""
        with progress_bar(quiet=self._as_json) as bar:

            def with_bar(view: View) -> Any:
                task = bar.add_task(view.name, total=None)
                done = work(view, lambda events: bar.update(task, completed=events))
                bar.update(task, total=bar.tasks[task].completed)
                return done

            return self._all(with_bar)

    def _all(self, work: Callable[[View], Any]) -> list[Any]:
        """Do this for every view; whatever ends it early, what was done before is told."""
        done = dict[str, Any]()
        try:
            for view in self._views:
                done[view.name] = work(view)
        except BaseException:
            if done:
                click.echo(f"Done before that: {', '.join(done)}.", err=True)
            raise
        return list(done.values())

    def _estimate(self, view: View) -> Estimate:
        services = self._services
        return estimate(services.log, services.patient_home, view, workers=self._workers, fresh=self._fresh)


def _with_bar(
    bar: Progress,
    view: View,
    expected: Estimate,
    work: Callable[[View, Callable[[int], None]], Any],
    read: Callable[[Any], int] | None,
) -> Any:
    task = bar.add_task(view.name, total=max(expected.events, 1), completed=expected.kept)

    def progress(events: int) -> None:
        bar.update(task, completed=events, total=max(expected.events, events, 1))

    done = work(view, progress)
    end = read(done) if read else bar.tasks[task].completed  # the estimate was one; the count is set right at the end
    bar.update(task, completed=end, total=end)
    return done


def in_advance(one: Estimate) -> str:
    """What is said before a rebuild begins."""
    kept = f", {one.kept:,} of them folded already" if one.kept else ""
    rate = f", {one.rate:,.0f} events/s" if one.rate else ""
    return f"{one.view}: about {one.events:,} events{kept}; {one.seconds:,.0f} s by {one.after}{rate}."


def show_rebuilt(done: Sequence[Rebuilt]) -> None:
    """Print what became of each view."""
    drawn = table("view", "rows", "events", "parked", "seconds", "position")
    for view in done:
        name = f"{view.view} (gone on with)" if view.resumed else view.view
        figures = (f"{view.rows:,}", f"{view.events:,}", str(view.parked), f"{view.seconds:.2f}", str(view.position))
        drawn.add_row(name, *figures)
    terminal().print(drawn)


def _refold(services: Services, view: View, only: str, *, as_json: bool) -> None:
    shared = bool(getattr(view, "keyed_by_stream", True)) is False
    id = only if shared else str(find_stream(services, only))
    done = refold(services.log, services.patient_home, view, id=id)
    print_json({"refolded": done}) if as_json else show_refolded(done)
