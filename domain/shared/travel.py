"""The past of an aggregate: its state after each event, what each event changed, and how it was at a moment."""

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any, Literal
from uuid import UUID

import msgspec

from domain.ledger import ENVELOPE, Aggregate, Event
from domain.sealed import Sealed

Clock = Literal["recorded", "happened"]
Point = datetime | int  # a moment, or a version
State = dict[str, Any]

NOT_STATE = frozenset({"id", "version", "pending", "stream_name", "events"})


class Hidden:
    """A sealed value in a state: the same as another by its ciphertext, so that comparing opens nothing."""

    __slots__ = ("sealed",)

    def __init__(self, sealed: Sealed[Any]) -> None:
        self.sealed = sealed

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Hidden):
            return False
        mine, others = self.sealed.token, other.sealed.token
        if mine is None and others is None:  # never recorded: an aggregate fills in what an event does not have
            return bool(self.sealed.open() == other.sealed.open())
        return mine == others

    def __hash__(self) -> int:
        return hash(self.sealed.token)


class Change(msgspec.Struct, frozen=True):
    """One field of a state, by its dotted path; None stands for nothing there."""

    field: str
    was: Any
    now: Any


class Step(msgspec.Struct, frozen=True):
    """An event, the state it led to, and what it changed."""

    event: Event
    state: State
    changes: tuple[Change, ...]


def fields_of(kind: type[Aggregate]) -> tuple[str, ...]:
    """The public attributes that a kind of aggregate declares, in the order of its classes."""
    found: dict[str, None] = {}
    for base in reversed(kind.__mro__):
        if issubclass(base, Aggregate) and base is not Aggregate:
            found |= dict.fromkeys(inspect.get_annotations(base))
            found |= dict.fromkeys(name for name, value in vars(base).items() if not _is_code(value))
    return tuple(name for name in found if _is_state(name))


def _is_code(value: object) -> bool:
    return callable(value) or isinstance(value, property | classmethod | staticmethod)


def _is_state(name: str) -> bool:
    return not name.startswith("_") and name not in NOT_STATE


def state_of(aggregate: Aggregate) -> State:
    """A copy of what the aggregate remembers, in plain values; sealed ones stay sealed."""
    names = dict.fromkeys((*fields_of(type(aggregate)), *filter(_is_state, vars(aggregate))))
    return {name: plain(getattr(aggregate, name, None)) for name in names}


def plain(value: Any) -> Any:
    """A value as JSON knows it (times stay times), what is sealed as `Hidden`."""
    match value:
        case Sealed():
            return Hidden(value)
        case Event():
            return {"event": type(value).__name__, **_own_fields(value)}
        case msgspec.Struct():
            named_by = getattr(value, "named_by", None)
            return getattr(value, named_by) if named_by else _own_fields(value)
        case Mapping():
            return {str(key): plain(held) for key, held in value.items()}
        case set() | frozenset():
            return sorted((plain(held) for held in value), key=str)
        case list() | tuple():
            return [plain(held) for held in value]
        case bytes():
            return value.decode(errors="replace")
        case UUID():
            return str(value)
    return value


def _own_fields(value: msgspec.Struct) -> State:
    envelope = ENVELOPE if isinstance(value, Event) else frozenset[str]()
    return {name: plain(getattr(value, name)) for name in value.__struct_fields__ if name not in envelope}


def changes(before: State, after: State, *, within: str = "") -> Iterator[Change]:
    """What is different, field by field; where both are records, their fields."""
    for name in {**before, **after}:
        was, now = before.get(name), after.get(name)
        if was == now:
            continue
        if isinstance(was, dict) and isinstance(now, dict):
            yield from changes(was, now, within=f"{within}{name}.")
        else:
            yield Change(f"{within}{name}", was, now)


def life(kind: type[Aggregate], events: Sequence[Event]) -> Iterator[Step]:
    """Step by step what these events of one stream, oldest first, made of the aggregate."""
    if not events:
        return
    aggregate = kind(events[0].stream)
    before: State = {}
    for event in events:
        aggregate.replay(event)
        after = state_of(aggregate)
        yield Step(event, after, tuple(_told(changes(before, after), first=not before)))
        before = after


def _told(found: Iterable[Change], *, first: bool) -> Iterator[Change]:
    """What an aggregate has empty from the beginning is no change that its first event made."""
    return (change for change in found if not first or change.now not in ([], {}))


def until(events: Iterable[Event], point: Point | None, *, clock: Clock = "recorded") -> list[Event]:
    """The events of one stream that count at a point; all of them when there is none.

    Recorded by then is an event when neither it nor any before it was recorded later: clocks differ, and an act is
    stamped when it begins. By what is said to have happened, an event counts alone, once the first one does.
    """
    match point:
        case None:
            return list(events)
        case int():
            return [event for event in events if event.version <= point]
    if clock == "recorded":
        return list(takewhile(lambda event: event.at <= point, events))
    counted = [event for event in events if (event.happened_at or event.at) <= point]
    return counted if counted and counted[0].version == 1 else []


def setter(steps: Sequence[Step], field: str) -> Step | None:
    """The step that gave a field (a dotted path) the value it has after all of them; None where none did."""
    return next((step for step in reversed(steps) if any(touches(change, field) for change in step.changes)), None)


def touches(change: Change, field: str) -> bool:
    """Whether a change concerns a field: it itself, what is in it, or what it is in."""
    return f"{change.field}.".startswith(f"{field}.") or f"{field}.".startswith(f"{change.field}.")


def value_at(state: State, field: str) -> Any:
    """The value at a dotted path; raises KeyError where there is no such field."""
    if field in state:
        return state[field]
    head, _, rest = field.partition(".")
    while rest:
        if isinstance(inner := state.get(head), dict):
            return value_at(inner, rest)
        more, _, rest = rest.partition(".")
        head = f"{head}.{more}"
    raise KeyError(field)
