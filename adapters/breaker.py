"""Which channels may be asked just now: a slow vendor has a part of the threads, a silent one gets a pause."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from adapters.store.log import Work

VENDOR_CHANNELS = frozenset({"zoho", "mail", "stripe"})  # the others call nobody, so nobody there can fall silent
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(seconds=60)

log = logging.getLogger("daybook.effects")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one process grants a channel: so many attempts at a time (None: any), and silences before it pauses."""

    channel_workers: int | None = None
    breaker_after: int = 5


class BreakerState(msgspec.Struct, frozen=True):
    """For people and figures: `state` is closed, open or probing; `asks_again_at` None while it is closed."""

    state: str
    silences: int
    asks_again_at: datetime | None


class Room(msgspec.Struct, frozen=True):
    """What may be taken: anything of `channels` (None: of all), of `rung_channels` what staff have rung again."""

    channels: tuple[str, ...] | None = None
    rung_channels: tuple[str, ...] = ()
    asks_again_at: datetime | None = None


class Breaker:
    """Opens when so many effects in a row met silence, and lets one through after each pause until one succeeds.

    One effect that is tried again and again keeps its own schedule: it counts once. A pause is twice as long as the
    one before, up to a minute; a pause that the vendor asks for counts instead.
    """

    def __init__(self, *, after: int) -> None:
        self._after = after
        self._silent: set[UUID] = set()
        self._opened_at: datetime | None = None
        self._pause = self._own_pause = FIRST_PAUSE
        self._probe: UUID | None = None

    @property
    def state(self) -> BreakerState:
        """How it stands."""
        if self._opened_at is None:
            return BreakerState("closed", len(self._silent), None)
        asks_again_at = self._opened_at + self._pause
        return BreakerState("probing" if self._probe else "open", len(self._silent), asks_again_at)

    def lets_through(self, *, now: datetime) -> bool:
        """Whether an attempt may be made."""
        if self._opened_at is None:
            return True
        self._opened_at = min(self._opened_at, now)  # a clock that is set back makes no pause longer
        return self._probe is None and now >= self._opened_at + self._pause

    def begin(self, effect: UUID, *, now: datetime) -> None:
        """An attempt is made; while it is open, as its probe."""
        if self._opened_at is not None and self.lets_through(now=now):
            self._probe = effect

    def end(self, effect: UUID) -> None:
        """The attempt is over; one that told nothing about the vendor leaves the next to probe."""
        if self._probe == effect:
            self._probe = None

    def answered(self) -> bool:
        """The vendor did what was asked; True when that closes it."""
        was_open = self._opened_at is not None
        self._silent.clear()
        self._opened_at, self._probe = None, None
        self._pause = self._own_pause = FIRST_PAUSE
        return was_open

    def silent(self, effect: UUID, *, now: datetime, retry_after: float | None) -> bool:
        """The vendor did not answer, or wants us to come later; True when that opens it."""
        self._silent.add(effect)
        asked = timedelta(seconds=retry_after) if retry_after else None
        if self._opened_at is not None and self._probe != effect:
            if asked and now + asked > self._opened_at + self._pause:
                self._opened_at, self._pause = now, asked
            return False
        if self._opened_at is not None:
            self._own_pause = min(2 * self._own_pause, LONGEST_PAUSE)
        elif len(self._silent) < self._after:
            return False
        opens = self._opened_at is None
        self._opened_at, self._pause = now, asked or self._own_pause
        return opens


class Channels:
    """The channels of one process: how many attempts each has going on, and the breakers of those with a vendor."""

    def __init__(self, names: Iterable[str], limits: Limits, *, now: Callable[[], datetime]) -> None:
        self._names, self._places, self._now = tuple(sorted(set(names))), limits.channel_workers, now
        vendors = VENDOR_CHANNELS.intersection(self._names)
        self._breakers = {name: Breaker(after=limits.breaker_after) for name in vendors}
        self._busy: Counter[str] = Counter()
        self._changing = threading.Lock()

    @property
    def breakers(self) -> dict[str, BreakerState]:
        """How each vendor's breaker stands."""
        with self._changing:
            return {name: breaker.state for name, breaker in sorted(self._breakers.items())}

    def room(self) -> Room:
        """What may be begun just now."""
        now = self._now()
        with self._changing:
            free = [name for name in self._names if self._places is None or self._busy[name] < self._places]
            closed = {name for name, breaker in self._breakers.items() if not breaker.lets_through(now=now)}
            if len(free) == len(self._names) and not closed:
                return Room()
            states = [self._breakers[name].state for name in closed if name in free]
            pauses = (state.asks_again_at for state in states if state.state == "open")  # a probe's end wakes us
            return Room(
                channels=tuple(name for name in free if name not in closed),
                rung_channels=tuple(name for name in free if name in closed),
                asks_again_at=min((at for at in pauses if at), default=None),
            )

    def enter(self, work: Work) -> None:
        """An attempt takes its place."""
        with self._changing:
            self._busy[work.channel] += 1
            if (breaker := self._breakers.get(work.channel)) is not None:
                breaker.begin(work.effect, now=self._now())

    def leave(self, work: Work) -> None:
        """An attempt gives its place back."""
        with self._changing:
            self._busy[work.channel] -= 1
            if (breaker := self._breakers.get(work.channel)) is not None:
                breaker.end(work.effect)

    def answered(self, channel: str) -> None:
        """An attempt went well; one that was declined says too little, as many are declined without the vendor."""
        with self._changing:
            breaker = self._breakers.get(channel)
            closes = breaker is not None and breaker.answered()
        if closes:
            log.warning("%s answers again", channel)

    def silent(self, channel: str, effect: UUID, *, retry_after: float | None) -> None:
        """An attempt met silence."""
        with self._changing:
            breaker = self._breakers.get(channel)
            opens = breaker is not None and breaker.silent(effect, now=self._now(), retry_after=retry_after)
        if opens:
            log.warning("%s has been silent again and again: its effects wait", channel)
