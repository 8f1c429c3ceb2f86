"""Rebuild a view from the first event, beside the live table, and swap. There is no way from here to an effect."""

import time
from collections.abc import Callable
from datetime import datetime

import msgspec
from sqlalchemy import delete, func, select, update

from projections.fill import CATCH_UP_EVENTS, Filler, History, Progress, can_be_shared
from projections.home import OLD, PARKED, POSITIONS, Home
from projections.parallel import Connect, fill_in_parallel
from projections.view import View


class Rebuilt(msgspec.Struct):
    """What a rebuild did; `seconds` from the first event to the swap."""

    view: str
    position: int
    events: int
    rows: int
    parked: int
    seconds: float


class Rebuild:
    """One rebuild of one view. The live table is read throughout; the old one is kept beside it as `<view>__old`."""

    def __init__(
        self,
        source: History,
        home: Home,
        view: View,
        *,
        now: Callable[[], datetime],
        progress: Progress = lambda events: None,
        workers: int = 1,
        connect: Connect | None = None,
    ) -> None:
        """`connect` opens source and home once more, in each of several `workers`."""
        self._source, self._home, self._view, self._now = source, home, view, now
        self._workers, self._connect, self._progress = workers, connect, progress
        self._filler = Filler(source, home, view, progress)
        self._next = self._filler.table

    def run(self) -> Rebuilt:
        """Build, catch up, swap; returns what was done. Safe to start again after a crash. Raises `Rebuilding`."""
        with self._home.rebuilding(self._view, wait=False):
            return self._run()

    def run_if_stale(self) -> Rebuilt | None:
        """The same if the fold has changed since the rows were written, and nobody has rebuilt them meanwhile."""
        with self._home.rebuilding(self._view, wait=True):
            state = self._home.states().get(self._view.name)
            return None if state is None or state["version"] == self._view.version else self._run()

    def _run(self) -> Rebuilt:
        started = time.monotonic()
        position = self._source.last_position()
        with self._home.engine.begin() as connection:
            self._home.lock(connection)
            self._home.drop(connection, self._next.name)
            self._home.create(connection, self._view, self._next, generation=0, indexed=False)
        self._fill(position)
        position = self._catch_up(position)
        position = self._swap(position)
        return Rebuilt(
            view=self._view.name,
            position=position,
            events=self._filler.done.events,
            rows=self._count(),
            parked=len(self._filler.done.setbacks),
            seconds=time.monotonic() - started,
        )

    def _count(self) -> int:
        [row] = self._home.rows(select(func.count().label("rows")).select_from(self._view.live))
        return int(row["rows"])

    def _fill(self, upto: int) -> None:
        if self._connect is None or self._workers < 2 or not can_be_shared(self._view):
            self._filler.fill(upto)
            return
        filled = fill_in_parallel(self._connect, self._view, upto, workers=self._workers, progress=self._progress)
        self._filler.take_over(filled)

    def _catch_up(self, position: int) -> int:
        while (last := self._source.last_position()) - position > CATCH_UP_EVENTS:
            self._filler.fold_in_order(position, last)
            position = last
        return position

    def _swap(self, position: int) -> int:
        """The last events and the change of tables in one transaction, with the view's position held."""
        view, home = self._view, self._home
        with home.engine.begin() as connection:
            home.lock(connection)
            state = home.state(connection, view, lock=True)
            if state is None:
                raise LookupError(f"The view {view.name} is not installed.")
            last = max(self._source.last_position(), int(state["position"]))
            self._filler.fold_in_order(position, last, connection)
            generation = state["generation"] + 1
            home.index(connection, view, self._next, generation=generation)
            home.drop(connection, f"{view.name}{OLD}")
            connection.exec_driver_sql(f'ALTER TABLE "{view.name}" RENAME TO "{view.name}{OLD}"')
            connection.exec_driver_sql(f'ALTER TABLE "{self._next.name}" RENAME TO "{view.name}"')
            connection.execute(
                update(POSITIONS)
                .where(POSITIONS.c.view == view.name)
                .values(position=last, version=view.version, generation=generation)
            )
            connection.execute(delete(PARKED).where(PARKED.c.view == view.name))
            for setback in self._filler.done.setbacks:
                home.park(connection, view, setback.position, setback.stream, setback.reason, self._now())
        return last
