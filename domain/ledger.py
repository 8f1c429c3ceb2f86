"""The ledger: facts happen to aggregates and are recorded together with what they claim and what they ask for."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import wraps
from typing import Any, ClassVar, ParamSpec, Protocol, Self, TypeVar
from uuid import UUID

import msgspec

from domain.consequences import Close, Free, Open, Postpone, Take
from domain.sealed import Erased

NOBODY = UUID(int=0)
EPOCH = datetime.fromtimestamp(0, UTC)

P = ParamSpec("P")
R = TypeVar("R")
A = TypeVar("A", bound="Aggregate")


class Conflict(Exception):
    """Somebody else recorded on the same stream first; load again and decide again."""


class Taken(Exception):
    """A unique value already has an owner."""

    def __init__(self, key: str, owner: UUID) -> None:
        super().__init__(f"{key.partition(':')[0]} is already taken")
        self.key, self.owner = key, owner


class Unavailable(Exception):
    """The ledger cannot be read or written just now; nothing has been recorded."""


class Doubtful(Unavailable):
    """The answer to an append was lost: it may have been recorded all the same."""


class UnknownStream(LookupError):
    """No aggregate of this kind has this id."""


class Act(msgspec.Struct, frozen=True):
    """Who is acting, through which channel, because of what, and what the clock read."""

    by: str
    via: str
    at: datetime
    cause: str | None = None
    correlation: str = ""


_act: ContextVar[Act] = ContextVar("act")


@contextmanager
def acting(*, by: str, via: str, at: datetime, cause: str | None = None, correlation: str = "") -> Iterator[Act]:
    """Everything recorded inside carries this actor, channel, cause and time (aware UTC)."""
    act = Act(by=by, via=via, at=at.astimezone(UTC), cause=cause, correlation=correlation)
    token = _act.set(act)
    try:
        yield act
    finally:
        _act.reset(token)


def present() -> datetime:
    """What the clock read when the present act began."""
    return _act.get().at


def present_correlation() -> str:
    """What the present act belongs to, from the first request on; empty outside of any."""
    act = _act.get(None)
    return act.correlation if act else ""


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Something that happened. Subclasses name what; these fields say where, when, by whom and why.

    `at` is when we recorded it; `happened_at` when it took place, if somebody else says so. `cause` names the receipt,
    effect or event that led to it. A changed shape raises `class_version` and brings `upcast_v1_v2(state) -> state`.
    """

    stream: UUID = NOBODY
    version: int = 0
    at: datetime = EPOCH
    by: str = ""
    via: str = ""
    cause: str | None = None
    correlation: str = ""
    happened_at: datetime | None = None

    class_version: ClassVar[int] = 1
    formerly: ClassVar[tuple[str, ...]] = ()
    stored_name: ClassVar[str] = ""

    def claims(self) -> Iterable[Take | Free]:
        """Unique values this event takes or frees; a function of the event alone, so claims can be rebuilt."""
        return ()

    def work(self) -> Open | Postpone | Close | None:
        """What this event does to the list of open effects; a function of the event alone."""
        return None

    def destroys(self) -> Sequence[UUID]:
        """The subjects whose keys go with this event; an aggregate whose own is among them is erased."""
        return ()

    def sealed_for(self, field: str) -> UUID | None:
        """Whose key seals a field that is about somebody other than the aggregate's subject; None for the subject's."""
        return None

    @property
    def reference(self) -> str:
        """How another event names this one as its cause."""
        return f"{type(self).stored_name}/{self.stream}/{self.version}"


ENVELOPE = frozenset(Event.__struct_fields__)


class Aggregate:
    """Decides what happens and remembers what its next decisions need.

    Public methods decide and may refuse. `apply` only changes state: it runs again on every replay.
    """

    stream_name: ClassVar[str]
    events: ClassVar[tuple[type[Event], ...]]

    def __init_subclass__(cls, *, name: str = "") -> None:
        """`name` is what the aggregate's streams and events are stored under; a base without one has none."""
        if not name:
            return
        cls.stream_name = name
        cls.events = tuple(
            value
            for base in reversed(cls.__mro__)
            for value in vars(base).values()
            if isinstance(value, type) and issubclass(value, Event)
        )
        for event_class in cls.events:
            event_class.stored_name = f"{name}.{event_class.__name__}"

    def __init__(self, id: UUID) -> None:
        self.id = id
        self.version = 0
        self.erased = False
        self.pending: list[Event] = []

    @property
    def subject(self) -> UUID:
        """Whose key seals this aggregate's personal data."""
        return self.id

    def happened(self, event: Event) -> None:
        """Stamp the event with the present act, apply it, and keep it to be recorded; raises `Erased`."""
        if self.erased:
            raise Erased
        try:
            act = _act.get()
        except LookupError:
            raise RuntimeError("Nothing can happen outside `with acting(...)`.") from None
        stamped = msgspec.structs.replace(
            event,
            stream=self.id,
            version=self.version + 1,
            at=act.at,
            by=act.by,
            via=act.via,
            cause=event.cause or act.cause,
            correlation=event.correlation or act.correlation,
        )
        self.replay(stamped)
        self.pending.append(stamped)

    def replay(self, event: Event) -> None:
        """Move on by one event of this stream."""
        self.apply(event)
        self.version = event.version
        if destroyed := event.destroys():
            self.erased = self.erased or self.subject in destroyed

    def apply(self, event: Event) -> None:
        """Change the state as the event says; never refuse, never look outside."""
        raise NotImplementedError(f"{type(self).__name__} does not say what its events mean.")

    @classmethod
    def of(cls, id: UUID, events: Iterable[Event]) -> Self:
        """The aggregate that these events of its stream, oldest first, lead to."""
        aggregate = cls(id)
        for event in events:
            aggregate.replay(event)
        return aggregate


