"""What a rebuilt table would change: its rows held against the live ones, by the database, in bounded memory."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    MetaData,
    Table,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    inspect,
    or_,
    select,
)

from domain.ledger import Event
from projections.home import NEXT
from projections.kept import type_text
from projections.travel import TOKEN
from projections.view import Journal, Row, RowView, View

EXAMPLES = 3
EVENTS_BEHIND = 3
SEALED = "sealed"


class Streams(Protocol):
    """A log whose rows can be asked for by stream."""

    def stream_rows(self, stream: UUID) -> Sequence[tuple[int, str, bytes | str]]: ...

    def read(self, after: int, limit: int) -> Sequence[tuple[int, str, bytes | str]]: ...

    def decode(self, name: str, data: bytes | str) -> Event: ...


class Behind(msgspec.Struct, frozen=True):
    """An event that a row was folded from."""

    position: int
    name: str
    at: datetime


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """A row that differs; sealed values are not shown, in `before` and `after` neither. Newest events first."""

    key: tuple[str | int, ...]
    before: Any = None
    after: Any = None
    events: tuple[Behind, ...] = ()


class Changed(msgspec.Struct, frozen=True):
    """How many rows differ in a column."""

    column: str
    rows: int
    examples: tuple[Example, ...]


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """The new table beside the live one, both at `position`; `changed` counts rows that are in both and differ."""

    view: str
    position: int
    version: int
    rows_version: int
    rows_live: int
    rows_next: int
    added: int
    removed: int
    changed: int
    columns: tuple[Changed, ...]
    columns_added: tuple[str, ...]
    columns_removed: tuple[str, ...]
    examples_added: tuple[Example, ...]
    examples_removed: tuple[Example, ...]
    at: datetime

    @property
    def differing(self) -> int:
        """Rows that are not what they were."""
        return self.added + self.removed + self.changed

    def counts(self) -> "Preview":
        """The same without the examples, which may show somebody who is forgotten before it is read again."""
        columns = tuple(msgspec.structs.replace(one, examples=()) for one in self.columns)
        return msgspec.structs.replace(self, columns=columns, examples_added=(), examples_removed=())


@contextmanager
def one_moment(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees one moment and keeps nobody from writing."""
    alone = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {"writes": False}
    with engine.connect().execution_options(**alone) as connection, connection.begin():
        yield connection


def compare(connection: Connection, view: View, *, state: Row, now: datetime) -> Preview:
    """Hold the next table against the live one, as this transaction sees them."""
    return Comparison(connection, view).preview(state=state, now=now)


class Comparison:
    """Two tables of a view, whose columns need not be the same."""

    def __init__(self, connection: Connection, view: View) -> None:
        self._connection, self._view, self._next = connection, view, view.table(NEXT)
        self._live = _as_it_is(connection, view)
        keys = [column.name for column in self._next.primary_key]
        self._keys = keys if all(key in self._live.c for key in keys) else []
        common = [
            str(column.name) for column in self._next.c if column.name in self._live.c and column.name not in keys
        ]
        self._common = common if self._keys else []

    def preview(self, *, state: Row, now: datetime) -> Preview:
        """All counts, and a few examples of each."""
        rows_live, rows_next = self._count(self._live), self._count(self._next)
        both, changed, by_column = self._counts()
        return Preview(
            view=self._view.name,
            position=state["position"],
            version=self._view.version,
            rows_version=state["version"],
            rows_live=rows_live,
            rows_next=rows_next,
            added=rows_next - both,
            removed=rows_live - both,
            changed=changed,
            columns=tuple(Changed(name, rows, self._examples(name)) for name, rows in by_column.items() if rows),
            columns_added=_lacking(self._live, self._next),
            columns_removed=_lacking(self._next, self._live),
            examples_added=self._only_in(self._next, self._live) if rows_next > both else (),
            examples_removed=self._only_in(self._live, self._next) if rows_live > both else (),
            at=now,
        )

    def _count(self, table: Table) -> int:
        return self._connection.scalar(select(func.count()).select_from(table)) or 0

    def _counts(self) -> tuple[int, int, dict[str, int]]:
        """Rows that are in both, those of them that differ, and in how many each column does."""
        if not self._keys:
            return 0, 0, {}
        differ = [self._differs(name) for name in self._common]
        sums = [_number(or_(*differ)) if differ else func.count(None), *map(_number, differ)]
        both = self._next.join(self._live, self._same_key())
        [number, changed, *each] = self._connection.execute(select(func.count(), *sums).select_from(both)).one()
        return number, changed or 0, {name: rows or 0 for name, rows in zip(self._common, each, strict=True)}

    def _same_key(self) -> ColumnElement[bool]:
        return and_(*(self._next.c[key] == self._live.c[key] for key in self._keys))

    def _differs(self, name: str) -> ColumnElement[bool]:
        before, after = self._sides(name)
        return before.is_distinct_from(after)

    def _sides(self, name: str) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        """A column before and after, both as text where its type has changed."""
        before, after = self._live.c[name], self._next.c[name]
        if type_text(self._connection, before.type) == type_text(self._connection, after.type):
            return before, after
        return cast(before, Text), cast(after, Text)

    def _examples(self, name: str) -> tuple[Example, ...]:
        before, after = self._sides(name)
        keys = [self._next.c[key] for key in self._keys]
        both = self._next.join(self._live, self._same_key())
        query = select(*keys, before.label("value_before"), after.label("value_after")).select_from(both)
        query = query.where(self._differs(name)).order_by(*keys).limit(EXAMPLES)
        return tuple(
            Example(key=tuple(key), before=hidden(was), after=hidden(now))
            for *key, was, now in self._connection.execute(query)
        )

    def _only_in(self, here: Table, there: Table) -> tuple[Example, ...]:
        if not self._keys:
            return ()
        keys = [here.c[key] for key in self._keys]
        query = select(*keys).where(~exists().where(self._same_key()).select_from(there).correlate(here))
        return tuple(Example(key=tuple(key)) for key in self._connection.execute(query.order_by(*keys).limit(EXAMPLES)))


