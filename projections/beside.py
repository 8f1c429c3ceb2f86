"""Rows of tables that no follower keeps: those that were, will be, or show the past, and live ones of an older fold."""

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnClause, Connection, column, delete, inspect, table

from projections.home import NEXT, OLD, Home
from projections.past import PAST
from projections.view import RowView, View


def forget_rows(home: Home, views: Iterable[View], keys: Sequence[str]) -> None:
    """Delete the rows of these keys from every table that no follower keeps: no way leads back to a forgotten person.

    A transaction for each table, so that nobody waits for all of them.
    """
    states, names = home.states(), inspect(home.engine).get_table_names()
    for view in views:
        if not isinstance(view, RowView) or not view.forgets:
            continue
        stale = view.name in states and states[view.name]["version"] != view.version
        pasts = [name for name in names if name.startswith(f"{view.name}{PAST}")]
        # A swap in between moves next to live and live to old: in this order no row escapes.
        for name in (*pasts, f"{view.name}{NEXT}", *([view.name] if stale else []), f"{view.name}{OLD}"):
            with home.engine.begin() as connection:
                home.lock(connection)
                _delete(connection, name, view.key_column, keys)


def _delete(connection: Connection, name: str, key_column: str, keys: Sequence[str]) -> None:
    there = inspect(connection)
    if there.has_table(name) and key_column in {found["name"] for found in there.get_columns(name)}:  # else an older's
        key: ColumnClause[str] = column(key_column)
        connection.execute(delete(table(name, key)).where(key.in_(keys)))
