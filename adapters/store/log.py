"""What both logs share: turning entries into one batch to append, and the shape of open work."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from adapters.metrics import observed_append
from adapters.store.keys import Keyring, WrappedKey
from adapters.store.mapper import Mapper, Sealing
from domain.consequences import Close, Free, Open, Postpone, Take
from domain.ledger import NOBODY, Aggregate, Entry, Event


class StoredEvent(msgspec.Struct, frozen=True):
    """An event as the log keeps it; `data` is JSON."""

    stream: UUID
    version: int
    name: str
    data: msgspec.Raw


class Opened(msgspec.Struct, frozen=True):
    """An effect to be put on the list; `nth` is its event's place in the batch, from 1."""

    nth: int
    effect: UUID
    subject: UUID
    channel: str
    kind: str
    due_at: datetime
    since: datetime
    urgent: bool


class Postponed(msgspec.Struct, frozen=True):
    """An open effect to be tried again; `since` is when that was decided, by the clock of who decided it."""

    effect: UUID
    due_at: datetime
    since: datetime


class Batch(msgspec.Struct, omit_defaults=True):
    """Everything one transaction appends; what is empty is not sent."""

    events: list[StoredEvent] = []
    keys: list[WrappedKey] = []
    frees: list[Free] = []
    takes: list[Take] = []
    opens: list[Opened] = []
    postpones: list[Postponed] = []
    closes: list[UUID] = []
    destroyed: list[UUID] = []


class Hand(msgspec.Struct, frozen=True, kw_only=True):
    """What `worker` asks for: at most `limit` effects that are due `now`, leased `until` then.

    `channels` None is any. Of `rung_channels`, whose vendors are silent, only what staff have rung again is given. With
    `early` the named `effect` is given though it is not due yet.
    """

    worker: str
    now: datetime
    until: datetime
    limit: int
    channels: tuple[str, ...] | None = None
    rung_channels: tuple[str, ...] = ()
    effect: UUID | None = None
    early: bool = False


class Work(msgspec.Struct, frozen=True):
    """An open effect that `worker` has taken in hand.

    Somebody may have had it in hand before and died between the vendor's answer and our note of it, so whoever carries
    it out passes its id to the vendor, or looks the thing up first.
    """

    effect: UUID
    subject: UUID
    channel: str
    kind: str
    worker: str


Row = tuple[int, str, bytes | str]  # position, stored name, JSON