def _as_it_is(connection: Connection, view: View) -> Table:
    """The live table with the columns that it has, which an older fold may have made; types are ours where they fit."""
    ours, columns = view.table(), list[Column[Any]]()
    for found in inspect(connection).get_columns(view.name):
        name = found["name"]
        same = name in ours.c and type_text(connection, ours.c[name].type) == type_text(connection, found["type"])
        columns.append(Column(name, ours.c[name].type if same else found["type"]))
    return Table(view.name, MetaData(), *columns)


def _lacking(here: Table, there: Table) -> tuple[str, ...]:
    """The columns of the other table that this one has not."""
    return tuple(str(column.name) for column in there.c if column.name not in here.c)


def _number(of: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((of, 1), else_=0))


def hidden(value: Any) -> Any:
    """A value of a row as everybody may see it."""
    if isinstance(value, str):
        return TOKEN.sub(SEALED, value)
    if isinstance(value, dict):
        return {str(name): hidden(held) for name, held in value.items()}
    if isinstance(value, list | tuple):
        return [hidden(held) for held in value]
    return value


def with_events(preview: Preview, view: View, source: Streams) -> Preview:
    """The same preview, its examples with the events behind them."""

    def told(examples: tuple[Example, ...]) -> tuple[Example, ...]:
        return tuple(
            msgspec.structs.replace(one, events=behind(view, source, one.key, upto=preview.position))
            for one in examples
        )

    columns = tuple(msgspec.structs.replace(one, examples=told(one.examples)) for one in preview.columns)
    added, removed = told(preview.examples_added), told(preview.examples_removed)
    return msgspec.structs.replace(preview, columns=columns, examples_added=added, examples_removed=removed)


def behind(view: View, source: Streams, key: tuple[str | int, ...], *, upto: int) -> tuple[Behind, ...]:
    """The newest events of a row that the view folds; none where several streams share a row."""
    if isinstance(view, Journal):
        rows = source.read(int(key[0]) - 1, 1)
    elif isinstance(view, RowView) and view.keyed_by_stream:
        rows = source.stream_rows(UUID(str(key[0])))
    else:
        rows = ()
    found = list[Behind]()
    for position, name, data in reversed(rows):
        if position <= upto and len(found) < EVENTS_BEHIND and (event := _read(source, name, data)):
            found += [Behind(position, name, event.at)] if isinstance(event, view.folds) else []
    return tuple(found)


def _read(source: Streams, name: str, data: bytes | str) -> Event | None:
    try:
        return source.decode(name, data)
    except Exception:  # one that cannot be read is parked, and shown there
        return None
