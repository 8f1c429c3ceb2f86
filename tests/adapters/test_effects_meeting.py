"""When somebody else acts at the same moment: another runner, another event of the order, an erasure, a database."""

from collections.abc import Callable
from queue import Queue
from typing import cast

from adapters.effects import EffectRunner
from adapters.store.log import SqlLog
from domain.ledger import acting
from domain.shared.effect import Effect, Outcome
from tests.adapters.effect_samples import PATIENCE, DeafList, Live
from tests.store_samples import sql
from tests.world import World

Performer = Callable[[Effect], Outcome]


def only(world: World, performer: Performer) -> dict[tuple[str, str], Performer]:
    """Entries go through `performer`; everything else is done without a vendor."""
    performers: dict[tuple[str, str], Performer] = dict.fromkeys(world.performers(), lambda effect: Outcome("done"))
    return performers | {("zoho", "enter_order"): performer}


def test_an_order_that_moves_on_during_the_call_is_recorded_all_the_same(world: World) -> None:
    order = world.place("quote")
    real, calls = world.performers()["zoho", "enter_order"], list[Effect]()

    def slow(effect: Effect) -> Outcome:
        calls.append(effect)
        outcome = real(effect)
        if len(calls) == 1:
            with acting(by="staff", via="console", at=world.clock.now()):
                other = world.ledger.load(type(order), order.id)
                other.give_tracking_id("7" * 20, reason="staff")
                world.ledger.record(other)
        return outcome

    world.new_runner(only(world, slow)).run_due()
    moved = world.ledger.load(type(order), order.id)
    assert (moved.tracking_id, moved.crm_record is not None, len(calls)) == ("7" * 20, True, 2)
    assert len(world.sandbox.crm.records()) == 1


def test_a_late_note_of_failure_does_not_free_what_another_runner_has_in_hand(world: World) -> None:
    world.place("quote")
    second, taken = world.new_runner(), []

    def outlives_its_lease(effect: Effect) -> Outcome:
        world.clock.move(61)
        taken.extend(second.take(limit=9))
        raise TimeoutError("too late")

    world.new_runner(only(world, outlives_its_lease)).perform(
        next(work for work in world.new_runner().take(limit=9) if work.kind == "enter_order")
    )
    held = [work for work in taken if work.kind == "enter_order"]
    assert len(held) == 1
    assert world.services.log.holds(held[0])


def test_effects_for_an_erased_person_are_given_up_and_the_page_is_gone(world: World, database_url: str) -> None:
    order = world.place("quote")
    table = "keys" if database_url.startswith("sqlite") else "daybook_log.keys"
    sql(database_url, f"UPDATE {table} SET wrapped = NULL WHERE subject = {_mark(database_url)}", str(order.id))
    world.services.log.keyring.forget(order.id)
    world.run_effects()
    assert {effect.given_up for effect in world.effects(order.id).values()} == {"erased"}


def _mark(database_url: str) -> str:
    return "?" if database_url.startswith("sqlite") else "%s"


def test_whatever_the_database_says_the_runner_goes_on(world: World) -> None:
    world.place("quote")
    deaf = cast(SqlLog, DeafList(world.services.log, 2, RuntimeError("cannot write: read-only")))
    done: Queue[str] = Queue()

    def note(effect: Effect) -> Outcome:
        done.put(effect.kind)
        return Outcome("noted")

    runner = EffectRunner(world.ledger, deaf, dict.fromkeys(world.performers(), note), now=world.clock.now)
    with Live(runner, threads=2):
        assert {done.get(timeout=PATIENCE) for _ in range(2)} == {"enter_order", "staff_notice"}
