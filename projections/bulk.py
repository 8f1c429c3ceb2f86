"""Many rows at once, into and out of a table of a view on PostgreSQL: past SQLAlchemy, which looks at each."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import JSON, Connection, Table
from sqlalchemy.exc import DBAPIError

from projections.view import Row, json_text

KEYS = "SELECT json_array_elements_text(CAST(:keys AS json))"


def read_rows(connection: Connection, table: Table, key: str, keys: Sequence[str]) -> list[Row]:
    """The rows of these keys; times are aware in the session's time zone, which is UTC."""
    names = [column.name for column in table.c]
    listed, wanted = ", ".join(f'"{name}"' for name in names), KEYS.replace(":keys", "%s")
    driver: Any = connection.connection.driver_connection
    with _errors(connection), driver.cursor(binary=True) as cursor:
        cursor.execute(f'SELECT {listed} FROM "{table.name}" WHERE "{key}" IN ({wanted})', (json_text(keys),))
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def copy_rows(connection: Connection, table: Table, rows: Iterable[Row]) -> None:
    """Add these rows; what the database or the driver refuses is raised as SQLAlchemy raises it."""
    # The driver writes every type of column by itself, but JSON in a way that costs more than all the others.
    columns = [(column.name, isinstance(column.type, JSON)) for column in table.c]
    names = ", ".join(f'"{name}"' for name, _ in columns)
    driver: Any = connection.connection.driver_connection
    with (
        _errors(connection),
        driver.cursor() as cursor,
        cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy,
    ):
        for row in rows:
            copy.write_row(
                [
                    json_text(value) if is_json and (value := row[name]) is not None else row[name]
                    for name, is_json in columns
                ]
            )


@contextmanager
def _errors(connection: Connection) -> Iterator[None]:
    dialect = connection.dialect
    try:
        yield
    except dialect.loaded_dbapi.Error as error:
        lost = dialect.is_disconnect(error, connection.connection.dbapi_connection, None)
        raise DBAPIError.instance(
            None,
            None,
            error,
            dialect.loaded_dbapi.Error,
            hide_parameters=True,
            connection_invalidated=lost,
            dialect=dialect,
        ) from error
