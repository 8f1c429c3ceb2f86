"""A dry run: what today's policies would ask for, event by event, beside what was asked then. It can do nothing."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

import msgspec

from domain.ledger import Aggregate, Event, Policy, acting
from domain.sealed import Erased
from domain.shared.effect import Effect

AT_HAND = 5_000  # aggregates kept while the log is walked through
EXAMPLES = 5  # of each kind of difference
PROGRESS_EVENTS = 1_000

Verdict = Literal["missing", "extra", "changed"]


class Readable(Protocol):
    """A log that can be read, and nothing else."""

    def scan(self, *, upto: int, names: Sequence[str] | None = None) -> Iterator[tuple[int, str, bytes | str]]: ...

    def decode(self, name: str, data: bytes | str) -> Event: ...

    def events_of(self, stream: UUID, *, upto: int | None = None) -> Sequence[Event]: ...

    def readable_as(self, event_classes: Iterable[type[Event]]) -> Sequence[str]: ...


class Example(msgspec.Struct, frozen=True):
    """One difference: the event's reference and time, the effect's id, and what it is about."""

    event: str
    at: datetime
    effect: UUID
    about: Mapping[str, str]


class Difference(msgspec.Struct):
    """One kind of difference: how often it was met, and the first examples.

    `missing` would be asked for today and was not, `extra` was asked for and would not be today; `changed` would be
    asked for with another time or about something else.
    """

    verdict: Verdict
    channel: str
    kind: str
    because: str
    count: int = 0
    examples: list[Example] = []


class DryRun(msgspec.Struct):
    """What a dry run found; `unread` counts, by reason, the events that could not be judged."""

    events: int = 0
    asked: int = 0
    differences: list[Difference] = []
    unread: Counter[str] = msgspec.field(default_factory=Counter)


class Recorded(msgspec.Struct):
    """An event of the log, and the effects that were asked for in the same breath."""

    position: int
    event: Event
    asked: list[Effect.Requested] = []

    @property
    def last_position(self) -> int:
        return self.position + len(self.asked)


def dry_run(
    log: Readable,
    policies: Mapping[type[Aggregate], Policy],
    *,
    upto: int,
    since: datetime,
    until: datetime | None = None,
    progress: Callable[[int], None] = lambda position: None,
) -> DryRun:
    """Ask today's policies about every event recorded from `since` to before `until`, up to a position of the log."""
    judge = _Judge(log, policies)
    for batch in batches(_rows(log, policies, upto, judge.done, progress)):
        at = batch[0].event.at  # that of all of them
        if since <= at and (until is None or at < until):
            judge.batch(batch)
    judge.done.differences.sort(key=lambda found: (found.verdict, found.channel, found.kind, found.because))
    return judge.done


def _rows(
    log: Readable,
    policies: Mapping[type[Aggregate], Policy],
    upto: int,
    done: DryRun,
    progress: Callable[[int], None],
) -> Iterator[tuple[int, Event]]:
    classes = [event for kind in policies for event in kind.events]
    names = log.readable_as([*classes, Effect.Requested])
    for number, (position, name, data) in enumerate(log.scan(upto=upto, names=names)):
        if number % PROGRESS_EVENTS == 0:
            progress(position)
        try:
            yield position, log.decode(name, data)
        except Exception as error:  # an upcaster may raise anything
            done.unread[f"cannot be decoded: {type(error).__name__}"] += 1


def batches(rows: Iterable[tuple[int, Event]]) -> Iterator[list[Recorded]]:
    """The events of one stream that were recorded together, as far as the log can tell, with what they asked for.

    An aggregate is recorded event by event, each with its effects right behind it, in one act; what another act has put
    in between ends a batch.
    """
    batch: list[Recorded] = []
    for position, event in rows:
        follows = bool(batch) and position == batch[-1].last_position + 1
        if isinstance(event, Effect.Requested):
            if follows and event.cause == batch[-1].event.reference:
                batch[-1].asked.append(event)
        elif follows and _goes_on(batch[-1].event, event):
            batch.append(Recorded(position, event))
        else:
            if batch:
                yield batch
            batch = [Recorded(position, event)]
    if batch:
        yield batch


