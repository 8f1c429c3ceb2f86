"""What rebuilds keep beside the views: how far an unfinished one is, and what a way back needs."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    Integer,
    String,
    Table,
    Text,
    delete,
    insert,
    inspect,
    select,
    update,
)

from projections.home import META, NEXT, OLD, POSITIONS, Home
from projections.view import Moment, Row, View

REBUILDS = Table(
    "rebuilds",
    META,
    Column("view", String, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("run", Integer, nullable=False),
    Column("state", String(10), nullable=False),
    Column("upto", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("shares", Integer, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("events", BigInteger, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("setbacks", Text, nullable=False),
    Column("preview", Text),
    Column("started_at", Moment, nullable=False),
)
SHARES = Table(
    "rebuild_shares",
    META,
    Column("view", String, primary_key=True),
    Column("share", Integer, primary_key=True, autoincrement=False),
    Column("mark", String(36)),
    Column("done", Boolean, nullable=False),
    Column("events", BigInteger, nullable=False),
    Column("setbacks", Text, nullable=False),
)
PREVIOUS = Table(
    "rebuilds_before",
    META,
    Column("view", String, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("parked", Text, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("events", BigInteger, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("reached", BigInteger, nullable=False),
    Column("swapped_at", Moment, nullable=False),
)
FILLING, FILLED, WAITING = "filling", "filled", "waiting"


class Superseded(Exception):
    """Another rebuild of this view has gone on in this one's place."""

    def __init__(self, view: str) -> None:
        super().__init__(f"Another rebuild of the view {view} has taken over.")


class Setback(msgspec.Struct, frozen=True):
    """An event that would not fold, or that came behind one."""

    position: int
    stream: str
    reason: str


class Filled(msgspec.Struct):
    """What came of a share: how many events were read, and those that are set aside, by position.

    Events that are read a second time after a crash are counted twice, those set aside once.
    """

    events: int = 0
    setbacks: dict[int, Setback] = {}


class Notes:
    """Written in the transactions that write the rows, so that both are there or neither is.

    `share` is the one that this process fills.
    """

    def __init__(self, view: View, *, run: int, share: int = 0) -> None:
        self.view, self.run, self.share = view, run, share

    def hold(self, connection: Connection) -> None:
        """Keep others from taking over before this transaction ends; raises `Superseded` when one has already.

        A killed rebuild may leave processes behind that still fill: their next rows are refused.
        """
        query = select(REBUILDS.c.run).where(REBUILDS.c.view == self.view.name).with_for_update(read=True)
        if connection.scalar(query) != self.run:
            raise Superseded(self.view.name)

    def loaded(self, connection: Connection, mark: str | None, filled: Filled, *, done: bool) -> None:
        """This share is filled up to a mark: a stream, or a position of a journal."""
        values = {"mark": mark, "done": done, "events": filled.events, "setbacks": packed(filled.setbacks)}
        mine = SHARES.c.view == self.view.name, SHARES.c.share == self.share
        connection.execute(update(SHARES).where(*mine).values(**values))

    def folded(self, connection: Connection, position: int, filled: Filled) -> None:
        """Everything up to a position of the log is folded."""
        change(connection, self.view, position=position, events=filled.events, setbacks=packed(filled.setbacks))


class NotesBack(Notes):
    """The same for a table of before that is caught up: what a way back needs goes on with its rows."""

    def __init__(self, view: View, *, generation: int) -> None:
        super().__init__(view, run=0)
        self._generation = generation

    def hold(self, connection: Connection) -> None:
        """Raises `Superseded` when that table is no longer the one of before."""
        query = select(PREVIOUS.c.generation).where(PREVIOUS.c.view == self.view.name).with_for_update()
        if connection.scalar(query) != self._generation:
            raise Superseded(self.view.name)

    def folded(self, connection: Connection, position: int, filled: Filled) -> None:
        change_previous = update(PREVIOUS).where(PREVIOUS.c.view == self.view.name)
        connection.execute(change_previous.values(position=position, parked=packed(filled.setbacks)))


def packed(setbacks: dict[int, Setback]) -> str:
    """What is set aside, as a column holds it."""
    return msgspec.json.encode(list(setbacks.values())).decode()


