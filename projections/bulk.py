"""Many rows at once, into and out of a table of a view on PostgreSQL: past SQLAlchemy, which looks at each."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from typing import Any

import msgspec
from psycopg.types.json import set_json_loads
from sqlalchemy import JSON, Column, Connection, Table
from sqlalchemy.exc import DBAPIError

from projections.view import Moment, Row, iso_text, json_text

KEYS = "SELECT json_array_elements_text(CAST(:keys AS json))"


def read_rows(connection: Connection, table: Table, key: str, keys: Sequence[str]) -> list[Row]:
    """The rows of these keys; times are aware in the session's time zone, which is UTC."""
    names = [column.name for column in table.c]
    listed, wanted = ", ".join(f'"{name}"' for name in names), KEYS.replace(":keys", "%s")
    driver: Any = connection.connection.driver_connection
    with _errors(connection), driver.cursor(binary=True) as cursor:
        set_json_loads(msgspec.json.decode, cursor)
        cursor.execute(f'SELECT {listed} FROM "{table.name}" WHERE "{key}" IN ({wanted})', (json_text(keys),))
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def copy_rows(connection: Connection, table: Table, rows: Iterable[Row]) -> None:
    """Add these rows; what the database or the driver refuses is raised as SQLAlchemy raises it."""
    # The driver writes every type of column by itself, but JSON and times in a way that costs more than all the others.
    columns = list(table.c)
    special = [(nth, write) for nth, column in enumerate(columns) if (write := _writer(column)) is not None]
    values_of = _values(columns)
    names = ", ".join(f'"{column.name}"' for column in columns)
    driver: Any = connection.connection.driver_connection
    with (
        _errors(connection),
        driver.cursor() as cursor,
        cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy,
    ):
        for row in rows:
            line = list(values_of(row))
            for nth, write in special:
                if (value := line[nth]) is not None:
                    line[nth] = write(value)
            copy.write_row(line)


def _values(columns: Sequence[Column[Any]]) -> Callable[[Row], Sequence[Any]]:
    """What a row has in these columns; one name alone would get a value and no sequence of them."""
    names = [column.name for column in columns]
    return itemgetter(*names) if len(names) > 1 else lambda row: (row[names[0]],)


def _writer(column: Column[Any]) -> Callable[[Any], str] | None:
    if isinstance(column.type, JSON):
        return json_text
    return iso_text if isinstance(column.type, Moment) else None


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
