"""SQL over an export or the live views: DuckDB with every way out of it closed."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

import duckdb
import msgspec
import pyarrow as pa

from adapters.export.events import SCHEMA
from adapters.export.manifest import ANEW, Manifest, NotAnExport, read_manifest

EVENTS_TABLE = "events"


class NotAllowed(Exception):
    """A statement that is not one question, or that reaches for what it may not have."""


class WrongQuery(Exception):
    """DuckDB does not understand a question, or cannot answer it."""


class TookTooLong(Exception):
    """A question was broken off."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"Not answered within {seconds:g} seconds; ask for less, or give more with --timeout.")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a question may use; `rows` is how many are handed out at most."""

    memory_mb: int = 1024
    threads: int = 2
    seconds: float = 60
    rows: int = 1000


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Names and values; `more` when there were rows beyond the limit."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    more: bool


class Desk:
    """Where questions are asked. Nothing can be written, and no file be read but those it was opened on."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, limits: Limits) -> None:
        self._connection, self._limits = connection, limits

    def ask(self, sql: str) -> Answer:
        """Answer one SELECT; raises `NotAllowed`, `WrongQuery` or `TookTooLong`."""
        limits = self._limits
        try:
            statements = self._connection.extract_statements(sql)
        except duckdb.Error as error:
            raise WrongQuery(_first_line(error)) from None
        if len(statements) != 1 or statements[0].type is not duckdb.StatementType.SELECT:
            raise NotAllowed("One SELECT at a time: nothing can be written, loaded or set here.")
        clock = Timer(limits.seconds, self._connection.interrupt)
        clock.start()
        try:
            found = self._connection.execute(statements[0])
            rows = found.fetchmany(limits.rows + 1)
            columns = tuple(str(column[0]) for column in found.description or ())
        except duckdb.InterruptException:
            raise TookTooLong(limits.seconds) from None
        except duckdb.PermissionException:
            raise NotAllowed("A question reads the tables that are here, and no file.") from None
        except duckdb.OutOfMemoryException:
            raise WrongQuery(f"It takes more than {limits.memory_mb} MB; give more with --memory.") from None
        except duckdb.Error as error:
            raise WrongQuery(_first_line(error)) from None
        finally:
            clock.cancel()
        return Answer(columns=columns, rows=rows[: limits.rows], more=len(rows) > limits.rows)

    @property
    def tables(self) -> list[str]:
        """What can be asked about."""
        return [str(name) for (name,) in self._connection.execute("SHOW TABLES").fetchall()]


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


@contextmanager
def _duckdb(limits: Limits) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory that never writes to disk, not even to make room."""
    connection = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": f"{limits.memory_mb}MB",
            "threads": limits.threads,
            "temp_directory": "",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "python_enable_replacements": False,
        },
    )
    try:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
    finally:
        connection.close()


def _close_doors(connection: duckdb.DuckDBPyConnection, files: Sequence[str] = ()) -> None:
    if files:
        connection.execute("SET allowed_paths = ?", [list(files)])
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def open_manifest(folder: Path) -> Manifest:
    """What an export says of itself; raises `NotAnExport`."""
    manifest = read_manifest(folder)
    if manifest is None:
        raise NotAnExport(f"There is no export in {folder}; `daybook export --to {folder}` makes one.")
    return manifest


@contextmanager
def open_export(folder: Path, limits: Limits = Limits()) -> Iterator[Desk]:  # noqa: B008 - frozen
    """A desk over the files of an export; raises `NotAnExport`."""
    manifest, folder = open_manifest(folder), folder.resolve()
    parts = [str(folder / part.file) for part in manifest.parts]
    views = {file.view: str(folder / file.file) for file in manifest.views}
    with _duckdb(limits) as connection:
        _close_doors(connection, [*parts, *views.values()])
        if parts:
            _define(connection, EVENTS_TABLE, parts, "hive_partitioning = true, hive_types = {'month': 'VARCHAR'}")
        else:
            _load(connection, EVENTS_TABLE, SCHEMA, ())
        for name, file in views.items():
            _define(connection, name, [file], "hive_partitioning = false")
        yield Desk(connection, limits)


def _define(connection: duckdb.DuckDBPyConnection, name: str, files: Sequence[str], options: str) -> None:
    listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
    try:
        connection.execute(f'CREATE VIEW "{name}" AS SELECT * FROM read_parquet([{listed}], {options})')
    except duckdb.Error:
        raise NotAnExport(f"The files of {name} cannot be read; {ANEW}") from None


class Live(msgspec.Struct, frozen=True):
    """A table that is filled when it is asked about."""

    schema: pa.Schema
    batches: Iterable[pa.RecordBatch]


def named_in(sql: str, tables: Iterable[str]) -> set[str]:
    """Those of the tables whose name stands as a word anywhere in a question: one too many costs only time."""
    words = {word.lower() for word in re.findall(r"\w+", sql)}
    return {name for name in tables if name.lower() in words}


@contextmanager
def open_live(tables: dict[str, Live], limits: Limits) -> Iterator[Desk]:
    """A desk over these tables, copied into memory batch by batch; raises `WrongQuery` where they do not fit."""
    with _duckdb(limits) as connection:
        try:
            for name, live in tables.items():
                _load(connection, name, live.schema, live.batches)
        except duckdb.OutOfMemoryException:
            raise WrongQuery(f"The rows take more than {limits.memory_mb} MB; export them, or give --memory.") from None
        _close_doors(connection)
        yield Desk(connection, limits)


def _load(
    connection: duckdb.DuckDBPyConnection, name: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]
) -> None:
    connection.register("incoming", schema.empty_table())
    connection.execute(f'CREATE TABLE "{name}" AS SELECT * FROM incoming')
    for batch in batches:
        connection.register("incoming", pa.Table.from_batches([batch]))
        connection.execute(f'INSERT INTO "{name}" SELECT * FROM incoming')
    connection.unregister("incoming")
