"""Putting another table in a view's place, in one transaction that keeps the one there was where a way leads back."""

from collections.abc import Iterable
from datetime import datetime

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from projections.home import NEXT, OLD, PARKED, POSITIONS, Home
from projections.kept import PREVIOUS, Setback, forget
from projections.view import Row, View

ASIDE = "__aside"  # a name that lasts for one transaction


class Took(msgspec.Struct, frozen=True):
    """What a rebuild cost: events read, seconds, and the position it reached; the next estimate is made of it."""

    events: int
    seconds: float
    reached: int


def swap(
    connection: Connection,
    home: Home,
    view: View,
    suffix: str,
    *,
    state: Row,
    position: int,
    generation: int,
    setbacks: Iterable[Setback],
    took: Took,
    at: datetime,
) -> None:
    """Put the table with this suffix in the live one's place. `state` is the view's; the caller has locked its row.

    The one there was is dropped if no fold of today goes on with it, or if it has events that the log has lost.
    """
    _keep_way_back(connection, view, state=state, generation=generation, took=took, at=at)
    if suffix == OLD:
        rename(connection, f"{view.name}{OLD}", f"{view.name}{ASIDE}")
        suffix = ASIDE
    home.drop(connection, f"{view.name}{OLD}")
    if state["version"] != view.version or state["position"] > position:
        home.drop(connection, view.name)
    else:
        rename(connection, view.name, f"{view.name}{OLD}")
    rename(connection, f"{view.name}{suffix}", view.name)
    live = {"position": position, "version": view.version, "generation": generation}
    connection.execute(update(POSITIONS).where(POSITIONS.c.view == view.name).values(**live))
    connection.execute(delete(PARKED).where(PARKED.c.view == view.name))
    for setback in setbacks:
        home.park(connection, view, setback.position, setback.stream, setback.reason, at)
    if suffix == NEXT:
        forget(connection, view)


def _keep_way_back(
    connection: Connection, view: View, *, state: Row, generation: int, took: Took, at: datetime
) -> None:
    query = select(PARKED).where(PARKED.c.view == view.name).order_by(PARKED.c.position)
    parked = [Setback(row.position, row.stream, row.reason) for row in connection.execute(query)]
    connection.execute(delete(PREVIOUS).where(PREVIOUS.c.view == view.name))
    connection.execute(
        insert(PREVIOUS).values(
            view=view.name,
            version=state["version"],
            position=state["position"],
            parked=msgspec.json.encode(parked).decode(),
            generation=generation,
            swapped_at=at,
            **msgspec.structs.asdict(took),
        )
    )


def rename(connection: Connection, name: str, to: str) -> None:
    """Rename a table; its indexes keep their names."""
    connection.exec_driver_sql(f'ALTER TABLE "{name}" RENAME TO "{to}"')
