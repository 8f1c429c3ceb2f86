"""`daybook rotate-key`: every data key under a new master key, while the ledger is served."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from adapters.heartbeats import Process
from adapters.settings import KEY_WORDS, Settings, read_key
from adapters.store.key_table import AlreadyAtWork, NotTheOwner, open_keys
from adapters.store.rotation import AnotherUnderWay, Rotated, Rotation
from adapters.wiring import Services, utc_now
from scripts.console import (
    SQLITE,
    database_option,
    json_option,
    moment_text,
    print_json,
    sentences,
    settings_for,
    terminal,
)

TOO_MANY = "Two master keys are set and the new one is a third: one of the two must be the new one."
MUST_KNOW = "These processes live. Each must have been started with both keys, the new one first:"


@click.command("rotate-key")
@click.option(
    "--new-key-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=True,
    metavar="FILE",
    help="Where the new master key stands, as DAYBOOK_MASTER_KEY would hold it.",
)
@click.option("--yes", is_flag=True, help="Do not ask about the processes that live.")
@database_option
@json_option
def rotate_key(new_key_file: Path, yes: bool, database: str | None, as_json: bool) -> None:
    """Wrap every data key anew under another master key; no event is touched.

    The key there was is read from DAYBOOK_MASTER_KEY or DAYBOOK_MASTER_KEY_SECOND. Processes that have both keys go on
    meanwhile. It may be ended at any moment and run again, and ends with 1 while a key is left that the new one alone
    does not open. On PostgreSQL it wants the ledger's owner.
    """
    settings = _with_new_key(settings_for(database), new_key_file)
    living = _living(settings)
    if living and not yes:
        _ask(living, as_json=as_json)
    with _sentences(), open_keys(settings.database_url, settings.database) as keys, _bar(keys.count(), as_json) as told:
        done = Rotation(keys, new=settings.master_key, other=settings.master_key_second, progress=told).run()
    if as_json:
        print_json({"ended": done.ended, **msgspec.structs.asdict(done)})
    else:
        _show(done, living)
    if not done.ended:
        raise SystemExit(1)


def _with_new_key(settings: Settings, file: Path) -> Settings:
    """The settings with the new key first and the other one second; complains about a third."""
    try:
        new = read_key(file.read_text().strip())
    except ValueError:
        raise click.ClickException(f"{file} must hold {KEY_WORDS}.") from None
    others = {settings.master_key, settings.master_key_second} - {new, None}
    if len(others) > 1:
        raise click.ClickException(TOO_MANY)
    return msgspec.structs.replace(settings, master_key=new, master_key_second=next(iter(others), None))


def _living(settings: Settings) -> Sequence[Process]:
    """The processes of the ledger that live; complains where there is none, or the keys do not fit it."""
    file = settings.database_url.removeprefix(SQLITE)
    if settings.database_url.startswith(SQLITE) and not Path(file).exists():
        raise click.ClickException(f"There is no ledger at {file}.")
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    with sentences():
        services = Services(settings, install=False)
        try:
            now = (click.get_current_context().obj or utc_now)()
            return [process for process in services.processes() if process.alive(now)]
        finally:
            services.stop()


def _ask(living: Sequence[Process], *, as_json: bool) -> None:
    if as_json:
        raise click.ClickException(f"{len(living)} processes live; with --json say --yes when each has both keys.")
    click.echo(f"{MUST_KNOW}\n{_named(living)}", err=True)
    click.confirm("Go on?", err=True, abort=True)


def _named(processes: Sequence[Process]) -> str:
    return "\n".join(
        f"  {process.role} on {process.host}, pid {process.pid}, since {moment_text(process.since)}"
        for process in processes
    )


@contextmanager
def _sentences() -> Iterator[None]:
    with sentences():
        try:
            yield
        except (NotTheOwner, AnotherUnderWay, AlreadyAtWork) as error:
            raise click.ClickException(str(error)) from None


@contextmanager
def _bar(total: int, quiet: bool) -> Iterator[Callable[[int], None]]:
    console = terminal(stderr=True)
    bar = Progress(
        TextColumn("keys"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=quiet or not console.is_terminal,
    )
    with bar:
        task = bar.add_task("keys", total=total)
        yield lambda keys: bar.update(task, completed=keys)


def _show(done: Rotated, living: Sequence[Process]) -> None:
    click.echo(f"{done.keys:,} keys, of which {done.rewrapped:,} were wrapped anew.")
    if done.late:
        click.echo(f"{done.late:,} were made under the other key meanwhile: a process still has it first.")
        click.echo("Start these again with the new key first, then run this again:" if living else "Run this again.")
        if living:
            click.echo(_named(living))
    if done.foreign:
        click.echo(f"{done.foreign:,} open with none of the keys given; they were left as they are.")
    if done.ended:
        click.echo("The new master key alone opens the ledger.")
