"""What the tests of the effect runner share: a runner in a thread, and logs and clocks with habits."""

import threading
from collections.abc import Collection, Sequence
from datetime import datetime

from adapters.effects import EffectRunner
from adapters.store.log import Hand, SqlLog, Work
from domain.ledger import Entry, Log, Unavailable
from domain.shared.effect import Effect
from domain.shared.errors import Unreachable
from tests.wishes import acts
from tests.world import Clock, World

PATIENCE = 10
PDF = {"scan.pdf": b"%PDF-1.7\n"}
SILENCE = Unreachable("no answer")


class PowerCut(BaseException):
    """The process ends here: nothing after this line is recorded."""


def attempts_at(world: World, *, upto: float, step: float = 0.5) -> list[float]:
    """The seconds at which something was tried while the clock went on in small steps."""
    tried, passed = [], 0.0
    while passed <= upto:
        if world.runner.run_due():
            tried.append(passed)
        world.clock.move(step)
        passed += step
    return tried


def ring_again(world: World, effect: Effect) -> None:
    with acts(world.clock.now(), by="staff", via="console"):
        effect.ring_again()
    world.ledger.record(effect)


def attachments(world: World) -> list[str]:
    crm = world.sandbox.crm
    return [file.name for record in crm.records() for file in crm.attachments(record.module, record.id)]


class SilentLog:
    """A log that cannot be written for the next so many appends."""

    def __init__(self, real: Log, silent: int, error: Exception | None = None) -> None:
        self._real, self.silent = real, silent
        self._error = error or Unavailable("The disk is full.")
        self.events_of, self.owner, self.blind = real.events_of, real.owner, real.blind
        self.open_effects_of, self.owners = real.open_effects_of, real.owners

    def append(self, entries: Sequence[Entry]) -> int:
        if self.silent:
            self.silent -= 1
            raise self._error
        return self._real.append(entries)


class Live:
    """A runner going in a thread of its own until the block ends."""

    def __init__(self, runner: EffectRunner, *, threads: int) -> None:
        self._stopping = threading.Event()
        self._runner = runner
        self._thread = threading.Thread(
            target=lambda: runner.run(self._stopping.is_set, threads=threads), name="runner under test"
        )

    def __enter__(self) -> "Live":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def stop(self) -> None:
        self._stopping.set()
        self._runner.wake()


class Ticking(Clock):
    """A clock on which five seconds pass between two looks at it."""

    def now(self) -> datetime:
        self.move(5)
        return super().now()


class DeafList:
    """The list of open effects, which cannot be read the first few times, for whatever reason."""

    def __init__(self, real: SqlLog, deaf: int, error: Exception | None = None) -> None:
        self._real, self._deaf = real, deaf
        self._error = error or Unavailable("The database restarts.")

    def take_work(self, hand: Hand) -> list[Work]:
        if self._deaf:
            self._deaf -= 1
            raise self._error
        return self._real.take_work(hand)

    def next_due(self, *, channels: Collection[str] | None = None) -> datetime | None:
        if self._deaf:
            raise self._error
        return self._real.next_due(channels=channels)

    def bring_forward(self, *, now: datetime, behind: datetime) -> int:
        return 0

    def renew_work(self, works: Sequence[Work], *, until: datetime) -> None:
        self._real.renew_work(works, until=until)

    def holds(self, work: Work) -> bool:
        return self._real.holds(work)

    def release_work(self, *, worker: str) -> None:
        raise self._error