def _goes_on(before: Event, event: Event) -> bool:
    def act(of: Event) -> tuple[object, ...]:
        return of.at, of.by, of.via, of.correlation

    return event.stream == before.stream and event.version == before.version + 1 and act(event) == act(before)


class _Judge:
    """Compares batch by batch; keeps the last aggregates at hand, so that few are loaded twice."""

    def __init__(self, log: Readable, policies: Mapping[type[Aggregate], Policy]) -> None:
        self.done = DryRun()
        self._log, self._policies = log, policies
        self._kinds = {event: kind for kind in policies for event in kind.events}
        self._at_hand: OrderedDict[UUID, Aggregate] = OrderedDict()
        self._found: dict[tuple[Verdict, str, str, str], Difference] = {}

    def batch(self, batch: Sequence[Recorded]) -> None:
        """Judge the events of a batch."""
        try:
            aggregate = self._as_recorded([told.event for told in batch])
        except Exception as error:
            self.done.unread[f"cannot be loaded: {type(error).__name__}"] += len(batch)
            return
        for nth, told in enumerate(batch):
            self.done.events += 1
            self.done.asked += len(told.asked)
            self._compare(told, aggregate, later=len(batch) - nth - 1)

    def _as_recorded(self, events: Sequence[Event]) -> Aggregate:
        """The aggregate behind all of these events, as the policies saw it when they were recorded."""
        first, last = events[0], events[-1]
        aggregate = self._at_hand.pop(first.stream, None)
        if aggregate is None or aggregate.version != first.version - 1:
            aggregate = self._load(last, last.version)
        else:
            for event in events:
                aggregate.replay(event)
        self._at_hand[first.stream] = aggregate
        if len(self._at_hand) > AT_HAND:
            self._at_hand.popitem(last=False)
        return aggregate

    def _load(self, event: Event, version: int) -> Aggregate:
        return self._kinds[type(event)].of(event.stream, self._log.events_of(event.stream, upto=version))

    def _compare(self, told: Recorded, aggregate: Aggregate, *, later: int) -> None:
        """Note what differs, unless the event explains what was asked as the last of its record.

        Two records of one act can follow each other unseen; so a state in between may be what the policy saw.
        """
        event = told.event
        try:
            today = self._ask(event, aggregate)
            differing = list(_differences(told.asked, today))
            for version in range(event.version, event.version + later):
                if not differing:
                    break
                if not list(_differences(told.asked, self._ask(event, self._load(event, version)))):
                    differing = []
        except Erased:
            self.done.unread["erased"] += 1
            return
        except Exception as error:
            self.done.unread[f"the policy failed: {type(error).__name__}"] += 1
            return
        for verdict, effect in differing:
            self._note(verdict, event, effect)

    def _ask(self, event: Event, aggregate: Aggregate) -> list[Effect.Requested]:
        """What the policy of today asks for; the effects are looked at and thrown away."""
        policy = self._policies[type(aggregate)]
        with acting(by=event.by, via=event.via, at=event.at, cause=event.cause, correlation=event.correlation):
            return [
                asked
                for effect in policy(event, aggregate)
                for asked in effect.pending
                if isinstance(asked, Effect.Requested)
            ]

    def _note(self, verdict: Verdict, event: Event, effect: Effect.Requested) -> None:
        key = (verdict, effect.channel, effect.kind, event.stored_name)
        if key not in self._found:
            self._found[key] = Difference(*key)
            self.done.differences.append(self._found[key])
        found = self._found[key]
        found.count += 1
        if len(found.examples) < EXAMPLES:
            found.examples.append(Example(event.reference, event.at, effect.effect, effect.about))


def _differences(
    then: Iterable[Effect.Requested], today: Iterable[Effect.Requested]
) -> Iterator[tuple[Verdict, Effect.Requested]]:
    was = {(asked.effect, asked.channel, asked.kind): asked for asked in then}
    now = {(asked.effect, asked.channel, asked.kind): asked for asked in today}
    for key, asked in now.items():
        if key not in was:
            yield "missing", asked
        elif (was[key].about, was[key].due_at) != (asked.about, asked.due_at):
            yield "changed", asked
    for key, asked in was.items():
        if key not in now:
            yield "extra", asked
