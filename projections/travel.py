"""The past of a view's row: what each event made of it."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from domain.ledger import Event
from domain.sealed import Sealed
from domain.shared.travel import Hidden, State, Step, changes
from projections.view import Row, RowView

TOKEN = re.compile(r"[0-9a-f-]{36}\.\d+\.\w+\.[0-9a-f-]{36}\.[\w=-]+")

Reveal = Callable[[str, Any], Any]


def row_life(view: RowView, events: Iterable[Event], reveal: Reveal) -> Iterator[Step]:
    """Step by step what the events of one key made of its row; `reveal` opens a sealed value when somebody asks."""
    row: Row | None = None
    for event in events:
        if not isinstance(event, view.folds):
            continue
        after = view.evolve(row, event)
        state = plain_row(after, reveal)
        yield Step(event, state, tuple(changes(plain_row(row, reveal), state)))
        row = after


def plain_row(row: Row | None, reveal: Reveal) -> State:
    """A row's values, the sealed ones marked as such; no row is an empty one."""
    return {name: _plain(value, reveal) for name, value in (row or {}).items()}


def _plain(value: Any, reveal: Reveal) -> Any:
    if isinstance(value, str) and TOKEN.fullmatch(value):
        return Hidden(Sealed.closed(value, lambda: reveal(value, Any)))
    if isinstance(value, dict):
        return {str(name): _plain(held, reveal) for name, held in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(held, reveal) for held in value]
    return value
