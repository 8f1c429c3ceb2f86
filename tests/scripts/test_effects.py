"""`daybook effects`: what is still to be done, and ringing again."""

import getpass
from uuid import uuid4

from domain.documents.order import Order
from domain.shared.effect import Effect
from domain.shared.errors import Declined, Unreachable
from tests.scripts.conftest import Command
from tests.world import World


def with_a_dead_mail(world: World) -> tuple[Order, Effect]:
    """An order whose staff notice was declined."""
    world.mailer.fail(Declined("mailbox unknown"))
    order = world.place("embassy")
    world.run_effects()
    return order, world.effects(order.id)["staff_notice"]


def test_what_is_done_is_counted_and_what_is_not_is_listed(world: World, daybook: Command) -> None:
    world.crm.fail(Unreachable("no answer"))
    _, dead = with_a_dead_mail(world)

    report = daybook.json("effects")

    assert sum(report["counts"].values()) == 4
    assert (report["counts"]["dead"], report["counts"]["waiting"]) == (1, 1)
    assert "done" not in {row["state"] for row in report["effects"]}
    [row] = [row for row in report["effects"] if row["state"] == "dead"]
    assert (row["effect_id"], row["reason"]) == (str(dead.id), "mailbox unknown")


def test_one_state_and_one_subject_can_be_asked_for(world: World, daybook: Command) -> None:
    order, _ = with_a_dead_mail(world)
    world.place("apostille")
    assert order.tracking_id

    assert {row["state"] for row in daybook.json("effects", "--state", "pending")["effects"]} == {"pending"}
    of_order = daybook.json("effects", "--subject", order.tracking_id)["effects"]
    assert {row["subject"] for row in of_order} == {str(order.id)}
    assert {row["state"] for row in of_order} == {"done", "dead"}
    assert "mail staff_notice" in daybook.prints("effects", "--state", "dead")


def test_an_idle_ledger_shows_the_counts_alone(world: World, daybook: Command) -> None:
    assert daybook.prints("effects") == "pending: 0  waiting: 0  dead: 0  done: 0\n"


def test_a_dead_effect_is_rung_again_by_the_operator(world: World, daybook: Command) -> None:
    _, dead = with_a_dead_mail(world)

    answer = daybook.prints("effects", "retry", str(dead.id))

    assert answer == f"The effect {dead.id} (mail staff_notice) will be tried again.\n"
    rung = world.services.log.events_of(dead.id)[-1]
    assert isinstance(rung, Effect.RungAgain)
    assert (rung.by, rung.via) == (f"operator:{getpass.getuser()}", "console")
    assert world.services.log.open_work()[0] == 1


def test_ringing_again_answers_programs_too(world: World, daybook: Command) -> None:
    _, dead = with_a_dead_mail(world)

    answer = daybook.json("effects", "retry", str(dead.id))

    assert answer == {"effect_id": str(dead.id), "state": "pending", "channel": "mail", "kind": "staff_notice"}


def test_an_effect_that_was_not_given_up_is_not_rung_again(world: World, daybook: Command) -> None:
    order = world.place("embassy")
    pending = world.effects(order.id)["welcome"]
    sentence = "This effect was not given up, so there is nothing to ring again."

    assert daybook.complains("effects", "retry", str(pending.id)) == sentence
    assert len(world.services.log.events_of(pending.id)) == 1


def test_an_unknown_effect_is_answered_with_a_sentence(world: World, daybook: Command) -> None:
    order = world.place("embassy")

    assert daybook.complains("effects", "retry", str(uuid4())) == "No effect has this id."
    assert daybook.complains("effects", "retry", str(order.id)) == "No effect has this id."


def test_every_dead_effect_of_an_order_is_rung_with_one_command(world: World, daybook: Command) -> None:
    order, dead = with_a_dead_mail(world)
    assert order.tracking_id
    [rung] = daybook.json("effects", "retry", "--subject", order.tracking_id)
    assert rung["effect_id"] == str(dead.id)
    assert daybook.json("effects", "retry", "--all") == []


def test_dead_effects_are_rung_in_the_order_they_were_asked_for(world: World, daybook: Command) -> None:
    world.crm.fail(*[Declined("not now")] * 9)
    world.mailer.fail(*[Declined("not now")] * 9)
    orders = [world.place("embassy") for _ in range(3)]
    world.run_effects()

    rung = [one["effect_id"] for one in daybook.json("effects", "retry", "--all")]

    assert rung == [str(effect.id) for order in orders for effect in world.effects(order.id).values()]
