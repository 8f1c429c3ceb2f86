"""The effect runner: takes open effects in hand, carries them out, and records what became of them."""

import logging
import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from time import perf_counter
from uuid import UUID, uuid4

from msgspec import structs

from adapters.breaker import BreakerState, Channels, Limits
from adapters.leases import LEASE, Leases
from adapters.metrics import note_attempt
from adapters.store.log import Hand, SqlLog, Work
from domain.ledger import Aggregate, Conflict, Ledger, Taken, Unavailable, acting
from domain.sealed import Erased
from domain.shared.effect import Effect, NotYet, Outcome
from domain.shared.errors import Declined, Unreachable

POLL_SECONDS = 1.0
CLOCKS_DIFFER = timedelta(seconds=60)  # what a clock further ahead than this has planned is not waited for
MENDED_EVERY = timedelta(seconds=60)
DECISIONS = 4  # how often an attempt is decided anew when others record on the same things meanwhile
ACTOR = "daybook"

log = logging.getLogger("daybook.effects")

Performer = Callable[[Effect], Outcome]


class EffectRunner:
    """Carries out effects: those of one subject and channel in order, of different subjects in parallel.

    The list of open effects is the log's own table; an effect taken in hand is leased, and a lease that runs out is
    taken over by another runner. Performers are safe to repeat: they pass the effect's id to the vendor or look the
    thing up first, so a crash between the vendor's answer and our note does nothing twice.
    """

    def __init__(
        self,
        ledger: Ledger,
        log: SqlLog,
        performers: Mapping[tuple[str, str], Performer],
        *,
        now: Callable[[], datetime],
        lease: timedelta = LEASE,
        limits: Limits | None = None,
    ) -> None:
        self._ledger, self._log, self._performers, self._now = ledger, log, performers, now
        self._leases = Leases(log, lease=lease, now=now)
        self._channels = Channels((channel for channel, _ in performers), limits or Limits(), now=now)
        self._taking = threading.Lock()
        self._mended_at: datetime | None = None
        self.worker = f"{os.getpid()}-{uuid4().hex[:8]}"
        self._wake = threading.Event()

    @property
    def kinds(self) -> frozenset[tuple[str, str]]:
        """Every (channel, kind) that can be carried out."""
        return frozenset(self._performers)

    @property
    def breakers(self) -> dict[str, BreakerState]:
        """How the breaker of each vendor's channel stands in this process."""
        return self._channels.breakers

    def take(self, *, limit: int) -> list[Work]:
        """Take due effects in hand, whatever their channels are busy with."""
        return self._log.take_work(self._hand(self.worker, limit=limit))

    def _hand(self, worker: str, *, limit: int = 1, effect: UUID | None = None, early: bool = False) -> Hand:
        now = self._now()
        return Hand(worker=worker, now=now, until=now + self._leases.lease, limit=limit, effect=effect, early=early)

    def _begin(self, worker: str, *, effect: UUID | None = None) -> Work | None:
        """Take the next due effect in hand whose channel has a place for it; `_finish` gives the place back."""
        with self._taking:  # so that two threads never take for the same place
            self._mend()
            self._leases.renew_if_late()
            room = self._channels.room()
            if room.channels == room.rung_channels == ():
                return None
            hand = self._hand(worker, effect=effect)
            hand = structs.replace(hand, channels=room.channels, rung_channels=room.rung_channels)
            for work in self._log.take_work(hand):
                self._channels.enter(work)
                return work
        return None

    def _finish(self, work: Work) -> None:
        try:
            self.perform(work)
        finally:
            self._channels.leave(work)

    def _mend(self) -> None:
        """At times, and whenever the clock was set back: what it had put off by its old time is due now."""
        now = self._now()
        if self._mended_at is not None and timedelta(0) <= now - self._mended_at < MENDED_EVERY:
            return
        if number := self._log.bring_forward(now=now, behind=now + CLOCKS_DIFFER):
            log.warning("%d effects were put off by a clock ahead of this one and are due now", number)
        self._mended_at = now

    def run_due(self) -> int:
        """Carry out everything that is due, one after the other; returns how many attempts were made."""
        attempts = 0
        while work := self._begin(self.worker):
            self._finish(work)
            attempts += 1
        return attempts

    def run_one(self, effect: UUID) -> None:
        """Carry out one effect if it is due, first in its lane, and its channel has room; `run` goes on from there."""
        # A name of its own: when `run` stops and hands back its work, what a ring has in hand stays in hand.
        if work := self._begin(f"{self.worker}-rung", effect=effect):
            self._finish(work)
            self.wake()

    def run_at_once(self, effect: UUID) -> None:
        """Carry out an effect for a caller who needs the outcome, due or not, however busy or silent its channel is.

        Somebody else may have it in hand; then nothing is done.
        """
        for work in self._log.take_work(self._hand(f"{self.worker}-rung", effect=effect, early=True)):
            self.perform(work)

    def perform(self, work: Work) -> None:
        """One attempt at one effect that has been taken in hand, and its record.

        When the record meets a conflict, somebody settled the effect or the subject moved on meanwhile: the attempt is
        made again on what is there now, which performers are made for.
        """
        try:
            with self._leases.holding(work):
                for _ in range(DECISIONS):
                    with suppress(Conflict, Taken):
                        self._attempt(work)
                        return
                with suppress(Conflict):
                    self._attempt(work, in_vain=True)
        except Unavailable:
            log.warning("the ledger does not answer; effect %s will be taken again", work.effect)

    def _attempt(self, work: Work, *, in_vain: bool = False) -> None:
        effect = self._ledger.load(Effect, work.effect)
        if effect.settled:
            return
        asked = effect.requested
        with acting(by=ACTOR, via=work.channel, at=self._now(), cause=asked.reference, correlation=asked.correlation):
            if in_vain:
                effect.fail(reason="others were at work on the same", now=self._now())
                self._ledger.record(effect)
                return
            began = perf_counter()
            learnt = self._carry_out(effect)
            if effect.settled or self._log.holds(work):
                happened = tuple(effect.pending)
                self._ledger.record(effect, *learnt)
                note_attempt(effect, happened, learnt, seconds=perf_counter() - began)
            else:
                log.warning("effect %s took longer than its lease; whoever has it now records it", effect.id)

    def _carry_out(self, effect: Effect) -> tuple[Aggregate, ...]:
        """Call the vendor, and let what came of it happen to the effect; returns who else learnt something."""
        performer = self._performers.get((effect.channel, effect.kind))
        try:
            if performer is None:
                raise Declined(f"nobody carries out {effect.channel} {effect.kind}")
            outcome = performer(effect)
        except Declined as no:
            effect.give_up(reason=no.reason)
        except NotYet as wait:
            effect.put_off(reason=wait.reason, until=wait.until)
            return wait.learnt
        except Erased:
            effect.give_up(reason="erased")
        except Unreachable as silence:
            self._channels.silent(effect.channel, effect.id, retry_after=silence.retry_after)
            effect.fail(reason=silence.reason, now=self._now(), retry_after=silence.retry_after or 0)
        except (Conflict, Taken, Unavailable):
            raise
        except Exception as error:  # a fault of ours: tried again like a silence, so that nothing is lost
            log.exception("effect %s (%s %s) failed", effect.id, effect.channel, effect.kind)
            effect.fail(reason=f"our own fault: {type(error).__name__}", now=self._now())
        else:
            self._channels.answered(effect.channel)
            effect.finish(proof=outcome.proof)
            return outcome.learnt
        return ()

    def wake(self) -> None:
        """There may be work."""
        self._wake.set()

    def run(self, stopping: Callable[[], bool], *, threads: int) -> None:
        """Carry out effects as they come until told to stop; finishes what is in hand, hands back the rest."""
        free = threading.Semaphore(threads)
        with ThreadPoolExecutor(threads, thread_name_prefix="effect") as pool:

            def carry_out(item: Work) -> None:
                try:
                    if stopping():
                        self._channels.leave(item)
                    else:
                        self._finish(item)
                except Exception:  # the pool would swallow it; the effect stays open until its lease runs out
                    log.exception("effect %s was left as it is", item.effect)
                finally:
                    free.release()
                    self.wake()

            while not stopping():
                self._wake.clear()
                try:
                    pause = self._pause() if self._hand_out(pool, free, carry_out) else POLL_SECONDS
                except Exception as error:  # whatever the database says, orders go on and so does this
                    log.warning("the list of open effects cannot be read: %s", type(error).__name__, exc_info=error)
                    pause = POLL_SECONDS
                self._wake.wait(pause)
        self._let_go(self.worker)

    def _hand_out(self, pool: ThreadPoolExecutor, free: threading.Semaphore, carry_out: Callable[[Work], None]) -> bool:
        """Give every free thread something to do; False when more may be due than there are threads."""
        while free.acquire(blocking=False):
            work = None
            try:
                work = self._begin(self.worker)
            finally:
                if work is None:
                    free.release()
            if work is None:
                return True
            pool.submit(carry_out, work)
        return False

    def _pause(self) -> float:
        """The seconds until something may be begun; a place that becomes free wakes us before."""
        room = self._channels.room()
        moments = room.asks_again_at, self._log.next_due(channels=room.channels)
        waits = [(moment - self._now()).total_seconds() for moment in moments if moment is not None]
        return min(POLL_SECONDS, max(0.01, min(waits, default=POLL_SECONDS)))

    def hand_back(self) -> None:
        """Let others take at once whatever this process has in hand; it is about to end in the middle of it."""
        self._let_go(self.worker)
        self._let_go(f"{self.worker}-rung")

    def _let_go(self, worker: str) -> None:
        try:
            self._log.release_work(worker=worker)
        except Exception:
            log.warning("the leases of this process will run out by themselves")
