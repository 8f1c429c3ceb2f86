"""`daybook replay --dry-run`: what today's policies would ask for, beside what was asked for then."""

import click

from adapters.wiring import POLICIES, Services
from domain.shared.replaying import DryRun, dry_run
from scripts.console import database_option, json_option, moment_text, opened, print_json, table, terminal
from scripts.points import not_later, read_moment
from scripts.progress import progress_bar


@click.command()
@click.option("--since", required=True, metavar="TIME", help="From the events recorded then.")
@click.option("--until", metavar="TIME", help="Up to the events recorded before then; all when not given.")
@click.option("--dry-run", "dry", is_flag=True, help="Say that nothing is to be done: there is no other way.")
@database_option
@json_option
def replay(since: str, until: str | None, dry: bool, database: str | None, as_json: bool) -> None:
    """Ask today's policies about events of the past, and compare with the effects that were asked for then.

    Missing is what would be asked for today and was not; extra what was asked for and would not be today; changed what
    would be asked for with another due time or about something else. Nothing is recorded and nothing is sent: the
    command only reads. A time without a zone is in the office's zone, and a day alone is its beginning.

    The log does not say which events of one act were recorded in one go. Where that matters, a difference is told only
    if no way to part them explains what was asked.
    """
    if not dry:
        raise click.UsageError("A replay only ever looks: say --dry-run.")
    with opened(database, views=False) as services:
        done = _run(services, since=since, until=until, quiet=as_json)
    if as_json:
        print_json(done)
    else:
        _show(done)


def _run(services: Services, *, since: str, until: str | None, quiet: bool) -> DryRun:
    begin = read_moment(since, services.office.zone)
    end = read_moment(until, services.office.zone) if until else None
    if end is not None and end < begin:
        raise click.ClickException("The time in --since is later than the one in --until.")
    not_later(begin, services.now())
    last = services.log.last_position()
    with progress_bar(quiet=quiet) as bar:
        task = bar.add_task("events", total=last)
        done = dry_run(
            services.log,
            POLICIES,
            upto=last,
            since=begin,
            until=end,
            progress=lambda position: bar.update(task, completed=position),
        )
        bar.update(task, completed=last)
    return done


def _show(done: DryRun) -> None:
    console = terminal()
    console.print(f"{done.events:,} events, {done.asked:,} effects asked for then. Nothing was done.")
    if not done.differences:
        console.print("Today's policies would ask for the same.")
    else:
        drawn = table("", "channel", "effect", "because of", "count", "for example")
        for found in done.differences:
            examples = "\n".join(f"{one.event} at {moment_text(one.at)}" for one in found.examples)
            drawn.add_row(found.verdict, found.channel, found.kind, found.because, f"{found.count:,}", examples)
        console.print(drawn)
    for reason, count in done.unread.items():
        console.print(f"{count:,} events could not be judged: {reason}.")
