"""The effect runner: takes open effects in hand, carries them out, and records what became of them."""

import logging
import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from adapters.store.log import SqlLog, Work
from domain.ledger import Aggregate, Conflict, Ledger, Taken, Unavailable, acting
from domain.sealed import Erased
from domain.shared.effect import Effect, NotYet, Outcome
from domain.shared.errors import Declined, Unreachable

LEASE = timedelta(seconds=60)  # longer than any vendor call may take
POLL_SECONDS = 1.0
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
    ) -> None:
        self._lease = lease
        self._ledger, self._log, self._performers, self._now = ledger, log, performers, now
        self.worker = f"{os.getpid()}-{uuid4().hex[:8]}"
        self._wake = threading.Event()

    @property
    def kinds(self) -> frozenset[tuple[str, str]]:
        """Every (channel, kind) that can be carried out."""
        return frozenset(self._performers)

    def take(self, *, limit: int) -> list[Work]:
        """Take due effects in hand."""
        return self._take(self.worker, limit=limit)

    def _take(self, worker: str, *, limit: int, effect: UUID | None = None, early: bool = False) -> list[Work]:
        now = self._now()
        return self._log.take_work(
            worker=worker, now=now, until=now + self._lease, limit=limit, effect=effect, early=early
        )

    def run_due(self) -> int:
        """Carry out everything that is due, one after the other; returns how many attempts were made."""
        attempts = 0
        while work := self.take(limit=20):
            for item in work:
                self.perform(item)
            attempts += len(work)
        return attempts

    def run_one(self, effect: UUID) -> None:
        """Carry out one effect if it is due and first in its lane; `run` then goes on with those behind it."""
        # A name of its own: when `run` stops and hands back its work, what a ring has in hand stays in hand.
        for item in self._take(f"{self.worker}-rung", limit=1, effect=effect):
            self.perform(item)
            self.wake()

    def run_at_once(self, effect: UUID) -> None:
        """Carry out an effect for a caller who needs the outcome, due or not; somebody else may have it in hand."""
        for item in self._take(f"{self.worker}-rung", limit=1, effect=effect, early=True):
            self.perform(item)

    def perform(self, work: Work) -> None:
        """One attempt at one effect that has been taken in hand, and its record.

        When the record meets a conflict, somebody settled the effect or the subject moved on meanwhile: the attempt is
        made again on what is there now, which performers are made for.
        """
        try:
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
            learnt = self._carry_out(effect)
            if effect.settled or self._log.holds(work):
                self._ledger.record(effect, *learnt)
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
            effect.fail(reason=silence.reason, now=self._now(), retry_after=silence.retry_after or 0)
        except (Conflict, Taken, Unavailable):
            raise
        except Exception as error:  # a fault of ours: tried again like a silence, so that nothing is lost
            log.exception("effect %s (%s %s) failed", effect.id, effect.channel, effect.kind)
            effect.fail(reason=f"our own fault: {type(error).__name__}", now=self._now())
        else:
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
                    if not stopping():
                        self.perform(item)
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
        self._let_go()

    def _hand_out(self, pool: ThreadPoolExecutor, free: threading.Semaphore, carry_out: Callable[[Work], None]) -> bool:
        """Give every free thread something to do; False when more may be due than there are threads."""
        while free.acquire(blocking=False):
            work: list[Work] = []
            try:
                work = self.take(limit=1)
            finally:
                if not work:
                    free.release()
            if not work:
                return True
            pool.submit(carry_out, work[0])
        return False

    def _pause(self) -> float:
        due = self._log.next_due()
        if due is None:
            return POLL_SECONDS
        return min(POLL_SECONDS, max(0.01, (due - self._now()).total_seconds()))

    def _let_go(self) -> None:
        try:
            self._log.release_work(worker=self.worker)
        except Exception:
            log.warning("the leases of this process will run out by themselves")
