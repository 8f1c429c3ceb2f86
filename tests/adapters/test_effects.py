"""The effect runner on both databases: what is done in which order, how often it is tried, and when not again."""

import pytest

from domain.shared.effect import Effect, NotGivenUp, effect_id
from domain.shared.errors import Declined, Unreachable
from tests.adapters.effect_samples import PDF, SILENCE, attachments, attempts_at, ring_again
from tests.world import World, all_logs


def names(world: World, effect: Effect) -> list[str]:
    return [name for name, _ in world.happened(effect.id)]


def test_everything_a_free_order_asks_for_is_done_once_and_in_order(world: World) -> None:
    order = world.place("embassy", files=PDF)
    assert world.run_effects() == 5
    effects = world.effects(order.id)
    assert list(effects) == ["enter_contact", "enter_order", "attach_file", "staff_notice", "welcome"]
    assert [effect.proof is not None for effect in effects.values()] == [True] * 5
    assert world.modules() == ["Contacts", "Embassy_Legalization"]
    assert world.subjects() == ["📄 New Embassy Order — 2026-02-09", "Your Order Status - Embassy Legalization"]
    assert attachments(world) == ["scan.pdf"]
    assert world.run_effects() == 0


def test_what_the_vendor_answered_is_recorded_with_the_effect(world: World) -> None:
    order = world.place("embassy")
    world.run_effects()
    entry = world.effects(order.id)["enter_order"]
    assert world.happened(order.id)[-1] == (
        "EnteredInCrm",
        {"module": "Embassy_Legalization", "record_id": entry.proof, "adopted": False},
    )
    [done] = [event for event in world.services.log.events_of(entry.id) if isinstance(event, Effect.Done)]
    assert (done.by, done.via, done.cause, done.correlation) == (
        "daybook",
        "zoho",
        entry.requested.reference,
        "request-1",
    )


def test_effects_of_one_subject_and_channel_wait_for_each_other(world: World) -> None:
    order = world.place("embassy")
    world.crm.fail(SILENCE)
    world.run_effects()
    effects = world.effects(order.id)
    assert {kind: effect.attempts for kind, effect in effects.items()} == {
        "enter_contact": 1,
        "enter_order": 0,
        "staff_notice": 0,
        "welcome": 0,
    }
    assert [kind for kind, effect in effects.items() if effect.settled] == ["staff_notice", "welcome"]
    assert world.modules() == []
    world.clock.move(3)
    world.run_effects()
    assert world.modules() == ["Contacts", "Embassy_Legalization"]


def test_one_subject_does_not_wait_for_another(world: World) -> None:
    world.mailer.fail(SILENCE)
    first, second = world.place("embassy"), world.place("i9")
    world.run_effects()
    assert world.effects(first.id)["staff_notice"].attempts == 1
    assert all(effect.settled for effect in world.effects(second.id).values())


def test_55_57_a_silent_vendor_is_tried_after_3_6_12_24_48_seconds_then_given_up(world: World) -> None:
    order = world.place("quote")
    world.mailer.fail(*[SILENCE] * 6)
    assert attempts_at(world, upto=200) == [0, 3, 9, 21, 45, 93]
    notice = world.effects(order.id)["staff_notice"]
    assert notice.given_up == "no answer after 6 attempts: no answer"
    assert names(world, notice) == ["Requested", "Prepared", *["AttemptFailed"] * 6, "GivenUp"]
    assert len(set(world.mailer.attempts)) == 1
    assert world.services.log.open_work() == (0, None)


def test_57_the_sixth_try_may_still_succeed_with_the_bytes_and_key_of_the_first(world: World) -> None:
    order = world.place("quote")
    world.mailer.fail(*[SILENCE] * 5)
    assert attempts_at(world, upto=100) == [0, 3, 9, 21, 45, 93]
    notice = world.effects(order.id)["staff_notice"]
    assert notice.proof is not None
    assert [key for _, key in set(world.mailer.attempts)] == [str(notice.id)]
    assert len(world.mailbox.mails()) == 1


def test_what_was_given_up_is_rung_again_and_sends_the_same_bytes(world: World) -> None:
    order = world.place("quote")
    world.mailer.fail(*[SILENCE] * 6)
    attempts_at(world, upto=100)
    notice = world.effects(order.id)["staff_notice"]
    ring_again(world, notice)
    assert world.run_effects() == 1
    assert world.effects(order.id)["staff_notice"].proof is not None
    assert len(set(world.mailer.attempts)) == 1
    with pytest.raises(NotGivenUp):
        ring_again(world, world.effects(order.id)["staff_notice"])


def test_57_a_vendor_that_says_no_is_not_asked_again_and_the_rest_goes_on(world: World) -> None:
    order = world.place("embassy")
    world.mailer.fail(Declined("the address is blocked"))
    assert attempts_at(world, upto=100, step=5) == [0]
    effects = world.effects(order.id)
    assert effects["staff_notice"].given_up == "the address is blocked"
    assert names(world, effects["staff_notice"]) == ["Requested", "Prepared", "GivenUp"]
    assert world.subjects() == ["Your Order Status - Embassy Legalization"]


def test_without_a_record_its_files_are_given_up_but_mails_go_out(world: World) -> None:
    order = world.place("embassy", files=PDF)
    world.crm.fail(Declined("no contact"), Declined("no such module"))
    world.run_effects()
    given_up = {kind: effect.given_up for kind, effect in world.effects(order.id).items() if effect.given_up}
    assert given_up == {
        "enter_contact": "no contact",
        "enter_order": "no such module",
        "attach_file": "the order has no record in the CRM",
    }
    assert len(world.mailbox.mails()) == 2


def test_a_long_pause_asked_for_by_the_vendor_uses_up_no_attempt(world: World) -> None:
    order = world.place("quote")
    world.mailer.fail(Unreachable("slow down", retry_after=20), Unreachable("slow down", retry_after=300))
    assert attempts_at(world, upto=400, step=5) == [0, 20, 320]
    assert world.effects(order.id)["staff_notice"].attempts == 1


def test_a_fault_of_ours_is_tried_again_and_logged_without_what_it_says(world: World) -> None:
    order = world.place("quote")
    world.mailer.fail(ZeroDivisionError("john@example.com"))
    with all_logs() as written:
        world.run_effects()
    notice = world.effects(order.id)["staff_notice"]
    assert world.happened(notice.id)[-1][1]["reason"] == "our own fault: ZeroDivisionError"
    assert "ZeroDivisionError" in written.getvalue()
    assert "john@example.com" not in written.getvalue()
    world.clock.move(3)
    world.run_effects()
    assert world.effects(order.id)["staff_notice"].proof is not None


def test_an_effect_that_nobody_can_carry_out_is_given_up(world: World) -> None:
    order = world.place("quote")
    performers = world.performers()
    del performers[("mail", "staff_notice")]
    world.new_runner(performers).run_due()
    assert world.effects(order.id)["staff_notice"].given_up == "nobody carries out mail staff_notice"


def test_one_effect_can_be_asked_for_by_name_but_not_out_of_turn(world: World) -> None:
    order = world.place("embassy")
    notice, welcome = (effect_id(order.id, kind=kind) for kind in ("staff_notice", "welcome"))
    world.runner.run_one(welcome)
    assert world.subjects() == []
    world.runner.run_one(notice)
    world.runner.run_one(welcome)
    world.runner.run_one(welcome)
    assert len(world.subjects()) == 2
