"""How long a rebuild will take, before it begins."""

import time
from typing import Literal

import msgspec
from sqlalchemy import inspect, select

from projections.fill import CHUNK_ROWS, History
from projections.home import Home
from projections.kept import PREVIOUS, REBUILDS, SHARES, unfinished
from projections.view import Journal, RowView, View

WINDOWS, WINDOW_EVENTS = 5, 1_000
LOADING = 2.0  # times what reading and folding takes, with the loading of rows


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """About how many events of the log a view folds, and how long that takes; `kept` are folded already."""

    view: str
    events: int
    kept: int
    seconds: float
    after: Literal["the last rebuild", "a probe"]

    @property
    def rate(self) -> float:
        """Events a second."""
        return max(0, self.events - self.kept) / self.seconds if self.seconds else 0.0


def estimate(source: History, home: Home, view: View, *, workers: int = 1, fresh: bool = False) -> Estimate:
    """Estimate by the last rebuild of the view, or by a probe of a few places of the log."""
    last, kept, took = source.last_position(), 0, None
    with home.engine.connect().execution_options(writes=False) as connection:
        if inspect(connection).has_table(PREVIOUS.name):
            took = connection.execute(select(PREVIOUS).where(PREVIOUS.c.view == view.name)).mappings().first()
        begun = None if fresh else unfinished(connection, view)
    if begun is not None:
        kept = kept_events(home, view)
    by_last = took is not None and took["reached"] > 0 and took["events"] >= CHUNK_ROWS and took["seconds"] > 0
    if took is not None and by_last:
        events, rate = round(took["events"] * last / took["reached"]), took["events"] / took["seconds"]
    else:
        events, rate = _probe(source, view, last, workers)
    seconds = max(0, events - kept) / rate if rate else 0.0
    after: Literal["the last rebuild", "a probe"] = "the last rebuild" if by_last else "a probe"
    return Estimate(view=view.name, events=events, kept=kept, seconds=seconds, after=after)


def kept_events(home: Home, view: View) -> int:
    """How many events an unfinished rebuild has folded."""
    whole = home.row(select(REBUILDS.c.events).where(REBUILDS.c.view == view.name))
    shares = home.rows(select(SHARES.c.events).where(SHARES.c.view == view.name))
    return max(int(whole["events"]) if whole else 0, sum(int(share["events"]) for share in shares))


def _probe(source: History, view: View, last: int, workers: int) -> tuple[int, float]:
    """Events and events a second, by folding a few stretches of the log into nothing."""
    names, found, looked, began = list(source.readable_as(view.folds)), 0, 0, time.perf_counter()
    for nth in range(WINDOWS):
        after = max(0, last - WINDOW_EVENTS) * nth // (WINDOWS - 1)
        upto = min(last, after + WINDOW_EVENTS)
        looked += upto - after
        for _, name, data in source.scan(after=after, upto=upto, names=names):
            found += 1
            _fold(source, view, name, data)
    spent = time.perf_counter() - began
    events = round(found * last / looked) if looked else 0
    return events, found * workers / (spent * LOADING) if spent else 0.0


def _fold(source: History, view: View, name: str, data: bytes | str) -> None:
    try:
        event = source.decode(name, data)
        match view:
            case Journal():
                list(view.entries(event))
            case RowView():
                view.evolve(None, event)
    except Exception:  # what will not fold is shown by the rebuild itself
        return
