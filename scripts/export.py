"""`daybook export`: the events and views as Parquet files, for analysts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import click
from rich.progress import TaskID

from adapters.wiring import AGGREGATES, Services
from domain.shared.export import Export
from scripts.console import (
    by_option,
    database_option,
    deciding,
    json_option,
    opened,
    print_json,
    show_facts,
)
from scripts.points import HOW_TO, read_moment
from scripts.progress import progress_bar
from scripts.tabular import need_analysis_libraries

if TYPE_CHECKING:  # an extra that need not be installed
    from adapters.export.exporting import Exporter, Wanted
    from adapters.export.manifest import Manifest

Tell = Callable[[str, int, int | None], None]


@click.command()
@click.option("--to", "folder", required=True, metavar="DIR", type=click.Path(path_type=Path), help="Where to.")
@click.option("--views", is_flag=True, help="Also every view as it is now.")
@click.option("--since", metavar="TIME", help=f"Only events recorded then or later. {HOW_TO}")
@click.option("--until", metavar="TIME", help="Only events recorded before.")
@click.option("--anew", is_flag=True, help="Write everything again instead of adding what is new.")
@click.option("--with-personal-data", is_flag=True, help="Open what is sealed; needs --reason, into a new folder.")
@click.option("--reason", help="Why personal data is taken out, naming nobody; it stands in the history.")
@click.option(
    "--part-events",
    type=click.IntRange(1, 1_000_000),
    default=100_000,
    show_default=True,
    metavar="N",
    help="How many events a file holds at most.",
)
@by_option
@database_option
@json_option
def export(
    folder: Path,
    views: bool,
    since: str | None,
    until: str | None,
    anew: bool,
    with_personal_data: bool,
    reason: str | None,
    part_events: int,
    by: str | None,
    database: str | None,
    as_json: bool,
) -> None:
    """Write the events as Parquet files by month, and the views, for `daybook sql` and any other tool.

    The next run into the same folder adds what is new. Without personal data, nothing in it names a customer.
    With it the export is whole, dated and never added to: it keeps people who are forgotten later, so delete it in
    time; who took it and why is recorded. Killed, it leaves DIR.unfinished with what it had opened: delete that too.
    """
    need_analysis_libraries()
    if with_personal_data != (reason is not None) or (with_personal_data and anew):
        raise click.UsageError("--with-personal-data and --reason go together, and without --anew.")
    with opened(database) as services:
        from adapters.export.events import Span
        from adapters.export.exporting import Wanted

        if views:
            services.follower.catch_up()
        wanted = Wanted(
            upto=services.log.last_position(),
            span=Span(_moment(services, since), _moment(services, until)),
            views=tuple(services.views) if views else (),
            part_events=part_events,
        )
        with _progress(quiet=as_json) as tell, _sentences():
            exporter = _exporter(services, tell)
            if reason is not None:
                manifest = _with_personal_data(services, exporter, folder, wanted, reason, by)
            else:
                manifest = _without(exporter, folder, wanted, anew=anew)
    _show(folder, manifest, as_json=as_json)


def _moment(services: Services, text: str | None) -> datetime | None:
    return None if text is None else read_moment(text, services.office.zone)


def _exporter(services: Services, tell: Tell) -> "Exporter":
    from adapters.export.exporting import Exporter

    return Exporter(services.log, services.patient_home, AGGREGATES, now=services.now(), progress=tell)


def _without(exporter: "Exporter", folder: Path, wanted: "Wanted", *, anew: bool) -> "Manifest":
    from adapters.export.folder import Folder

    return exporter.add(Folder(folder), wanted, anew=anew)


def _with_personal_data(
    services: Services, exporter: "Exporter", folder: Path, wanted: "Wanted", reason: str, by: str | None
) -> "Manifest":
    from adapters.export.hiding import Hiding

    exporter.check_whole(folder, wanted)
    with deciding(services, by):
        names = tuple(view.name for view in wanted.views)
        services.ledger.record(Export.take(uuid4(), reason=reason, upto=wanted.upto, views=names))
    return exporter.whole(folder, wanted, Hiding(services.reveal))


@contextmanager
def _sentences() -> Iterator[None]:
    from adapters.export.events import Unreadable
    from adapters.export.manifest import NotAnExport
    from adapters.export.rows import ViewBehind

    try:
        yield
    except (NotAnExport, Unreadable, ViewBehind) as error:
        raise click.ClickException(str(error)) from None


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Tell]:
    """A line for the events and for each view, with the rate and the time left, where somebody is looking."""
    bar, tasks = progress_bar(quiet=quiet), dict[str, TaskID]()

    def tell(what: str, done: int, total: int | None) -> None:
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=total)
        bar.update(tasks[what], completed=done)

    with bar:
        yield tell


def _show(folder: Path, manifest: "Manifest", *, as_json: bool) -> None:
    from adapters.export.exporting import shown

    told = {"folder": str(folder), **shown(manifest)}
    if as_json:
        print_json(told)
        return
    views = ", ".join(f"{file.view} ({file.rows:,})" for file in manifest.views)
    show_facts({**told, "events": f"{manifest.events:,}", "views": views})
    if manifest.personal_data:
        click.echo("This export holds personal data and is never brought up to date: delete it when it has served.")
