"""One subject of a view folded anew in its place, when nothing else is wrong with the view."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, Protocol
from uuid import UUID

import msgspec
from sqlalchemy import Connection, delete, select

from domain.ledger import Event
from projections.fill import History
from projections.home import PARKED, Home
from projections.preview import hidden
from projections.view import Journal, Row, RowView, View, json_text

Numbered = tuple[int, Event]
RowKey = tuple[str | int, ...]


class CannotRefold(Exception):
    """The sentence says why this subject cannot be folded alone."""


class Archive(History, Protocol):
    """A log that can be read from the beginning, and by stream."""

    def stream_rows(self, stream: UUID) -> Sequence[tuple[int, str, bytes | str]]: ...


class Difference(msgspec.Struct, frozen=True):
    """A value that is not what it was; sealed ones are not shown."""

    key: RowKey
    column: str
    before: Any
    after: Any


class Refolded(msgspec.Struct, frozen=True):
    """What became of a subject's rows, folded up to the view's position."""

    view: str
    id: str
    position: int
    added: int
    removed: int
    changes: tuple[Difference, ...]


def refold(source: Archive, home: Home, view: View, *, id: str) -> Refolded:
    """Fold a row, or a stream's rows of a journal, from the first event, while the view's position is held.

    `id` is a stream, or a row's key where several streams share a row: then the whole log is read. Raises
    `CannotRefold`, also where there is neither a row nor an event that makes one, and `Rebuilding`.
    """
    with home.rebuilding(view, wait=False):
        early = _of_shared_row(source, view, id, after=0, upto=source.last_position())
        with home.engine.begin() as connection:
            state = home.state(connection, view, lock=True)
            if state is None or state["version"] != view.version:
                raise CannotRefold(f"The rows of {view.name} are of another version of its fold: rebuild it whole.")
            upto, read_to = int(state["position"]), early[0]
            rest = _of_shared_row(source, view, id, after=read_to, upto=upto)[1] if upto > read_to else []
            shared = [one for one in chain(early[1], rest) if one[0] <= upto]
            return Refolding(connection, source, home, view, id, upto).run(shared)


class Refolding:
    """The work of one transaction."""

    def __init__(self, connection: Connection, source: Archive, home: Home, view: View, id: str, upto: int) -> None:
        self._connection, self._source, self._home, self._view = connection, source, home, view
        self._id, self._upto = id, upto

    def run(self, shared: list[Numbered]) -> Refolded:
        """Fold, write what differs, and tell it."""
        unparked = 0
        match self._view:
            case Journal() as view:
                before, after = self._journal(view)
                unparked = self._unpark()
            case RowView(keyed_by_stream=True) as view:
                before, after = self._row(view, self._of_stream())
                unparked = self._unpark()
            case RowView() as view:
                parked = set(self._connection.scalars(select(PARKED.c.position).where(PARKED.c.view == view.name)))
                before, after = self._row(view, [one for one in shared if one[0] not in parked])
        if not (before or after or unparked):
            raise CannotRefold(f"The view {self._view.name} has no row of {self._id}.")
        return Refolded(
            view=self._view.name,
            id=self._id,
            position=self._upto,
            added=len(after.keys() - before.keys()),
            removed=len(before.keys() - after.keys()),
            changes=tuple(chain.from_iterable(_changes(key, before[key], after.get(key)) for key in before)),
        )

    def _of_stream(self) -> list[Numbered]:
        found = []
        for position, name, data in self._source.stream_rows(UUID(self._id)):
            if position <= self._upto:
                event = self._folding(position, lambda: self._source.decode(name, data))  # noqa: B023 - called at once
                if isinstance(event, self._view.folds):
                    found.append((position, event))
        return found

    def _folding(self, position: int, step: Callable[[], Any]) -> Any:
        try:
            return step()
        except Exception as error:
            kind = type(error).__name__
            raise CannotRefold(f"Event {position} does not fold ({kind}); nothing was changed.") from None

    def _row(self, view: RowView, events: Iterable[Numbered]) -> tuple[dict[RowKey, Row], dict[RowKey, Row]]:
        row: Row | None = None
        for position, event in events:
            row = self._folding(position, lambda: view.evolve(row, event))  # noqa: B023 - called at once
        was = self._home.load(self._connection, view, view.live, [self._id])[self._id]
        self._home.save(self._connection, view, view.live, {self._id: (was, row)})
        key: RowKey = (self._id,)
        return {key: was} if was is not None else {}, {key: row} if row is not None else {}

    def _journal(self, view: Journal) -> tuple[dict[RowKey, Row], dict[RowKey, Row]]:
        events, after = self._of_stream(), dict[RowKey, Row]()
        for position, event in events:
            entries = self._folding(position, lambda: list(view.entries(event)))  # noqa: B023 - called at once
            for nth, entry in enumerate(entries):
                after[position, nth] = {"position": position, "nth": nth, **entry}
        live, positions = view.live, [position for position, _, _ in self._source.stream_rows(UUID(self._id))]
        of_stream = live.c.position.in_(positions)
        rows = self._connection.execute(select(live).where(of_stream)).mappings()
        before: dict[RowKey, Row] = {(row["position"], row["nth"]): dict(row) for row in rows}
        self._connection.execute(delete(live).where(of_stream))
        self._home.add(self._connection, live, list(after.values()))
        return before, after

    def _unpark(self) -> int:
        """What was set aside of this stream is folded now; returns how many events that were."""
        of_stream = PARKED.c.view == self._view.name, PARKED.c.stream == self._id
        return self._connection.execute(delete(PARKED).where(*of_stream)).rowcount


def _of_shared_row(source: History, view: View, id: str, *, after: int, upto: int) -> tuple[int, list[Numbered]]:
    """The events of a row that several streams share, and how far the log was read; nothing for other views."""
    found: list[Numbered] = []
    if not isinstance(view, RowView) or view.keyed_by_stream:
        return upto, found
    for position, name, data in source.scan(after=after, upto=upto, names=source.readable_as(view.folds)):
        try:
            event = source.decode(name, data)
            if view.key(event) == id:
                found.append((position, event))
        except Exception:  # parked: whose row it would be nobody knows
            continue
    return upto, found


def _changes(key: RowKey, before: Row, after: Row | None) -> list[Difference]:
    if after is None:
        return []
    return [
        Difference(key, name, hidden(before[name]), hidden(after[name]))
        for name in before
        if _comparable(before[name]) != _comparable(after[name])
    ]


def _comparable(value: Any) -> Any:
    """What a column gives back: PostgreSQL has an order of its own for the names in JSON."""
    return msgspec.json.decode(json_text(value)) if isinstance(value, dict | list | tuple) else value
