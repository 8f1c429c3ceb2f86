"""The effect runner in threads, on both databases: side by side, in order, and stopping cleanly."""

import threading
from queue import Queue
from typing import cast
from uuid import UUID

from adapters.effects import EffectRunner
from adapters.store.log import SqlLog
from domain.ledger import Ledger
from domain.shared.effect import Effect, Outcome, effect_id
from domain.shared.ports import CrmRecord
from tests.adapters.effect_samples import (
    PATIENCE,
    PDF,
    SILENCE,
    DeafList,
    Live,
    SilentLog,
    Ticking,
)
from tests.world import World, all_logs


def test_effects_of_different_subjects_and_channels_are_carried_out_at_the_same_time(world: World) -> None:
    for _ in range(2):
        world.place("quote")
    together = threading.Barrier(4, timeout=PATIENCE)
    met: Queue[int] = Queue()

    def meet(effect: Effect) -> Outcome:
        met.put(together.wait())
        return Outcome("met")

    runner = world.new_runner(dict.fromkeys((("zoho", "enter_order"), ("mail", "staff_notice")), meet))
    with Live(runner, threads=4):
        assert sorted(met.get(timeout=PATIENCE) for _ in range(4)) == [0, 1, 2, 3]


def test_many_threads_keep_the_order_of_every_lane(world: World) -> None:
    orders = [world.place("embassy", files=PDF) for _ in range(5)]
    done: Queue[tuple[UUID, str, str]] = Queue()

    def note(effect: Effect) -> Outcome:
        done.put((effect.subject, effect.channel, effect.kind))
        return Outcome("noted")

    runner = world.new_runner(dict.fromkeys(world.performers(), note))
    with Live(runner, threads=4):
        seen = [done.get(timeout=PATIENCE) for _ in range(25)]
    for order in orders:
        lanes = {
            channel: [kind for subject, on, kind in seen if (subject, on) == (order.id, channel)]
            for channel in ("zoho", "mail")
        }
        assert lanes == {"zoho": ["enter_contact", "enter_order", "attach_file"], "mail": ["staff_notice", "welcome"]}


def test_a_live_runner_is_woken_by_what_is_recorded_and_by_what_becomes_due(world: World) -> None:
    sent: Queue[str] = Queue()
    performers = world.performers()
    mail = performers["mail", "staff_notice"]

    def tell(effect: Effect) -> Outcome:
        outcome = mail(effect)
        sent.put(outcome.proof)
        return outcome

    performers |= {("mail", "staff_notice"): tell}
    runner = EffectRunner(world.ledger, world.services.log, performers, now=Ticking().now)
    world.mailer.fail(SILENCE)
    with Live(runner, threads=2):
        world.place("quote")
        runner.wake()
        assert sent.get(timeout=PATIENCE)
    assert world.mailer.calls == 2


def test_a_clean_stop_finishes_what_is_in_hand_and_hands_back_the_rest(world: World) -> None:
    first, second = world.place("quote"), world.place("quote")
    begun, go_on = threading.Event(), threading.Event()

    def slow(effect: Effect) -> Outcome:
        begun.set()
        assert go_on.wait(PATIENCE)
        return Outcome("slowly")

    runner = world.new_runner(dict.fromkeys(world.performers(), slow))
    with Live(runner, threads=1) as live:
        assert begun.wait(PATIENCE)
        live.stop()
        go_on.set()
    proofs = [effect.proof for order in (first, second) for effect in world.effects(order.id).values()]
    assert proofs == ["slowly", None, None, None]
    assert world.run_effects() == 3


def test_what_was_taken_but_not_begun_is_handed_back_at_once(world: World) -> None:
    world.place("quote")
    answers = iter([False])
    world.runner.run(lambda: next(answers, True), threads=1)
    assert len(world.new_runner().take(limit=9)) == 2


def test_a_stop_leaves_alone_what_a_ring_has_in_hand(world: World) -> None:
    order = world.place("quote")
    begun, go_on = threading.Event(), threading.Event()

    def slow(effect: Effect) -> Outcome:
        begun.set()
        assert go_on.wait(PATIENCE)
        return Outcome("slowly")

    runner = world.new_runner(dict.fromkeys(world.performers(), slow))
    rung = threading.Thread(target=runner.run_one, args=[effect_id(order.id, kind="staff_notice")])
    rung.start()
    assert begun.wait(PATIENCE)
    runner.run(lambda: True, threads=1)
    others = [work.kind for work in world.new_runner().take(limit=9)]
    go_on.set()
    rung.join(PATIENCE)
    assert others == ["enter_order"]


def test_a_live_runner_outlives_a_database_that_does_not_answer(world: World) -> None:
    world.place("quote")
    done: Queue[str] = Queue()

    def note(effect: Effect) -> Outcome:
        done.put(effect.kind)
        return Outcome("noted")

    deaf = cast(SqlLog, DeafList(world.services.log, 2))
    performers = dict.fromkeys(world.performers(), note)
    runner = EffectRunner(world.ledger, deaf, performers, now=world.clock.now)
    with Live(runner, threads=2):
        runner.wake()
        assert {done.get(timeout=PATIENCE) for _ in range(2)} == {"enter_order", "staff_notice"}


def test_a_failure_outside_the_performer_is_logged_and_the_effect_stays_open(world: World) -> None:
    order = world.place("quote")
    tried: Queue[str] = Queue()

    def note(effect: Effect) -> Outcome:
        tried.put(effect.kind)
        return Outcome("noted")

    ledger = Ledger(SilentLog(world.services.log, 2, RuntimeError("John Doe")), policies={})
    with all_logs() as written, Live(world.new_runner(dict.fromkeys(world.performers(), note), ledger), threads=1):
        assert {tried.get(timeout=PATIENCE) for _ in range(2)} == {"enter_order", "staff_notice"}
    assert "RuntimeError" in written.getvalue()
    assert "John Doe" not in written.getvalue()
    assert not any(effect.settled for effect in world.effects(order.id).values())


def test_two_orders_of_a_new_customer_at_the_same_time_make_one_contact(world: World) -> None:
    orders = [world.place("embassy") for _ in range(2)]
    together = threading.Barrier(2, timeout=PATIENCE)
    done: Queue[str] = Queue()
    find = world.crm.find

    def find_together(module: str, field: str, value: str) -> CrmRecord | None:
        known = find(module, field, value)
        together.wait()
        return known

    world.crm.find = find_together
    enter_contact = world.performers()["zoho", "enter_contact"]

    def enter(effect: Effect) -> Outcome:
        outcome = enter_contact(effect)
        done.put(outcome.proof)
        return outcome

    with Live(world.new_runner({("zoho", "enter_contact"): enter}), threads=2):
        proofs = {done.get(timeout=PATIENCE) for _ in orders}
    assert len(proofs) == 1
    assert world.modules() == ["Contacts"]
