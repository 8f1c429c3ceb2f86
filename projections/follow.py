"""The follower: one reader of the log that decodes each event once and feeds every view."""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec
from sqlalchemy import Connection

from domain.ledger import Event
from projections.frozen import end_frozen_writers
from projections.home import Home, Moved, Stand, is_the_databases
from projections.view import View

BATCH, FAR_BATCH = 10_000, 30_000  # events; the larger when far behind: fewer rows are read and written twice
POLL_SECONDS = 1.0

log = logging.getLogger("daybook.follow")


class Source(Protocol):
    """The log, as its readers see it: rows are (position, stored name, JSON)."""

    def last_position(self) -> int: ...

    def read(self, after: int, limit: int) -> Sequence[tuple[int, str, bytes | str]]: ...

    def decode(self, name: str, data: bytes | str) -> Event: ...

    def readable_as(self, event_classes: Iterable[type[Event]]) -> Sequence[str]: ...

    def stream_at(self, position: int) -> str: ...

    def listen(self, wake: Callable[[], None]) -> Callable[[], None]: ...


class Broken(msgspec.Struct, frozen=True):
    """An event that could not be decoded."""

    name: str
    stream: str
    reason: str


Read = tuple[int, Event | Broken]  # position, event


class Follower:
    """Keeps views up with the log. Rows and position of a view move in one transaction.

    Several followers may run: who comes second finds the position moved and reads it again.
    """

    def __init__(self, source: Source, home: Home, views: Sequence[View], *, now: Callable[[], datetime]) -> None:
        self._source, self._home, self.views, self._now = source, home, views, now
        self._folding: dict[str, list[str]] = {}  # the views that fold an event, by its stored name
        for view in views:
            for name in source.readable_as(view.folds):
                self._folding.setdefault(name, []).append(view.name)
        self._limit = BATCH
        self._positions: dict[str, int] = {}
        self._generations: dict[str, int] = {}
        self._parked: dict[str, set[str]] = {view.name: set() for view in views}
        self._moved = threading.Condition()
        self._wake = threading.Event()

    def refresh(self) -> None:
        """Read every view's position and parked streams from its home."""
        states = self._home.states()  # before what is parked: a swap in between is found out by its generation
        self._generations = {name: state["generation"] for name, state in states.items()}
        for view in self.views:
            self._parked[view.name] = {row["stream"] for row in self._home.parked(view)}
        with self._moved:
            self._positions = {
                view.name: states[view.name]["position"]
                for view in self.views
                if states[view.name]["version"] == view.version  # else its rows wait for a rebuild
            }
            self._moved.notify_all()

    def step(self) -> bool:
        """Read one batch and feed it to the views; False when there was nothing to read."""
        if len(self._positions) < len(self.views):
            self.refresh()
        if not self._positions:
            return False
        past = min(self._positions.values())
        rows = self._source.read(past, self._limit)
        if not rows:
            return False
        to = rows[-1][0]
        self._limit = FAR_BATCH if len(rows) == self._limit else BATCH
        news = self._news(rows)
        if not self._advance_all(news, to):
            for view in self.views:
                ahead = self._positions.get(view.name, to)
                if past <= ahead < to:  # else it was taken back meanwhile, and lacks what came before this batch
                    self._advance(view, _behind(ahead, news[view.name]), to)
        return True

    def _news(self, rows: Sequence[tuple[int, str, bytes | str]]) -> dict[str, list[Read]]:
        """What each view has to fold; an event of a name that nobody can read stops them all."""
        news: dict[str, list[Read]] = {view.name: [] for view in self.views}
        for position, name, data in rows:
            event = self._decode(position, name, data)
            views = self._folding.get(name)
            if views is None:
                views = list(news) if isinstance(event, Broken) else []
            for view in views:
                news[view].append((position, event))
        return news

    def catch_up(self) -> None:
        """Step until nothing is left to read."""
        while self.step():
            pass

    def _decode(self, position: int, name: str, data: bytes | str) -> Event | Broken:
        try:
            return self._source.decode(name, data)
        except Exception as error:  # an upcaster may raise anything, and the text may be no JSON at all
            return Broken(name, self._source.stream_at(position), f"{type(error).__name__}: {error}")

    def _advance_all(self, news: Mapping[str, Sequence[Read]], to: int) -> bool:
        """Move all views in one transaction; False when that went wrong for any of them, and nothing was written."""
        pasts = [(view, past) for view in self.views if (past := self._positions.get(view.name, to)) < to]
        if len(pasts) < 2:
            return False
        try:
            stands = [(view, Stand(past, self._generations[view.name])) for view, past in pasts]
            with self._home.advancing_all(stands, to=to) as connection:
                for view, past in pasts:
                    self._fold(connection, view, _behind(past, news[view.name]))
        except Exception:  # each view by itself finds out what it was
            return False
        with self._moved:
            self._positions.update((view.name, to) for view, _ in pasts)
            self._moved.notify_all()
        return True

    def _advance(self, view: View, news: Sequence[Read], to: int) -> None:
        """Move a view over these events; a failing one is found by halving and parked for this view alone."""
        past = self._positions[view.name]
        try:
            self._write_or_park(view, news, past=past, to=to)
        except Moved:
            self.refresh()
        except Exception as error:
            if is_the_databases(error) or len(news) <= 1:
                raise
            half = len(news) // 2
            self._advance(view, news[:half], news[half - 1][0])
            if self._positions.get(view.name) == news[half - 1][0]:
                self._advance(view, news[half:], to)
        else:
            self._reached(view, to)

    def _write_or_park(self, view: View, news: Sequence[Read], *, past: int, to: int) -> None:
        try:
            with self._home.advancing(view, past=Stand(past, self._generations[view.name]), to=to) as connection:
                self._fold(connection, view, news)
        except Moved:
            raise
        except Exception as error:
            if is_the_databases(error) or len(news) != 1:
                raise
            self._park(view, news[0], past=past, to=to, reason=f"{type(error).__name__}: {error}")

    def _fold(self, connection: Connection, view: View, news: Sequence[Read]) -> None:
        if self._parked[view.name]:  # a retry or a rebuild, perhaps elsewhere, may have folded them
            self._parked[view.name] = self._home.parked_streams(connection, view)
        parked = self._parked[view.name]
        events: list[tuple[int, Any]] = []
        for position, event in news:
            if isinstance(event, Broken):
                raise ValueError(event.reason)
            if parked and (stream := str(event.stream)) in parked:
                self._home.park(connection, view, position, stream, "behind a parked event", self._now())
            else:
                events.append((position, event))
        self._home.apply(connection, view, view.live, events)

    def _park(self, view: View, read: Read, *, past: int, to: int, reason: str) -> None:
        position, event = read
        name = event.name if isinstance(event, Broken) else event.stored_name
        log.error("view %s parked event %d (%s): %s", view.name, position, name, reason.partition(":")[0])
        with self._home.advancing(view, past=Stand(past, self._generations[view.name]), to=to) as connection:
            self._home.park(connection, view, position, str(event.stream), reason, self._now())
        self._parked[view.name].add(str(event.stream))

    def _reached(self, view: View, position: int) -> None:
        with self._moved:
            self._positions[view.name] = position
            self._moved.notify_all()

    def retry_parked(self, view: View) -> int:
        """Fold a view's parked events once more, in order; returns how many are still parked."""
        stuck: set[str] = set()
        while rows := [row for row in self._home.parked(view) if row["stream"] not in stuck]:
            for row in rows:
                if row["stream"] not in stuck and not self._retry(view, row["position"]):
                    stuck.add(row["stream"])
        still = self._home.parked(view)
        self._parked[view.name] = {row["stream"] for row in still}
        return len(still)

    def _retry(self, view: View, position: int) -> bool:
        """Fold one parked event; False when it still fails."""
        [(position, name, data)] = self._source.read(position - 1, 1)
        try:
            with self._home.engine.begin() as connection:
                self._home.state(connection, view, lock=True)  # rows may be shared with what is folded just now
                if self._home.unpark(connection, view, position):
                    event = self._source.decode(name, data)
                    self._home.apply(connection, view, view.live, [(position, event)])
        except Exception as error:
            if is_the_databases(error):
                raise
            log.error("view %s still cannot fold event %d: %s", view.name, position, type(error).__name__)
            return False
        return True

    def position(self, view: View) -> int:
        """How far this follower has brought a view."""
        return self._positions.get(view.name, 0)

    def wait(self, view: View, position: int, *, timeout: float) -> bool:
        """Wait until a view has come to a position; False when it has not in time (seconds)."""
        with self._moved:
            return self._moved.wait_for(lambda: self.position(view) >= position, timeout)

    def _recover(self, error: Exception) -> None:
        """Go on after a lost connection, or after somebody dropped the tables: those are made and filled anew."""
        log.warning("the follower stumbled and goes on: %s", type(error).__name__, exc_info=error)
        try:
            if frozen := end_frozen_writers(self._home.engine):
                log.warning("ended %d sessions of a process that is frozen", frozen)
            self._home.install(self.views)
            self.refresh()
        except Exception as failure:
            log.warning("the views' database does not answer: %s", type(failure).__name__)

    def _look_after(self) -> None:
        """In a quiet moment: see that nobody has dropped a table, which the next event might find out too late.

        And that no crash of the views' server has taken rows back, which nobody might add to for long.
        """
        try:
            complete = self._home.complete(self.views)
            states = self._home.states() if complete else {}
        except Exception as error:
            self._recover(error)
            return
        if not complete:
            self._recover(LookupError("a table is missing"))
        elif any(states[name]["position"] < position for name, position in self._positions.items()):
            self._recover(LookupError("a view was taken back"))

    def wake(self) -> None:
        """There is something to read."""
        self._wake.set()

    def run(self, stopping: Callable[[], bool]) -> None:
        """Follow until told to stop; woken by every append, and by a slow poll where that fails."""
        stop_listening = self._source.listen(self.wake)
        try:
            while not stopping():
                self._wake.clear()
                try:
                    self.catch_up()
                except Exception as error:
                    self._recover(error)
                if not self._wake.wait(POLL_SECONDS):
                    self._look_after()
        finally:
            stop_listening()


def _behind(position: int, news: Sequence[Read]) -> Sequence[Read]:
    """What of it comes after a position; nearly always all of it."""
    return news if not news or news[0][0] > position else [read for read in news if read[0] > position]
