"""Rebuild a view from the first event, beside the live table, and swap. There is no way from here to an effect."""

import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select

from projections.fill import CATCH_UP_EVENTS, CHUNK_ROWS, Filler, History, Progress, TooManySetbacks, can_be_shared
from projections.home import META, NEXT, Home
from projections.kept import (  # fmt: skip
    FILLED,
    FILLING,
    WAITING,
    Filled,
    Notes,
    begin,
    change,
    forget,
    packed,
    shares_of,
    take_over,
    unfinished,
    unpacked,
)
from projections.parallel import Connect, fill_in_parallel, tasks_of
from projections.preview import Preview, compare, one_moment
from projections.swapping import Took, swap
from projections.view import Row, View

log = logging.getLogger("daybook.rebuild")
SNAPSHOTS = 20  # attempts to look at both tables while nobody writes, before the follower is made to wait


class NothingWaits(Exception):
    """There is no rebuild of this view that could be approved or discarded."""

    def __init__(self, view: str) -> None:
        super().__init__(f"No rebuild of the view {view} waits for approval.")


class Rebuilt(msgspec.Struct):
    """What a rebuild did; `seconds` from the first event to the swap, waiting for approval left out."""

    view: str
    position: int
    events: int
    rows: int
    parked: int
    seconds: float
    resumed: bool = False


