"""Whatever breaks between the vendor's answer and our note of it, nothing is done twice; on both databases."""

from collections import Counter
from collections.abc import Iterator
from uuid import UUID

import pytest

from domain.ledger import Conflict, Ledger
from domain.shared.attribution import Attribution
from domain.shared.contact import Contact
from domain.shared.effect import Effect, Outcome
from tests.adapters.effect_samples import PDF, SILENCE, PowerCut, SilentLog, attachments
from tests.flaky import Trouble
from tests.world import World

CRM_WRITES, MAILS = 5, 2
WRITES = [("crm", nth) for nth in range(CRM_WRITES)] + [("mailer", nth) for nth in range(MAILS)]


def places_of_breaking(world: World, error: BaseException) -> Iterator[UUID]:
    """An order for each write of an order; that write is carried out at the vendor and then this happens."""
    for number, (vendor, nth) in enumerate(WRITES):
        contact = Contact(f"Customer {number}", f"customer{number}@example.com", "+1-555-123-4567")
        order = world.place("embassy", files=PDF, contact=contact, attribution=Attribution(source="google"))
        trouble: Trouble = getattr(world, vendor)
        trouble.succeed(nth)
        trouble.break_after(error)
        yield order.id


def assert_each_thing_is_there_once(world: World, orders: list[UUID]) -> None:
    assert Counter(world.modules()) == dict.fromkeys(
        ("Contacts", "Embassy_Legalization", "Lead_Attribution_Record"), len(orders)
    )
    assert attachments(world) == ["scan.pdf"] * len(orders)
    assert len(world.mailbox.mails()) == MAILS * len(orders)
    for order in orders:
        assert all(effect.proof for effect in world.effects(order).values())


def test_54_a_crash_between_the_vendors_answer_and_our_note_does_nothing_twice(world: World) -> None:
    orders: list[UUID] = []
    for order in places_of_breaking(world, PowerCut()):
        orders.append(order)
        with pytest.raises(PowerCut):
            world.run_effects()
        world.runner = world.new_runner()
        world.clock.move(61)
        world.run_effects()
    assert_each_thing_is_there_once(world, orders)


def test_54_a_lost_answer_does_nothing_twice(world: World) -> None:
    orders: list[UUID] = []
    for order in places_of_breaking(world, SILENCE):
        orders.append(order)
        world.run_effects()
        assert max(effect.attempts for effect in world.effects(order).values()) == 1
        world.clock.move(3)
        world.run_effects()
    assert_each_thing_is_there_once(world, orders)


def test_61_a_ledger_that_cannot_record_delays_effects_and_repeats_none(world: World) -> None:
    order = world.place("embassy", files=PDF, attribution=Attribution(source="google"))
    ledger = Ledger(SilentLog(world.services.log, 4), policies={})
    runner = world.new_runner(world.performers(ledger), ledger)
    for _ in range(4):
        runner.run_due()
        world.clock.move(61)
    runner.run_due()
    assert_each_thing_is_there_once(world, [order.id])


def test_who_waits_for_an_outcome_gets_it_though_somebody_else_recorded_first(world: World) -> None:
    order = world.place("quote")
    [enter_order] = [effect.id for kind, effect in world.effects(order.id).items() if kind == "enter_order"]
    ledger = Ledger(SilentLog(world.services.log, 1, Conflict()), policies={})
    world.new_runner(world.performers(ledger), ledger).run_at_once(enter_order)
    assert world.ledger.load(Effect, enter_order).proof is not None


def test_an_effect_that_somebody_else_settled_is_left_alone(world: World) -> None:
    order = world.place("quote")
    [work] = [work for work in world.runner.take(limit=9) if work.kind == "staff_notice"]

    def settled_meanwhile(effect: Effect) -> Outcome:
        other = world.ledger.load(Effect, effect.id)
        other.finish(proof="theirs")
        world.ledger.record(other)
        return Outcome("ours")

    world.new_runner({("mail", "staff_notice"): settled_meanwhile}).perform(work)
    world.runner.perform(work)
    assert world.effects(order.id)["staff_notice"].proof == "theirs"
    assert world.mailer.calls == 0


def test_what_one_runner_has_in_hand_is_nobody_elses_until_its_lease_runs_out(world: World) -> None:
    world.place("quote")
    taken = world.runner.take(limit=9)
    world.clock.move(59)
    assert world.new_runner().take(limit=9) == []
    world.clock.move(2)
    again = world.new_runner().take(limit=9)
    assert [work.effect for work in again] == [work.effect for work in taken]
