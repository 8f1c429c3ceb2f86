"""`daybook backup`: a copy of a SQLite ledger, taken while it is served."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import click

from adapters.settings import Settings
from adapters.store.sqlite import SQLiteLog
from adapters.wiring import AGGREGATES
from scripts.console import SQLITE, database_option, json_option, print_json, sentences, settings_for, show_facts

BY_ITS_OWN = "A ledger on PostgreSQL is backed up by its own tools: pg_dump --schema daybook_log (see the README)."
PRIVATE = 0o600  # the copy is as secret as the ledger


class Damaged(click.ClickException):
    """What was copied is not sound, so the copy was not kept."""

    def __init__(self, source: Path) -> None:
        super().__init__(f"{source} is damaged: no copy of it was kept.")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@database_option
@json_option
def backup(file: Path, database: str | None, as_json: bool) -> None:
    """Copy the log into FILE, which must not exist yet, and the sandbox's file beside it.

    The ledger may be served meanwhile. Views are left out, since they are made from the log; uploaded files and the
    master key have to be kept by other means.
    """
    settings = settings_for(database)
    if not settings.database_url.startswith(SQLITE):
        raise click.ClickException(BY_ITS_OWN)
    with sentences():
        position, sandbox = _back_up(settings, file)
    if as_json:
        copies = {"log": str(file), "sandbox": str(sandbox) if sandbox else None}
        print_json({"position": position, **copies, "files": _without_password(settings.file_store_url)})
    else:
        _show(settings, file, position, sandbox)


def _back_up(settings: Settings, file: Path) -> tuple[int, Path | None]:
    """The last position in the copy, and where the sandbox's is if there is one."""
    log = Path(settings.database_url.removeprefix(SQLITE))
    if not log.exists():
        raise click.ClickException(f"There is no ledger at {log}.")
    _check(log, settings)
    sandbox = file.with_name(f"{file.stem}.sandbox{file.suffix}") if settings.sandbox_path.exists() else None
    with _made(file):
        _copy(log, file)
        if sandbox is not None:  # after the log, so that it knows of all that the log says was sent
            with _made(sandbox):
                _copy(settings.sandbox_path, sandbox)
    with closing(sqlite3.connect(file)) as copied:
        [position] = copied.execute("SELECT coalesce(max(position), 0) FROM events").fetchone()
    return position, sandbox


def _check(path: Path, settings: Settings) -> None:
    """Raises `WrongSchema` or `NotOurs` unless this is a ledger that opens with our key."""
    log = SQLiteLog(path, AGGREGATES, settings.master_key)
    if settings.master_key_second is not None:
        log.keyring.also_open_with(settings.master_key_second)
    with closing(log):
        log.check()


@contextmanager
def _made(file: Path) -> Iterator[None]:
    """A file that was not there, readable by its owner only; taken away again when the block fails."""
    try:
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE))
    except FileExistsError:
        raise click.ClickException(f"{file} is there already; a backup replaces nothing.") from None
    try:
        yield
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    _sync(file)
    _sync(file.parent)


def _copy(source: Path, target: Path) -> None:
    """All of one moment, in one step: who writes meanwhile neither waits nor gets into it."""
    try:
        with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copied:
            live.backup(copied)
            copied.execute("PRAGMA journal_mode = DELETE")  # one file, without companions
            sound = copied.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise click.ClickException(f"{source} could not be copied: {error}.") from None
        sound = False
    if not sound:
        raise Damaged(source)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if parts.netloc else url


def _show(settings: Settings, file: Path, position: int, sandbox: Path | None) -> None:
    show_facts({"log": f"{file}, up to position {position}", "sandbox": str(sandbox) if sandbox else ""})
    click.echo(f"Copy now, by other means: the uploaded files in {_without_password(settings.file_store_url)}.")
    click.echo("Keep elsewhere: DAYBOOK_MASTER_KEY. Without it nobody can read a name in this copy.")
