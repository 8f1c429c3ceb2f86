"""Three small views, a home that can be interrupted, and short ways to ask what is in them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Connection, Engine, Integer, String

from adapters.store.engine import postgres_engine
from adapters.store.log import SqlLog
from domain.ledger import Event
from projections.follow import Follower
from projections.home import Home, Stand
from projections.view import Journal, Json, Moment, Row, RowView, View
from tests.sample_trees import NOW, Tree
from tests.store_samples import make_log


def drop_tables(home: Home, *names: str) -> None:
    """Drop these tables of the views' home, or all of them."""
    with home.engine.begin() as connection:
        for name in names or home.engine.dialect.get_table_names(connection):
            home.drop(connection, name)


class Touchy(View):
    """A view whose fold fails on growths by these amounts, until somebody mends it."""

    def __init__(self, *refuses: int) -> None:
        self.refuses = set(refuses)

    def check(self, event: Event) -> None:
        if isinstance(event, Tree.Grew) and event.by_cm in self.refuses:
            raise ValueError(f"cannot fold a growth by {event.by_cm}")


class Heights(Touchy, RowView, name="heights"):
    """A row per tree."""

    key_column = "id"
    folds = (Tree.Planted, Tree.Grew, Tree.Felled)
    indexed = ("height_cm",)

    @staticmethod
    def columns() -> list[Column[Any]]:
        return [
            Column("id", String(36), primary_key=True),
            Column("height_cm", Integer, nullable=False),
            Column("gardener", String, nullable=False),
            Column("planted_at", Moment, nullable=False),
            Column("growths", Json, nullable=False),
        ]

    def evolve(self, row: Row | None, event: Event) -> Row | None:
        self.check(event)
        match event:
            case Tree.Planted(gardener=gardener, at=planted_at):
                tree, token = str(event.stream), gardener.token
                return {
                    "id": tree, "height_cm": 0, "gardener": token, "planted_at": planted_at, "growths": [],
                }  # fmt: skip
            case Tree.Grew(by_cm=by_cm) if row is not None:
                growths = [*row["growths"], by_cm]
                return row | {"height_cm": row["height_cm"] + by_cm, "growths": growths}
        return None


class Growths(Touchy, Journal, name="growths"):
    """A row for every started ten centimetres of every growth."""

    folds = (Tree.Grew,)

    @staticmethod
    def columns() -> list[Column[Any]]:
        return [Column("tree", String(36), nullable=False), Column("by_cm", Integer, nullable=False)]

    def entries(self, event: Event) -> Iterable[Row]:
        self.check(event)
        assert isinstance(event, Tree.Grew)
        for start in range(0, event.by_cm, 10):
            yield {"tree": str(event.stream), "by_cm": min(10, event.by_cm - start)}


class Sizes(Touchy, RowView, name="sizes"):
    """How often any tree grew by so much: rows that several streams share."""

    key_column = "by_cm"
    keyed_by_stream = False
    folds = (Tree.Grew,)

    @staticmethod
    def columns() -> list[Column[Any]]:
        return [Column("by_cm", String, primary_key=True), Column("times", Integer, nullable=False)]

    def key(self, event: Event) -> str | None:
        assert isinstance(event, Tree.Grew)
        return str(event.by_cm) if event.by_cm else None

    def evolve(self, row: Row | None, event: Event) -> Row | None:
        self.check(event)
        assert isinstance(event, Tree.Grew)
        return {"by_cm": str(event.by_cm), "times": row["times"] + 1 if row else 1}


def all_rows(home: Home, views: Sequence[View]) -> dict[str, list[Row]]:
    """Every row of these views, in the order of their keys."""
    return {view.name: home.rows(view.live.select().order_by(*view.live.primary_key)) for view in views}


class Interrupted(Home):
    """A home where somebody else does something just before a write, or just after a list was read."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.before_writing: list[Callable[[], object]] = []
        self.after_reading_parked: list[Callable[[], object]] = []

    @contextmanager
    def advancing_all(self, pasts: Sequence[tuple[View, Stand]], *, to: int) -> Iterator[Connection]:
        if self.before_writing:
            self.before_writing.pop(0)()
        with super().advancing_all(pasts, to=to) as connection:
            yield connection

    def parked(self, view: View | None = None) -> list[Row]:
        rows = super().parked(view)
        if self.after_reading_parked:
            self.after_reading_parked.pop(0)()
        return rows


class Meanwhile:
    """A log to which something is appended right after its first scan."""

    def __init__(self, log: SqlLog, then: Callable[[], object]) -> None:
        self._log, self._then = log, [then]

    def scan(
        self,
        *,
        upto: int,
        names: Sequence[str] | None = None,
        by_stream: bool = False,
        after: int = 0,
        share: tuple[int, int] = (0, 1),
        beyond: UUID | None = None,
    ) -> Iterator[tuple[int, str, bytes | str]]:
        yield from self._log.scan(upto=upto, names=names, by_stream=by_stream, after=after, share=share, beyond=beyond)
        if self._then:
            self._then.pop()()

    def last_position(self) -> int:
        return self._log.last_position()

    def read(self, after: int, limit: int) -> Sequence[tuple[int, str, bytes | str]]:
        return self._log.read(after, limit)

    def stream_at(self, position: int) -> str:
        return self._log.stream_at(position)

    def decode(self, name: str, data: bytes | str) -> Event:
        return self._log.decode(name, data)

    def readable_as(self, event_classes: Iterable[type[Event]]) -> Sequence[str]:
        return self._log.readable_as(event_classes)

    def listen(self, wake: Callable[[], None]) -> Callable[[], None]:
        return self._log.listen(wake)


def following(log: SqlLog, home: Home, *views: View) -> Follower:
    """A follower of these views, which it installs."""
    home.install(views)
    return Follower(log, home, views, now=lambda: NOW)


def heights(home: Home) -> dict[int, int]:
    """Numbers of trees, and their heights in the view."""
    return {int(row["id"].replace("-", ""), 16): row["height_cm"] for row in home.rows(Heights.live.select())}


def sizes(home: Home) -> dict[str, int]:
    """How often any tree grew by so much, according to the view."""
    return {row["by_cm"]: row["times"] for row in home.rows(Sizes.live.select())}


def parked(home: Home, view: View) -> list[tuple[int, str]]:
    """Positions of parked events, and the first words of why."""
    return [(row["position"], row["reason"].partition(":")[0]) for row in home.parked(view)]


def position(home: Home, view: View) -> int:
    """How far a view has come."""
    found: int = home.states()[view.name]["position"]
    return found


def open_both(url: str) -> tuple[SqlLog, Home]:
    """The log and the views' home of a database, as another process opens them."""
    log = make_log(url)
    log.install()
    return log, Home(postgres_engine(url))