class SqlLog(ABC):
    """The log over some SQL database; the two subclasses speak the dialects."""

    def __init__(self, aggregates: Iterable[type[Aggregate]], master_key: bytes) -> None:
        self.keyring = Keyring(master_key, self._key)
        self.mapper = Mapper(aggregates, self.keyring)

    def install(self) -> None:
        """Create what is not there yet; safe to repeat. Raises `WrongSchema` for a newer one."""
        self._create()
        if self._key(NOBODY) is None:
            self._add_key(self.keyring.make(NOBODY))
        self.keyring.blind("")  # a master key that does not fit is better found at the start

    def check(self) -> None:
        """Make sure that the ledger is there and is ours, and change nothing; raises `WrongSchema`, `NotOurs`."""
        self._check()
        self.keyring.blind("")

    def append(self, entries: Sequence[Entry]) -> int:
        """Record all or nothing; returns the last position."""
        if not entries:
            return self.last_position()
        sealing = Sealing({entry.event.stream for entry in entries if entry.event.version == 1})
        try:
            batch = self._batch(entries, sealing)
            with observed_append([entry.event for entry in entries]):
                position = self._append(batch)
        except BaseException:
            sealing.undo()
            raise
        sealing.keep(self.keyring)
        for subject in batch.destroyed:
            self.keyring.forget(subject)
        return position

    def _batch(self, entries: Sequence[Entry], sealing: Sealing) -> Batch:
        batch = Batch()
        for nth, entry in enumerate(entries, start=1):
            event = entry.event
            name, data = self.mapper.encode(entry, sealing)
            batch.events.append(StoredEvent(event.stream, event.version, name, msgspec.Raw(data)))
            for claim in event.claims():
                self._claim(batch, claim)
            match event.work():
                case Open(effect, subject, channel, kind, due_at, urgent):
                    batch.opens.append(Opened(nth, effect, subject, channel, kind, due_at, event.at, urgent))
                case Postpone(effect, due_at):
                    batch.postpones.append(Postponed(effect, due_at, event.at))
                case Close(effect):
                    batch.closes.append(effect)
            batch.destroyed.extend(event.destroys())
        batch.keys = list(sealing.new_keys.values())
        return batch

    @staticmethod
    def _claim(batch: Batch, claim: Take | Free) -> None:
        """A batch frees before it takes; so what it takes and then frees again is left out of its takes."""
        if isinstance(claim, Take):
            batch.takes.append(claim)
        else:
            batch.frees.append(claim)
            batch.takes = [take for take in batch.takes if take != Take(claim.key, claim.owner)]

    def events_of(self, stream: UUID, *, upto: int | None = None) -> list[Event]:
        """The stream's events, oldest first."""
        decode = self.mapper.decode
        return [decode(name, data) for _, name, data in self._stream(stream, upto)]

    def stream_rows(self, stream: UUID) -> Sequence[Row]:
        """The stream's rows, oldest first."""
        return self._stream(stream, None)

    def decode(self, name: str, data: bytes | str) -> Event:
        """The event of a row."""
        return self.mapper.decode(name, data)

    def readable_as(self, event_classes: Iterable[type[Event]]) -> list[str]:
        """Every stored name that is read as one of these classes."""
        return self.mapper.readable_as(event_classes)

    def blind(self, value: str) -> str:
        """A keyed digest to look a phone or e-mail up by without storing it."""
        return self.keyring.blind(value)

    @abstractmethod
    def last_position(self) -> int:
        """The position of the newest event, 0 when there is none."""

    @abstractmethod
    def owner(self, key: str) -> UUID | None:
        """Who holds a claim."""

    @abstractmethod
    def owners(self, keys: Sequence[str]) -> dict[str, UUID]:
        """Who holds each of these claims, asked at once; those that nobody holds are left out."""

    @abstractmethod
    def open_effects_of(self, subject: UUID) -> list[UUID]:
        """The effects of a subject that are not settled, in the order they were asked for."""

    @abstractmethod
    def read(self, after: int, limit: int) -> list[Row]:
        """The next rows behind a position, in commit order; a reader that follows positions misses none."""

    @abstractmethod
    def stream_at(self, position: int) -> str:
        """The stream of the event at a position, for an event that cannot be read."""

    @abstractmethod
    def scan(
        self,
        *,
        upto: int,
        names: Sequence[str] | None = None,
        by_stream: bool = False,
        after: int = 0,
        share: tuple[int, int] = (0, 1),
        beyond: UUID | None = None,
    ) -> Iterator[Row]:
        """All rows behind `after` up to a position, streamed; `by_stream` puts each stream's events together.

        `share` (k, n) are the streams that fall to the kth of n readers; `beyond` leaves out those up to this one.
        """

    @abstractmethod
    def take_work(self, hand: Hand) -> list[Work]:
        """Take due effects in hand: only the first open one of each subject and channel, and each by one worker."""

    @abstractmethod
    def renew_work(self, works: Sequence[Work], *, until: datetime) -> None:
        """Lease until then what these workers still hold."""

    @abstractmethod
    def bring_forward(self, *, now: datetime, behind: datetime) -> int:
        """Make due what a clock decided to do later when it stood past `behind`: it has been set back since.

        Returns how many effects there were.
        """

    @abstractmethod
    def next_due(self, *, channels: Collection[str] | None = None) -> datetime | None:
        """When the earliest effect of these channels (None: any) that nobody has in hand is due."""

    @abstractmethod
    def release_work(self, *, worker: str) -> None:
        """Hand back what this worker has in hand and has not begun."""

    @abstractmethod
    def holds(self, work: Work) -> bool:
        """Whether it is still in the hand of the worker that took it."""

    @abstractmethod
    def expire_leases(self) -> None:
        """Whoever had work in hand is gone: it may be taken at once, as doubtful."""

    @abstractmethod
    def open_work(self) -> tuple[int, datetime | None]:
        """How many effects are open, and when the oldest of them was due."""

    @abstractmethod
    def open_by_channel(self) -> dict[str, tuple[int, datetime]]:
        """How many effects of each channel are open, and when the oldest of them was due."""

    @abstractmethod
    def listen(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake` whenever something was appended, by whatever process; returns how to stop."""

    def connections(self) -> dict[str, int]:
        """How many connections of a pool are in_use and idle, and how many threads are waiting for one."""
        return {}

    def listen_for_work(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake` whenever something is asked for; any append will do where that is not told apart."""
        return self.listen(wake)

    @abstractmethod
    def close(self) -> None:
        """Close every connection."""

    @abstractmethod
    def _create(self) -> None: ...

    @abstractmethod
    def _check(self) -> None: ...

    @abstractmethod
    def _append(self, batch: Batch) -> int: ...

    @abstractmethod
    def _stream(self, stream: UUID, upto: int | None) -> Sequence[Row]: ...

    @abstractmethod
    def _key(self, subject: UUID) -> WrappedKey | None: ...

    @abstractmethod
    def _add_key(self, key: WrappedKey) -> None: ...
