"""Who has an effect in hand keeps it while the attempt goes on, and a clock that jumps delays little."""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from adapters.effects import EffectRunner
from adapters.http import TIMEOUT_SECONDS
from adapters.leases import LEASE, LONGEST_ATTEMPT, Leases
from adapters.queue import TIME_LIMIT_MS
from adapters.store.log import SqlLog, Work
from adapters.zoho.crm import ATTACHMENT_PAGES, UPLOAD_PATIENCE
from adapters.zoho.token_stores import WAIT_SECONDS
from domain.ledger import Unavailable
from domain.shared.effect import Effect, Outcome
from tests.adapters.effect_samples import PATIENCE, SILENCE, attempts_at
from tests.world import Clock, World, all_logs

SHORT = timedelta(milliseconds=30)
WORK = Work(UUID(int=1), UUID(int=9), "zoho", "enter_order", "ann")


class CountedLog:
    """A log that is only asked to renew, and tells when it was asked so often."""

    def __init__(self, enough: int = 1, *, failing: int = 0) -> None:
        self._enough, self._failing = enough, failing
        self.renewed: list[tuple[Sequence[Work], datetime]] = []
        self.was_enough = threading.Event()

    def renew_work(self, works: Sequence[Work], *, until: datetime) -> None:
        if self._failing:
            self._failing -= 1
            raise Unavailable("The database restarts.")
        self.renewed.append((works, until))
        if len(self.renewed) >= self._enough:
            self.was_enough.set()


class WatchedLog:
    """The real log, and a bell for every renewal."""

    def __init__(self, real: SqlLog) -> None:
        self._real, self.renewals = real, threading.Semaphore(0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def renew_work(self, works: Sequence[Work], *, until: datetime) -> None:
        self._real.renew_work(works, until=until)
        self.renewals.release()


def leases(log: CountedLog, clock: Clock, *, lease: timedelta = LEASE) -> Leases:
    return Leases(cast(SqlLog, log), lease=lease, now=clock.now)


def runner_of(
    world: World, perform: Callable[[Effect], Outcome], *, log: Any = None, lease: timedelta = LEASE
) -> EffectRunner:
    """A runner for nothing but the entry of a quote in the CRM."""
    performers = {("zoho", "enter_order"): perform}
    return EffectRunner(world.ledger, log or world.services.log, performers, now=world.clock.now, lease=lease)


def entry_of_a_quote(world: World) -> Effect:
    return world.effects(world.place("quote").id)["enter_order"]


def test_nobody_takes_over_an_attempt_that_goes_on_for_longer_than_its_lease(world: World) -> None:
    log, entry = WatchedLog(world.services.log), entry_of_a_quote(world)
    taken_over: list[Work] = []

    def slow(effect: Effect) -> Outcome:
        for _ in range(3):
            world.clock.move(0.02)
            for _ in range(2):  # the first of them may have begun before the clock moved
                assert log.renewals.acquire(timeout=PATIENCE)
            taken_over.extend(work for work in world.new_runner().take(limit=9) if work.effect == effect.id)
        return Outcome("at last")

    runner_of(world, slow, log=log, lease=SHORT).run_one(entry.id)
    assert taken_over == []
    assert world.ledger.load(Effect, entry.id).proof == "at last"


def test_a_lease_is_renewed_until_the_attempt_is_over() -> None:
    log, clock = CountedLog(), Clock()
    held = leases(log, clock)
    with held.holding(WORK):
        held.renew()
    held.renew()
    assert log.renewed == [([WORK], clock.now() + LEASE)]


def test_an_attempt_that_hangs_loses_its_lease_in_the_end() -> None:
    log, elapsed = CountedLog(), 0.0
    held = Leases(cast(SqlLog, log), lease=LEASE, now=Clock().now, elapsed=lambda: elapsed)
    with held.holding(WORK):
        elapsed = LONGEST_ATTEMPT.total_seconds() - 1
        held.renew()
        elapsed += 1
        held.renew()
    assert len(log.renewed) == 1


def test_a_renewal_that_fails_is_tried_again() -> None:
    log = CountedLog(2, failing=2)
    with all_logs() as written, leases(log, Clock(), lease=SHORT).holding(WORK):
        assert log.was_enough.wait(PATIENCE)
    assert "leases could not be renewed: Unavailable" in written.getvalue()


def test_the_longest_attempt_has_time_for_every_timeout_of_a_file_with_many_others() -> None:
    request = 4 * TIMEOUT_SECONDS  # to connect, to wait for the answer, and to read it, which may end late by one more
    token = WAIT_SECONDS + request
    call, upload = token + 2 * request, token + 2 * UPLOAD_PATIENCE * request  # again where the token is refused
    assert timedelta(seconds=ATTACHMENT_PAGES * call + upload) < LONGEST_ATTEMPT


def test_a_rung_attempt_is_not_cut_short_while_its_lease_lasts() -> None:
    assert timedelta(milliseconds=TIME_LIMIT_MS) >= LONGEST_ATTEMPT


def test_a_clock_put_forward_makes_no_process_take_what_it_has_in_hand(world: World) -> None:
    entry, calls = entry_of_a_quote(world), list[Effect]()

    def slow(effect: Effect) -> Outcome:
        calls.append(effect)
        if len(calls) == 1:
            world.clock.move(3600)
            runner.run_one(effect.id)
        return Outcome(f"call {len(calls)}")

    runner = runner_of(world, slow)
    runner.run_one(entry.id)
    assert (len(calls), world.ledger.load(Effect, entry.id).proof) == (1, "call 1")


def test_effects_recorded_before_the_clock_was_set_back_are_carried_out_at_once_and_once(world: World) -> None:
    order = world.place("embassy")
    world.clock.move(-3600)
    assert world.run_effects() == 4
    assert all(effect.proof for effect in world.effects(order.id).values())
    world.clock.move(7200)
    assert world.run_effects() == 0
    assert (len(world.mailbox.mails()), world.modules()) == (2, ["Contacts", "Embassy_Legalization"])


def test_a_running_runner_notices_that_the_clock_was_set_back(world: World) -> None:
    order = world.place("quote")
    world.mailer.fail(SILENCE, SILENCE)
    world.run_effects()
    world.clock.move(-3600)
    assert attempts_at(world, upto=20) == [0, 6]  # the second attempt, and the third on schedule
    assert world.effects(order.id)["staff_notice"].proof is not None


def test_a_clock_set_back_by_less_than_a_minute_delays_by_no_more_than_that(world: World) -> None:
    world.place("quote")
    world.run_effects()
    world.place("quote")
    world.clock.move(-50)
    assert attempts_at(world, upto=60, step=10) == [50]


def test_what_is_recorded_after_the_clock_was_set_back_is_not_delayed(world: World) -> None:
    world.place("quote")
    world.run_effects()
    world.clock.move(-3600)
    world.place("quote")
    assert world.run_effects() == 2
