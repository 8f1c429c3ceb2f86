"""`daybook sql`: questions in SQL over an export or the live views."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TextIO

import click

from scripts.console import database_option, json_option, opened, print_json, sentences
from scripts.tabular import as_objects, need_analysis_libraries, show_rows, write_csv

if TYPE_CHECKING:  # an extra that need not be installed
    from adapters.export.querying import Answer, Limits

END_OF_QUESTION = ";"


class Ask(Protocol):
    """Answers one question."""

    def __call__(self, sql: str) -> "Answer": ...


@click.command()
@click.argument("query", metavar="[SELECT]", required=False)
@click.option(
    "-f", "--file", type=click.File(encoding="utf-8"), help="Read the question from a file; - is standard input."
)
@click.option(
    "--export", "folder", type=click.Path(path_type=Path), metavar="DIR", help="Ask the export in this folder."
)
@click.option("--live", is_flag=True, help="Ask the ledger and its views as they are; needs room in memory.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option(
    "--timeout",
    type=click.FloatRange(0.1),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="A question may take so long.",
)
@click.option(
    "--max-rows", type=click.IntRange(1), default=1000, show_default=True, metavar="N", help="At most so many rows."
)
@click.option(
    "--memory", type=click.IntRange(64), default=1024, show_default=True, metavar="MB", help="At most so much memory."
)
@click.option("--threads", type=click.IntRange(1), default=2, show_default=True, metavar="N", help="So many at once.")
@database_option
@json_option
def sql(
    query: str | None,
    file: TextIO | None,
    folder: Path | None,
    live: bool,
    as_csv: bool,
    timeout: float,
    max_rows: int,
    memory: int,
    threads: int,
    database: str | None,
    as_json: bool,
) -> None:
    """Ask one SELECT in DuckDB's SQL: of the table `events`, and of each view by its name. SHOW TABLES lists them.

    Nothing can be written, and no file, address or setting be reached. Without a question it asks for them one by one.
    """
    need_analysis_libraries()
    from adapters.export.querying import Limits

    if (folder is None) != live:
        raise click.UsageError("Say what to ask: --export DIR or --live.")
    if as_csv and as_json:
        raise click.UsageError("--csv or --json, not both.")
    limits = Limits(memory_mb=memory, threads=threads, seconds=timeout, rows=max_rows)
    text = file.read() if file is not None else query
    if text is None and not sys.stdin.isatty():
        text = sys.stdin.read()
    with sentences(), _sentences(), _asking(folder, database, limits) as ask:
        if text is None:
            converse(ask)
        else:
            _print(ask(text), as_csv=as_csv, as_json=as_json)


@contextmanager
def _asking(folder: Path | None, database: str | None, limits: "Limits") -> Iterator[Ask]:
    from adapters.export.querying import open_export

    if folder is not None:
        with open_export(folder, limits) as desk:
            yield desk.ask
    else:
        with _live(database, limits) as ask:
            yield ask


@contextmanager
def _live(database: str | None, limits: "Limits") -> Iterator[Ask]:
    """Each question sees the rows of its own moment, and loads just the tables that it names."""
    from adapters.export.querying import open_live
    from adapters.export.sources import live_tables

    with opened(database) as services:

        def ask(sql: str) -> "Answer":
            services.follower.catch_up()
            tables = live_tables(services.log, services.patient_home, services.views, sql)
            with open_live(tables, limits) as desk:
                return desk.ask(sql)

        yield ask


def converse(ask: Ask) -> None:
    """Question and answer until the end of input; a question ends with a semicolon."""
    click.echo("One SELECT at a time, ended by ;  SHOW TABLES; lists what there is. Ctrl-D ends.")
    question = ""
    while True:
        try:
            question += click.prompt("daybook" if not question else "...", prompt_suffix="> ") + "\n"
        except (click.Abort, EOFError):
            click.echo()
            return
        if question.rstrip().endswith(END_OF_QUESTION):
            try:
                with _sentences():
                    _print(ask(question))
            except click.ClickException as error:
                error.show()
            question = ""


@contextmanager
def _sentences() -> Iterator[None]:
    from adapters.export.events import Unreadable
    from adapters.export.manifest import NotAnExport
    from adapters.export.querying import NotAllowed, TookTooLong, WrongQuery
    from adapters.export.rows import ViewBehind

    try:
        yield
    except (NotAnExport, NotAllowed, WrongQuery, TookTooLong, Unreadable, ViewBehind) as error:
        raise click.ClickException(str(error)) from None


def _print(answer: "Answer", *, as_csv: bool = False, as_json: bool = False) -> None:
    if as_json:
        print_json({"rows": as_objects(answer.columns, answer.rows), "more": answer.more})
    elif as_csv:
        write_csv(sys.stdout, answer.columns, answer.rows)
    else:
        show_rows(answer.columns, answer.rows)
    if answer.more and not as_json:
        click.echo(f"Only the first {len(answer.rows):,} rows; --max-rows N shows more.", err=True)
