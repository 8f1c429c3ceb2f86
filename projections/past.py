"""A whole view as it was, in a table beside the live one: neither the live rows nor their position are touched."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, delete, func, insert, inspect, select

from domain.ledger import Event
from domain.shared.erasure import Forgotten
from domain.shared.travel import Clock
from projections.fill import Filler, History, Progress, Share
from projections.home import Home
from projections.view import Moment, Row, RowView, View

PAST, LONGEST_NAME = "__past_", 63  # the longest name that PostgreSQL takes
TABLES = Table(
    "past_tables",
    MetaData(),
    Column("name", String, primary_key=True),
    Column("view", String, nullable=False),
    Column("as_of", Moment, nullable=False),
    Column("clock", String(10), nullable=False),
    Column("version", Integer, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("left_out", Integer, nullable=False),
    Column("made_at", Moment, nullable=False),
)


class NotAPast(Exception):
    """A name that no table of the past can have, or that another has already."""


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """A view as of a moment: the table, and how many events would not fold."""

    name: str
    view: str
    as_of: datetime
    clock: str
    version: int
    rows: int
    left_out: int
    made_at: datetime


class Stamp(msgspec.Struct):
    """What of a stored event says whether it counts."""

    stream: UUID
    version: int
    at: datetime
    happened_at: datetime | None = None


class Cut:
    """The log as it was: only the events that count at a moment, by the rule of `domain.shared.travel.until`."""

    def __init__(
        self, source: History, as_of: datetime, *, clock: Clock = "recorded", without: Iterable[UUID] = ()
    ) -> None:
        """`without` are streams that do not count at all."""
        self._source, self._as_of, self._clock = source, as_of, clock
        self._without = frozenset(stream.int for stream in without)
        self._stamp = msgspec.json.Decoder(Stamp).decode

    def scan(
        self,
        *,
        upto: int,
        names: Sequence[str] | None = None,
        by_stream: bool = False,
        after: int = 0,
        share: Share = (0, 1),
        beyond: UUID | None = None,
    ) -> Iterator[tuple[int, str, bytes | str]]:
        """The rows that count. All of a stream are looked at, since one that is not wanted may end it."""
        wanted = None if names is None else frozenset(names)
        ended = set(self._without)
        rows = self._source.scan(upto=upto, by_stream=by_stream, after=after, share=share, beyond=beyond)
        for position, name, data in rows:
            if self._counts(data, ended) and (wanted is None or name in wanted):
                yield position, name, data

    def _counts(self, data: bytes | str, ended: set[int]) -> bool:
        try:
            stamp = self._stamp(data)
        except msgspec.MsgspecError:
            return True  # whoever decodes it will say what is wrong
        if stamp.stream.int in ended:
            return False
        recorded = self._clock == "recorded"
        counts = (stamp.at if recorded else stamp.happened_at or stamp.at) <= self._as_of
        if not counts and (recorded or stamp.version == 1):
            ended.add(stamp.stream.int)
        return counts

    def last_position(self) -> int:
        return self._source.last_position()

    def read(self, after: int, limit: int) -> Sequence[tuple[int, str, bytes | str]]:
        return self._source.read(after, limit)

    def decode(self, name: str, data: bytes | str) -> Event:
        return self._source.decode(name, data)

    def readable_as(self, event_classes: Iterable[type[Event]]) -> Sequence[str]:
        return self._source.readable_as(event_classes)

    def stream_at(self, position: int) -> str:
        return self._source.stream_at(position)

    def listen(self, wake: Callable[[], None]) -> Callable[[], None]:
        return self._source.listen(wake)


def past_table(view: View, name: str) -> Table:
    """The table of this view's past; raises `NotAPast` for a name that will not do."""
    table = view.table(f"{PAST}{name}")
    if not re.fullmatch(r"[a-z0-9_]+", name) or len(table.name) > LONGEST_NAME:
        room = LONGEST_NAME - len(view.name) - len(PAST)
        raise NotAPast(f"A table of the past is named by at most {room} small letters, digits and underscores.")
    return table


def forgotten(source: History, view: View) -> set[UUID]:
    """The streams that are erased today, of which no row of this view may come back."""
    names = source.readable_as([kind for kind in view.folds if issubclass(kind, Forgotten)])
    if not (view.forgets and names):
        return set()
    rows = source.scan(upto=source.last_position(), names=names)
    return {msgspec.json.decode(data, type=Stamp).stream for _, _, data in rows}


def make_past(
    source: History,
    home: Home,
    view: View,
    *,
    as_of: datetime,
    name: str,
    now: datetime,
    clock: Clock = "recorded",
    progress: Progress = lambda events: None,
) -> Past:
    """Fold the view as of then into `<view>__past_<name>`; raises `NotAPast`, or `Rebuilding` while another does."""
    table = past_table(view, name)
    with home.rebuilding(view, wait=False):
        gone = forgotten(source, view)
        cut = Cut(source, as_of, clock=clock, without=gone)
        filler = Filler(cut, home, view, progress, suffix=f"{PAST}{name}")
        with home.engine.begin() as connection:
            home.lock(connection)
            if table.name in {past["name"] for past in _listed(connection)}:
                raise NotAPast(f"There is a table {table.name} already; drop it or give another name.")
            TABLES.create(connection, checkfirst=True)
            home.drop(connection, table.name)  # of an attempt that was cut short
            home.create(connection, view, table, generation=0, indexed=False)
        filler.fill(source.last_position())
        with home.engine.begin() as connection:
            if isinstance(view, RowView):  # whoever was forgotten while it was filled
                late = [str(stream) for stream in forgotten(source, view) - gone]
                connection.execute(delete(table).where(table.c[view.key_column].in_(late)))
            made = Past(
                name=table.name,
                view=view.name,
                as_of=as_of,
                clock=clock,
                version=view.version,
                rows=connection.scalar(select(func.count()).select_from(table)) or 0,
                left_out=len(filler.done.setbacks),
                made_at=now,
            )
            connection.execute(insert(TABLES).values(**msgspec.structs.asdict(made)))
    return made


def pasts(home: Home) -> list[Past]:
    """Every table of the past, in the order of their names."""
    with home.engine.connect().execution_options(writes=False) as connection:
        return [Past(**row) for row in _listed(connection)]


def _listed(connection: Connection) -> list[Row]:
    if not inspect(connection).has_table(TABLES.name):
        return []
    return [dict(row) for row in connection.execute(select(TABLES).order_by(TABLES.c.name)).mappings()]


def drop_past(home: Home, name: str) -> None:
    """Drop a table of the past, also one that was never finished; raises `NotAPast`, and for every other table."""
    with home.engine.begin() as connection:
        home.lock(connection)
        if PAST not in name or not inspect(connection).has_table(name):
            raise NotAPast(f"There is no table of the past named {name}.")
        home.drop(connection, name)
        if inspect(connection).has_table(TABLES.name):
            connection.execute(delete(TABLES).where(TABLES.c.name == name))