class Entry(msgspec.Struct, frozen=True):
    """An event on its way into the log, and the subject whose key seals it."""

    event: Event
    subject: UUID


class Log(Protocol):
    """Where events, claims and open effects are kept; see `adapters.store`."""

    def append(self, entries: Sequence[Entry]) -> int:
        """Record all or nothing; returns the last position. Raises `Conflict`, `Taken` or `Unavailable`."""

    def events_of(self, stream: UUID, *, upto: int | None = None) -> Sequence[Event]:
        """The stream's events, oldest first, up to and including version `upto`."""

    def owner(self, key: str) -> UUID | None:
        """Who holds a claim."""

    def owners(self, keys: Sequence[str]) -> Mapping[str, UUID]:
        """Who holds each of these claims; those that nobody holds are left out."""

    def open_effects_of(self, subject: UUID) -> Sequence[UUID]:
        """The effects of a subject that are not settled, in the order they were asked for."""

    def blind(self, value: str) -> str:
        """A keyed digest to look a phone or e-mail up by without storing it (32 hex digits)."""


Policy = Callable[[Event, Any], Iterable[Aggregate]]


class Ledger:
    """Loads aggregates and records what happened to them.

    `policies` says, per aggregate class, which effects an event calls for: they are recorded in the same transaction.
    `on_recorded` is told afterwards, with the last position and the effects that were opened.
    """

    def __init__(
        self,
        log: Log,
        *,
        policies: Mapping[type[Aggregate], Policy],
        on_recorded: Callable[[int, Sequence[Open]], None] = lambda position, opened: None,
    ) -> None:
        self._log, self._policies, self._on_recorded = log, policies, on_recorded

    def load(self, kind: type[A], id: UUID, *, version: int | None = None, even_erased: bool = False) -> A:
        """The aggregate as it is now, or as it was at `version`; raises `UnknownStream`, `Erased`."""
        events = self._log.events_of(id, upto=version)
        if not events or not isinstance(events[0], kind.events):
            raise UnknownStream(f"No {kind.stream_name} has this id.")
        aggregate = kind.of(id, events)
        if aggregate.erased and not even_erased:
            raise Erased
        return aggregate

    def events(self, stream: UUID) -> Sequence[Event]:
        """The stream's events, oldest first."""
        return self._log.events_of(stream)

    def is_erased(self, subject: UUID) -> bool:
        """Whether a subject's key has been destroyed; nothing happens to it after that."""
        return any(subject in event.destroys() for event in self._log.events_of(subject)[-1:])

    def open_effects(self, subject: UUID) -> Sequence[UUID]:
        """The effects of a subject that are not settled."""
        return self._log.open_effects_of(subject)

    def record(self, *aggregates: Aggregate) -> int:
        """Record what happened to these aggregates and the effects it calls for: one transaction.

        Returns the position of the last event. Raises `Conflict`, `Taken` or `Unavailable`; then nothing is kept.
        """
        entries: list[Entry] = []
        for aggregate in aggregates:
            policy = self._policies.get(type(aggregate))
            for event in aggregate.pending:
                entries.append(Entry(event, aggregate.subject))
                for effect in policy(event, aggregate) if policy else ():
                    entries.extend(Entry(asked, effect.subject) for asked in effect.pending)
        position = self._log.append(entries)
        for aggregate in aggregates:
            aggregate.pending.clear()
        opened = [work for entry in entries if isinstance(work := entry.event.work(), Open)]
        self._on_recorded(position, opened)
        return position

    def owner(self, key: str) -> UUID | None:
        """Who holds a claim."""
        return self._log.owner(key)

    def owners(self, keys: Sequence[str]) -> Mapping[str, UUID]:
        """Who holds each of these claims; those that nobody holds are left out."""
        return self._log.owners(keys)

    def blind(self, value: str) -> str:
        """A keyed digest to look a phone or e-mail up by without storing it."""
        return self._log.blind(value)


def repeatable(command: Callable[P, R]) -> Callable[P, R]:
    """A command that may be run again: on `Conflict` it is, once."""

    @wraps(command)
    def once_more(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except Conflict:
            return command(*args, **kwargs)

    return once_more
