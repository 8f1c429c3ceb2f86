"""A projection of one's own: a fold in a file, run over the ledger or over an export, and deployed nowhere."""

import importlib.util
from collections.abc import Iterable, Iterator
from pathlib import Path

from adapters.export.hiding import Hiding
from domain.ledger import Event
from projections.view import Journal, Row, RowView, View

MODULE = "own_projection"
AS_FOLDED = Hiding(withheld=frozenset())  # a fold sees nothing personal, whatever it names its columns


class NotAProjection(Exception):
    """A file that holds no fold, or more than one, or cannot be run."""


class WouldNotFold(Exception):
    """A fold has failed on an event."""

    def __init__(self, position: int, event: Event, error: Exception) -> None:
        super().__init__(
            f"The fold fails on the event at position {position}, {type(event).stored_name}: "
            f"{type(error).__name__}: {error}"
        )


def load_projection(file: Path) -> View:
    """The one view that a file defines, under the rules of `projections/view.py`; raises `NotAProjection`."""
    spec = importlib.util.spec_from_file_location(MODULE, file)
    if spec is None or spec.loader is None or not file.is_file():
        raise NotAProjection(f"{file} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise NotAProjection(f"{file} cannot be run: {type(error).__name__}: {error}") from error
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, RowView | Journal) and value.__module__ == MODULE
    ]
    if len(found) != 1 or "name" not in vars(found[0]):
        raise NotAProjection(f"{file} must define one RowView or Journal with a name, as in `projections/`.")
    return found[0]()


def fold_all(view: View, events: Iterable[tuple[int, Event]]) -> Iterator[Row]:
    """The rows that these events, in the order of the log, lead to; raises `WouldNotFold`.

    A journal's rows come as they are made; those of a row view are in memory until the last event.
    """
    rows: dict[str, Row] = {}
    for position, event in events:
        if not isinstance(event, view.folds):
            continue
        try:
            if isinstance(view, Journal):
                yield from ({"position": position, "nth": nth, **row} for nth, row in enumerate(view.entries(event)))
            elif isinstance(view, RowView):
                _evolve(view, rows, event)
        except Exception as error:
            raise WouldNotFold(position, event, error) from error
    yield from (rows[key] for key in sorted(rows))


def _evolve(view: RowView, rows: dict[str, Row], event: Event) -> None:
    key = str(event.stream) if view.keyed_by_stream else view.key(event)
    if key is None:
        return
    row = view.evolve(rows.get(key), event)
    if row is None:
        rows.pop(key, None)
    else:
        rows[key] = row