def unpacked(text: str) -> dict[int, Setback]:
    """The same, read again."""
    return {setback.position: setback for setback in msgspec.json.decode(text, type=list[Setback])}


def unfinished(connection: Connection, view: View) -> Row | None:
    """The rebuild of this view that was begun and not swapped, if its table is there and fits today's fold."""
    if not inspect(connection).has_table(REBUILDS.name):
        return None
    row = connection.execute(select(REBUILDS).where(REBUILDS.c.view == view.name)).mappings().first()
    fits_fold = row is not None and row["version"] == view.version and fits(connection, view, NEXT)
    return dict(row) if row is not None and fits_fold else None


def begin(connection: Connection, view: View, *, upto: int, shares: int, generation: int, at: datetime) -> Row:
    """Note a new rebuild in place of any other; returns its notes."""
    before = connection.scalar(select(REBUILDS.c.run).where(REBUILDS.c.view == view.name).with_for_update())
    forget(connection, view)
    row: Row = {
        "view": view.name,
        "version": view.version,
        "run": (before or 0) + 1,
        "state": FILLING,
        "upto": upto,
        "position": 0,
        "shares": shares,
        "generation": generation,
        "events": 0,
        "seconds": 0.0,
        "setbacks": "[]",
        "preview": None,
        "started_at": at,
    }
    connection.execute(insert(REBUILDS).values(**row))
    for number in range(shares):
        blank = {"mark": None, "done": False, "events": 0, "setbacks": "[]"}
        connection.execute(insert(SHARES).values(view=view.name, share=number, **blank))
    return row


def take_over(connection: Connection, view: View) -> None:
    """From now on this process's rows count, and those of whoever had begun are refused."""
    run = REBUILDS.c.run + 1
    connection.execute(update(REBUILDS).where(REBUILDS.c.view == view.name).values(run=run))


def change(connection: Connection, view: View, **values: Any) -> None:
    """Change what is noted of a rebuild."""
    connection.execute(update(REBUILDS).where(REBUILDS.c.view == view.name).values(**values))


def forget(connection: Connection, view: View) -> None:
    """Forget what is noted of a rebuild."""
    connection.execute(delete(SHARES).where(SHARES.c.view == view.name))
    connection.execute(delete(REBUILDS).where(REBUILDS.c.view == view.name))


def shares_of(connection: Connection, view: View) -> list[Row]:
    """How far each share is, in order."""
    query = select(SHARES).where(SHARES.c.view == view.name).order_by(SHARES.c.share)
    return [dict(row) for row in connection.execute(query).mappings()]


def waiting(home: Home) -> dict[str, Row]:
    """Rebuilds that were begun and not swapped, by view."""
    return {row["view"]: row for row in home.rows(select(REBUILDS))}


def way_back(connection: Connection, view: View) -> Row | None:
    """What is known of the table that the last rebuild replaced; None where nobody may go back to it."""
    row = connection.execute(select(PREVIOUS).where(PREVIOUS.c.view == view.name)).mappings().first()
    live = connection.scalar(select(POSITIONS.c.generation).where(POSITIONS.c.view == view.name))
    # Another generation: tables were made or swapped since by a product that kept no such notes.
    known = row is not None and row["generation"] == live and row["version"] == view.version
    return dict(row) if row is not None and known and fits(connection, view, OLD) else None


def fits(connection: Connection, view: View, suffix: str) -> bool:
    """Whether this table of the view is there, with the columns that the view has today."""
    name, wanted = f"{view.name}{suffix}", view.table(suffix)
    if not inspect(connection).has_table(name):
        return False
    return shape(connection, name) == {column.name: type_text(connection, column.type) for column in wanted.c}


def shape(connection: Connection, name: str) -> dict[str, str]:
    """The columns that a table really has, and their types as the database calls them."""
    return {column["name"]: type_text(connection, column["type"]) for column in inspect(connection).get_columns(name)}


def type_text(connection: Connection, of: Any) -> str:
    """A type as this database calls it."""
    return str(of.compile(dialect=connection.dialect))
