"""The way back: the table that a rebuild has replaced takes its place again."""

from collections.abc import Callable
from datetime import datetime

from projections.fill import CATCH_UP_EVENTS, Filler, History
from projections.home import META, OLD, Home
from projections.kept import Filled, NotesBack, unpacked, way_back
from projections.rebuild import Rebuilt, count_rows
from projections.swapping import Took, swap
from projections.view import View


class NoWayBack(Exception):
    """There is no table of before that today's fold could go on with."""

    def __init__(self, view: str) -> None:
        super().__init__(
            f"There is no way back for the view {view}: no table of before is kept, "
            "or its version, columns or events are not those of today's fold and log."
        )


def go_back(source: History, home: Home, view: View, *, now: Callable[[], datetime]) -> Rebuilt:
    """Catch the table of before up, and swap it back; going back again undoes it. Raises `NoWayBack`, `Rebuilding`.

    Only for the last stretch the follower waits, readers never do.
    """
    with home.rebuilding(view, wait=False):
        filler, reached = _caught_up(source, home, view)
        with home.engine.begin() as connection:
            home.lock(connection)
            state, kept = home.state(connection, view, lock=True), way_back(connection, view)
            if state is None or kept is None:
                raise NoWayBack(view.name)
            last = source.last_position()
            filler.fold_in_order(reached, last, connection)
            swap(
                connection,
                home,
                view,
                OLD,
                state=state,
                position=last,
                generation=int(state["generation"]) + 1,
                setbacks=filler.done.setbacks.values(),
                took=Took(kept["events"], kept["seconds"], kept["reached"]),
                at=now(),
            )
    done = filler.done
    return Rebuilt(
        view=view.name,
        position=last,
        events=done.events,
        rows=count_rows(home, view),
        parked=len(done.setbacks),
        seconds=0.0,
    )


def _caught_up(source: History, home: Home, view: View) -> tuple[Filler, int]:
    """Fold into the table of before nearly all that it lacks, a transaction per batch; returns how far it came."""
    with home.engine.begin() as connection:
        META.create_all(connection)
        kept = way_back(connection, view)
    if kept is None or kept["position"] > source.last_position():  # it has events that the log has lost
        raise NoWayBack(view.name)
    notes = NotesBack(view, generation=kept["generation"])
    filler = Filler(source, home, view, lambda events: None, notes=notes, suffix=OLD)
    filler.take_over(Filled(0, unpacked(kept["parked"])))
    reached = int(kept["position"])
    while (last := source.last_position()) - reached > CATCH_UP_EVENTS:
        filler.fold_in_order(reached, last)
        reached = last
    return filler, reached
