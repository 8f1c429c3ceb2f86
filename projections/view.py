"""What a view is: its columns, its fold, and the events it folds. One file per view."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec
from sqlalchemy import JSON, BigInteger, Column, DateTime, Dialect, Index, Integer, MetaData, String, Table
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine

from domain.ledger import Event

Row = dict[str, Any]

Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def json_text(value: object) -> str:
    """What goes into a `Json` column, live and in a rebuild."""
    return msgspec.json.encode(value).decode()


def iso_text(moment: datetime) -> str:
    """What `moment.isoformat()` says, in a fraction of its time: folds write it for nearly every event."""
    text = msgspec.json.encode(moment)[1:-1].decode()
    return f"{text[:-1]}+00:00" if text[-1] == "Z" else text


class Moment(TypeDecorator[datetime]):
    """An aware UTC time on both databases; text that sorts on SQLite, which has no such type."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(DateTime(timezone=True))
        return dialect.type_descriptor(String(27))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        return value.astimezone(UTC) if value is not None else None


class View:
    """Base of the two shapes. A changed fold raises `version`: its old rows then wait for a rebuild."""

    name: ClassVar[str]
    version: ClassVar[int] = 1
    folds: ClassVar[tuple[type[Event], ...]]
    indexed: ClassVar[tuple[str, ...]] = ()
    forgets: ClassVar[bool] = True  # False: rows of somebody forgotten stay, as they name nobody and count on
    live: ClassVar[Table]

    def __init_subclass__(cls, *, name: str = "") -> None:
        if name:
            cls.name = name
            cls.live = cls.table()

    @staticmethod
    def columns() -> list[Column[Any]]:
        """Fresh column objects, the primary key among them."""
        raise NotImplementedError

    @classmethod
    def table(cls, suffix: str = "") -> Table:
        """The live table, or the one with this suffix beside it, without its indexes."""
        return Table(f"{cls.name}{suffix}", MetaData(), *cls._all_columns())

    @classmethod
    def _all_columns(cls) -> list[Column[Any]]:
        return cls.columns()

    @classmethod
    def indexes(cls, table: Table, generation: int) -> list[Index]:
        """The table's indexes; `generation` keeps their names apart from those of the tables it replaces."""
        return [Index(f"{cls.name}_{generation}_{column}", table.c[column]) for column in cls.indexed]


class RowView(View):
    """One row per key. `evolve` is the whole rule, and the same live and in a rebuild."""

    key_column: ClassVar[str]
    keyed_by_stream: ClassVar[bool] = True

    def key(self, event: Event) -> str | None:
        """Which row the event concerns; None for none. Views that override this set `keyed_by_stream = False`."""
        return str(event.stream)

    def evolve(self, row: Row | None, event: Event) -> Row | None:
        """The row after the event; None removes it. Pure: no clock, no look-ups, no writing into `row`."""
        raise NotImplementedError


class Journal(View):
    """Rows per event, never changed: `position` and `nth` are their key."""

    def entries(self, event: Event) -> Iterable[Row]:
        """The rows this event adds. Pure."""
        raise NotImplementedError

    @classmethod
    def _all_columns(cls) -> list[Column[Any]]:
        return [
            Column("position", BigInteger, primary_key=True, autoincrement=False),
            Column("nth", Integer, primary_key=True, autoincrement=False),
            *cls.columns(),
        ]


def fold(view: RowView, events: Iterable[Event], row: Row | None = None) -> Row | None:
    """The row these events lead to."""
    for event in events:
        if isinstance(event, view.folds):
            row = view.evolve(row, event)
    return row
