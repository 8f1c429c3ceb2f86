"""The rows of a view as columns, batch by batch, as they are at one moment."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import pyarrow as pa
from sqlalchemy import JSON, BigInteger, Boolean, Column, Connection, Float, Integer, Numeric, select
from sqlalchemy.types import TypeEngine

from adapters.export.events import MOMENT
from adapters.export.hiding import Hiding
from projections.home import POSITIONS, Home
from projections.view import Moment, Row, View, json_text

BATCH_ROWS = 10_000


class ViewBehind(Exception):
    """The rows of a view were made by another fold than today's, or not at all."""

    def __init__(self, view: str) -> None:
        super().__init__(f"The view {view} waits for its rebuild: run `daybook rebuild {view}`.")


def view_schema(view: type[View], hiding: Hiding) -> pa.Schema:
    """The columns of a view; those that are withheld are not there."""
    return pa.schema([pa.field(column.name, _arrow(column.type)) for column in _columns(view, hiding)])


def _columns(view: type[View], hiding: Hiding) -> Sequence[Column[Any]]:
    return [column for column in view.live.columns if column.name not in hiding.withheld]


def _arrow(type: TypeEngine[Any]) -> pa.DataType:
    match type:
        case Moment():
            return MOMENT
        case Boolean():
            return pa.bool_()
        case BigInteger() | Integer():
            return pa.int64()
        case Float() | Numeric():
            return pa.float64()
    return pa.string()


def row_batches(view: type[View], rows: Iterable[Row], hiding: Hiding) -> Iterator[pa.RecordBatch]:
    """Rows as batches; JSON becomes text."""
    schema = view_schema(view, hiding)
    writers = [(column.name, _is_json(column)) for column in _columns(view, hiding)]
    waiting: list[tuple[Any, ...]] = []
    for row in rows:
        waiting.append(tuple(_cell(hiding.value(row.get(name)), is_json) for name, is_json in writers))
        if len(waiting) == BATCH_ROWS:
            yield _batch(waiting, schema)
            waiting = []
    if waiting:
        yield _batch(waiting, schema)


def _is_json(column: Column[Any]) -> bool:
    return isinstance(column.type, JSON)


def _cell(value: Any, is_json: bool) -> Any:
    if value is None:
        return None
    if is_json or isinstance(value, dict | list | tuple):
        return json_text(value)
    return value.isoformat() if isinstance(value, date) and not isinstance(value, datetime) else value


def _batch(rows: Sequence[tuple[Any, ...]], schema: pa.Schema) -> pa.RecordBatch:
    columns = [pa.array(values, field.type) for values, field in zip(zip(*rows, strict=True), schema, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def check_views(home: Home, views: Iterable[View]) -> None:
    """Raises `ViewBehind`."""
    with home.engine.connect().execution_options(writes=False) as connection:
        for view in views:
            _position(connection, view)


def _position(connection: Connection, view: View) -> int:
    state = connection.execute(select(POSITIONS).where(POSITIONS.c.view == view.name)).mappings().first()
    if state is None or state["version"] != view.version:
        raise ViewBehind(view.name)
    return int(state["position"])


@contextmanager
def view_batches(home: Home, view: View, hiding: Hiding) -> Iterator[tuple[int, Iterator[pa.RecordBatch]]]:
    """How far a view has come, and its rows as of then in bounded memory. Raises `ViewBehind`."""
    isolation = {"isolation_level": "REPEATABLE READ"} if home.engine.dialect.name == "postgresql" else {}
    options = {**isolation, "writes": False, "stream_results": True, "yield_per": BATCH_ROWS}
    with home.engine.connect().execution_options(**options) as connection:
        position = _position(connection, view)
        order = view.live.primary_key.columns
        rows = connection.execute(select(view.live).order_by(*order)).mappings()
        yield position, row_batches(type(view), (dict(row) for row in rows), hiding)
