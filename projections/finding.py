"""One row of a view by one of its columns, past SQLAlchemy: on its own way it costs several times the question."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, Table, bindparam, select
from sqlalchemy.exc import DBAPIError

from projections.view import Row


class Finder:
    """A query by one column, written once: its SQL, and how each column of its answer is read."""

    def __init__(self, engine: Engine, table: Table, column: str) -> None:
        query = select(table).where(table.c[column] == bindparam("value")).compile(dialect=engine.dialect)
        self._engine, self._sql, self._positional = engine, str(query), query.positional
        self._readers = [(field.name, _reader(engine, field.type)) for field in table.c]

    def find(self, value: str) -> Row | None:
        """The row with this value; raises what SQLAlchemy raises when the database does not answer."""
        connection = None
        try:
            connection = self._engine.raw_connection()
            cursor = connection.cursor()
            cursor.execute(self._sql, (value,) if self._positional else {"value": value})
            found = next(iter(cursor.fetchall()), None)
        except self._engine.dialect.loaded_dbapi.Error as error:
            raise self._failure(error, connection) from error
        finally:
            if connection is not None:
                connection.close()  # the pool takes no broken one back
        if found is None:
            return None
        return {name: read(cell) if read else cell for (name, read), cell in zip(self._readers, found, strict=True)}

    def _failure(self, error: Any, connection: Any) -> BaseException:
        dialect = self._engine.dialect
        lost = connection is None or dialect.is_disconnect(error, connection.dbapi_connection, None)
        if lost and connection is not None:
            connection.invalidate(error)
        base = dialect.loaded_dbapi.Error
        failure: BaseException = DBAPIError.instance(
            None, None, error, base, hide_parameters=True, connection_invalidated=lost, dialect=dialect
        )
        return failure


def _reader(engine: Engine, type_: Any) -> Callable[[Any], Any] | None:
    """From what the driver gives to what the fold wrote; None where that is the same."""
    reader: Callable[[Any], Any] | None = type_.dialect_impl(engine.dialect).result_processor(engine.dialect, None)
    return reader
