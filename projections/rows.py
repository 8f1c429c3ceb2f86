"""The rows of a view's table: folded in, read and written, a few at a time or many."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Table, delete, insert, select, text
from sqlalchemy.dialects import postgresql, sqlite

from projections.bulk import KEYS, copy_rows, read_rows
from projections.view import Journal, Row, RowView, View, json_text

MANY_ROWS = 100  # from here on COPY is worth its round trips
Changes = Mapping[str, tuple[Row | None, Row | None]]  # a row before and after, by its key


class TableRows:
    """Reads and writes rows, on PostgreSQL with COPY where there are many."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._copies = engine.dialect.name == "postgresql"
        self._upsert = postgresql.insert if self._copies else sqlite.insert
        self._keys = KEYS if self._copies else "SELECT value FROM json_each(:keys)"

    def apply(self, connection: Connection, view: View, table: Table, events: Sequence[tuple[int, Any]]) -> None:
        """Fold these (position, event) pairs, in order, into a table of the view."""
        if not events:
            return
        if isinstance(view, Journal):
            rows = [
                {"position": position, "nth": nth, **entry}
                for position, event in events
                for nth, entry in enumerate(view.entries(event))
            ]
            self.add(connection, table, rows)
        elif isinstance(view, RowView):
            by_key = _by_key(view, events)
            before = self.load(connection, view, table, list(by_key))
            now: dict[str, tuple[Row | None, Row | None]] = {}
            evolve = view.evolve
            for key, of_row in by_key.items():
                row = was = before[key]
                for event in of_row:
                    row = evolve(row, event)
                now[key] = was, row
            self.save(connection, view, table, now)

    def load(self, connection: Connection, view: RowView, table: Table, keys: Sequence[str]) -> dict[str, Row | None]:
        """The present rows of these keys."""
        found: dict[str, Row | None] = dict.fromkeys(keys)
        if self._copies:
            rows = read_rows(connection, table, view.key_column, keys)
        else:
            rows = [
                dict(row) for row in connection.execute(select(table).where(self._among(view, table, keys))).mappings()
            ]
        found.update((row[view.key_column], row) for row in rows)
        return found

    def _among(self, view: RowView, table: Table, keys: Sequence[str]) -> ColumnElement[bool]:
        """One parameter, however many keys: a statement with thousands takes longer to write than to run."""
        return table.c[view.key_column].in_(text(self._keys).bindparams(keys=json_text(keys)))

    def save(self, connection: Connection, view: RowView, table: Table, rows: Changes) -> None:
        """Write rows as they are now where they were otherwise before; None is no row."""
        changed = {key: (was, now) for key, (was, now) in rows.items() if now is not was}
        kept = [now for _, now in changed.values() if now is not None]
        many = self._copies and len(kept) >= MANY_ROWS
        gone = [key for key, (was, now) in changed.items() if was is not None and (many or now is None)]
        if gone:
            connection.execute(delete(table).where(self._among(view, table, gone)))
        if many:
            copy_rows(connection, table, kept)
        elif kept:
            statement = self._upsert(table)
            others = {c.name: statement.excluded[c.name] for c in table.c if c.name != view.key_column}
            connection.execute(statement.on_conflict_do_update(index_elements=[view.key_column], set_=others), kept)

    def add(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        """Add journal rows."""
        if self._copies and len(rows) >= MANY_ROWS:
            copy_rows(connection, table, rows)
        elif rows:
            connection.execute(insert(table), list(rows))

    def fill(
        self,
        table: Table,
        rows: Iterator[Row],
        *,
        before: Callable[[Connection], None],
        after: Callable[[Connection], None],
    ) -> None:
        """Load new rows as they come, the fastest way there is, in one transaction with `before` and `after`."""
        chunk = None if self._copies else list(rows)  # before the file is locked, so that the follower can write
        with self.engine.begin() as connection:
            before(connection)
            if chunk is None:
                copy_rows(connection, table, rows)
            else:
                self.add(connection, table, chunk)
            after(connection)


def _by_key(view: RowView, events: Sequence[tuple[int, Any]]) -> Mapping[str, Sequence[Any]]:
    """The events of each row, in order; a row's events only concern that row."""
    found: dict[Any, list[Any]] = {}
    if view.keyed_by_stream:  # numbers are found sooner than text is written
        for _, event in events:
            found.setdefault(event.stream.int, []).append(event)
        return {str(of_row[0].stream): of_row for of_row in found.values()}
    for _, event in events:
        if (key := view.key(event)) is not None:
            found.setdefault(key, []).append(event)
    return found