class Rebuild:
    """One rebuild of one view. The live table is read throughout; the old one is kept beside it as `<view>__old`.

    What is filled is noted as it goes: another rebuild goes on from there, unless it is told to begin `fresh`.
    """

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
        fresh: bool = False,
        chunk_rows: int = CHUNK_ROWS,
    ) -> None:
        """`connect` opens source and home once more, in each of several `workers`."""
        self._source, self._home, self._view, self._now = source, home, view, now
        self._workers, self._connect, self._progress = workers, connect, progress
        self._fresh, self._chunk_rows = fresh, chunk_rows
        self._next = view.table(NEXT)
        self._resumed, self._began = False, time.monotonic()

    def run(self) -> Rebuilt:
        """Build, catch up, swap; returns what was done. Safe to start again after a crash. Raises `Rebuilding`."""
        with self._home.rebuilding(self._view, wait=False):
            return self._run()

    def run_if_stale(self) -> Rebuilt | None:
        """The same if the fold has changed since the rows were written, and nobody has rebuilt them meanwhile.

        One that waits for approval is left waiting: somebody wanted to look at it first. A fold that fails for
        thousands of events leaves its view standing still, and nothing else.
        """
        with self._home.rebuilding(self._view, wait=True):
            state = self._home.states().get(self._view.name)
            if state is None or state["version"] == self._view.version:
                return None
            with self._home.engine.connect().execution_options(writes=False) as connection:
                kept = unfinished(connection, self._view)
            try:
                return None if kept and kept["state"] == WAITING else self._run()
            except TooManySetbacks as error:
                log.error("%s", error)
                return None

    def preview(self) -> Preview:
        """Build and catch up, and tell what a swap would change; the new table is left waiting for approval."""
        with self._home.rebuilding(self._view, wait=False):
            self._build(beside_live=True)
            return self._compared()

    def approve(self) -> tuple[Preview | None, Preview, Rebuilt]:
        """Catch up a table that waits, and swap; returns what the preview said and what was swapped.

        Raises `NothingWaits`.
        """
        with self._home.rebuilding(self._view, wait=False):
            with self._home.engine.connect().execution_options(writes=False) as connection:
                kept = unfinished(connection, self._view)
            if kept is None or kept["state"] != WAITING:
                raise NothingWaits(self._view.name)
            before = msgspec.json.decode(kept["preview"], type=Preview) if kept["preview"] else None
            self._build(beside_live=True)
            return before, self._compared(), self._swap()

    def discard(self) -> None:
        """Drop a table that waits or was never finished; raises `NothingWaits`."""
        home, view = self._home, self._view
        with home.rebuilding(view, wait=False), home.engine.begin() as connection:
            home.lock(connection)
            META.create_all(connection)
            there = home.engine.dialect.has_table(connection, self._next.name)
            if not there:
                raise NothingWaits(view.name)
            take_over(connection, view)  # what a killed rebuild has left behind may still write
            home.drop(connection, self._next.name)
            forget(connection, view)

    def _run(self) -> Rebuilt:
        self._build(beside_live=False)
        return self._swap()

    def _build(self, *, beside_live: bool) -> None:
        """Fill and catch up; `beside_live` goes no further than the live rows, so that both can be compared."""
        self._began = time.monotonic()
        kept = self._take_up(beside_live=beside_live)
        self._notes = Notes(self._view, run=kept["run"])
        if kept["state"] == FILLING:
            self._fill(kept)
        self._filler = self._go_on()
        self._catch_up(beside_live=beside_live)
        with self._home.engine.begin() as connection:
            change(connection, self._view, seconds=kept["seconds"] + time.monotonic() - self._began)

    def _take_up(self, *, beside_live: bool) -> Row:
        """Go on with what is there, or begin anew."""
        home, view = self._home, self._view
        with home.engine.begin() as connection:
            home.lock(connection)
            META.create_all(connection)
            live = home.state(connection, view)
            if live is None:
                raise LookupError(f"The view {view.name} is not installed.")
            kept = None if self._fresh else unfinished(connection, view)
            last = self._source.last_position()  # less than the live position after a failover that lost events
            end = min(int(live["position"]), last) if beside_live else last
            self._resumed = kept is not None and max(kept["upto"], kept["position"]) <= end
            take_over(connection, view)  # before the table is touched: who fills it holds the notes first, too
            if kept is not None and self._resumed:
                return kept | {"run": kept["run"] + 1}
            home.drop(connection, self._next.name)
            generation = int(live["generation"]) + 1
            home.create(connection, view, self._next, generation=generation, indexed=False)
            return begin(connection, view, upto=end, shares=self._shares(), generation=generation, at=self._now())

    def _shares(self) -> int:
        if not can_be_shared(self._view):
            return 0
        return self._workers if self._connect is not None else 1

    def _fill(self, kept: Row) -> None:
        upto: int = kept["upto"]
        told: dict[str, Any] = {"state": FILLED, "position": upto}
        if kept["shares"] == 0:
            filler = Filler(
                self._source, self._home, self._view, self._progress, notes=self._notes, chunk_rows=self._chunk_rows
            )
            filler.take_over(Filled(kept["events"], unpacked(kept["setbacks"])))
            filler.fill(upto, mark=str(kept["position"]))
            told |= {"events": filler.done.events, "setbacks": packed(filler.done.setbacks)}
        else:
            self._fill_shares(upto)
        with self._home.engine.begin() as connection:
            self._notes.hold(connection)
            self._home.index(connection, self._view, self._next, generation=kept["generation"])
            if shares := shares_of(connection, self._view):
                setbacks = {at: one for share in shares for at, one in unpacked(share["setbacks"]).items()}
                told |= {"events": sum(share["events"] for share in shares), "setbacks": packed(setbacks)}
            change(connection, self._view, **told)

    def _fill_shares(self, upto: int) -> None:
        with self._home.engine.begin() as connection:
            shares = shares_of(connection, self._view)
        tasks = tasks_of(self._view, shares, run=self._notes.run, upto=upto, chunk_rows=self._chunk_rows)
        if len(shares) > 1 and self._connect is not None and tasks:
            fill_in_parallel(self._connect, tasks, progress=self._progress)
        else:
            for task in tasks:
                task.carry_out(self._source, self._home, self._progress)

    def _go_on(self) -> Filler:
        """A filler that folds what has come since, behind what is filled."""
        with self._home.engine.begin() as connection:
            kept = unfinished(connection, self._view)
        assert kept is not None
        self._position = int(kept["position"])
        filler = Filler(self._source, self._home, self._view, self._progress, notes=self._notes)
        filler.take_over(Filled(kept["events"], unpacked(kept["setbacks"])))
        return filler

    def _catch_up(self, *, beside_live: bool) -> None:
        while (last := self._end(beside_live=beside_live)) - self._position > CATCH_UP_EVENTS:
            self._filler.fold_in_order(self._position, last)
            self._position = last

    def _end(self, *, beside_live: bool) -> int:
        last = self._source.last_position()
        return min(last, int(self._home.states()[self._view.name]["position"])) if beside_live else last

    def _compared(self) -> Preview:
        """Compare both tables at one position, and leave the new one waiting."""
        for _ in range(SNAPSHOTS):
            with self._home.engine.begin() as connection:
                self._level(connection)
            with one_moment(self._home.engine) as connection:
                state = self._home.state(connection, self._view)
                kept = unfinished(connection, self._view)
                if state and kept and state["position"] == kept["position"]:
                    preview = compare(connection, self._view, state=state, now=self._now())
                    break
        else:  # the follower is never still: it has to wait
            with self._home.engine.begin() as connection:
                preview = compare(connection, self._view, state=self._level(connection), now=self._now())
        with self._home.engine.begin() as connection:
            self._notes.hold(connection)
            change(connection, self._view, state=WAITING, preview=msgspec.json.encode(preview.counts()).decode())
        return preview

    def _level(self, connection: Connection) -> Row:
        """Bring the new table to where the live one stands, which is held there; returns the view's state."""
        state = self._home.state(connection, self._view, lock=True)
        assert state is not None
        upto = min(self._source.last_position(), int(state["position"]))
        self._filler.fold_in_order(self._position, upto, connection)
        self._position = upto
        self._notes.folded(connection, self._position, self._filler.done)
        return state

    def _swap(self) -> Rebuilt:
        """The last events and the change of tables in one transaction, with the view's position held."""
        view, home, filler = self._view, self._home, self._filler
        with home.engine.begin() as connection:
            home.lock(connection)
            state = home.state(connection, view, lock=True)
            kept = unfinished(connection, view)
            if state is None or kept is None:
                raise LookupError(f"The view {view.name} is not installed.")
            self._notes.hold(connection)
            last = self._source.last_position()
            filler.fold_in_order(self._position, last, connection)
            done, took = filler.done, Took(filler.done.events, kept["seconds"], last)
            generation = max(int(state["generation"]) + 1, kept["generation"])
            swap(
                connection, home, view, NEXT,
                state=state, position=last, generation=generation,
                setbacks=done.setbacks.values(), took=took, at=self._now(),
            )  # fmt: skip
        return Rebuilt(
            view=view.name,
            position=last,
            events=done.events,
            rows=count_rows(home, view),
            parked=len(done.setbacks),
            seconds=took.seconds,
            resumed=self._resumed,
        )


def count_rows(home: Home, view: View) -> int:
    """How many rows are live."""
    [row] = home.rows(select(func.count().label("rows")).select_from(view.live))
    return int(row["rows"])
