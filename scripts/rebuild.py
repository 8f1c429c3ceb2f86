"""`daybook rebuild`: views from the first event, beside the live ones, then swapped."""

import gc

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from adapters.wiring import Services
from projections.rebuild import Rebuilt
from projections.view import View
from scripts.console import database_option, json_option, opened, print_json, table, terminal
from scripts.views import find_view


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
@database_option
@json_option
def rebuild(names: tuple[str, ...], everything: bool, workers: int, database: str | None, as_json: bool) -> None:
    """Rebuild views from the log while the live ones go on being read.

    Nothing is sent to anybody. The rows there were before are kept in a table named VIEW__old.
    """
    with opened(database) as services:
        wanted = list(services.views) if everything else [find_view(services, name) for name in names]
        if not wanted:
            known = ", ".join(sorted(view.name for view in services.views))
            raise click.ClickException(f"Name the views to rebuild, or say --all. The views are {known}.")
        if workers > 1 and services.home.engine.dialect.name != "postgresql":
            raise click.ClickException("A ledger in a SQLite file is rebuilt by one process.")
        gc.freeze()  # what the program is made of stays; no need to look through it again and again
        done = _rebuild(services, wanted, workers=workers, quiet=as_json)
    if as_json:
        print_json({"rebuilt": done})
    else:
        _show(done)


class EventsASecond(ProgressColumn):
    """How fast it goes."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} events/s" if speed else "")


def _rebuild(services: Services, views: list[View], *, workers: int, quiet: bool) -> list[Rebuilt]:
    console = terminal(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        EventsASecond(),
        TimeElapsedColumn(),
        console=console,
        disable=quiet or not console.is_terminal,
    )
    with bar:
        return [_with_progress(services, view, bar, workers=workers) for view in views]


def _with_progress(services: Services, view: View, bar: Progress, *, workers: int) -> Rebuilt:
    # The log's length is more than the view wants of it; the count is set right at the end.
    task = bar.add_task(view.name, total=services.log.last_position())
    rebuilt = services.rebuild(view, lambda events: bar.update(task, completed=events), workers=workers)
    bar.update(task, completed=rebuilt.events, total=rebuilt.events)
    return rebuilt


def _show(done: list[Rebuilt]) -> None:
    drawn = table("view", "rows", "events", "parked", "seconds", "position")
    for view in done:
        drawn.add_row(
            view.view,
            f"{view.rows:,}",
            f"{view.events:,}",
            str(view.parked),
            f"{view.seconds:.2f}",
            str(view.position),
        )
    terminal().print(drawn)
