"""The customer's thread: what an answer to which mail names, and news that a later mail has overtaken."""

from uuid import UUID

from adapters.wiring import Services
from domain.shared.effect import Effect, effect_id
from domain.shared.errors import Declined
from tests.web.documents.hooks import Vendors
from tests.wishes import acts
from tests.world import Clock, World


def went_out_as(vendors: Vendors, id: UUID, wire_id: str) -> None:
    """The provider tells under which id it sent a mail."""
    with acts(vendors.clock.now()):
        effect = vendors.services.ledger.load(Effect, id)
        effect.report(outcome="sent", reason=None, wire_id=wire_id, happened_at=None)
        vendors.services.ledger.record(effect)


def stage_mail(vendors: Vendors, order_id: UUID) -> UUID:
    """The mail about the stage reached last."""
    return effect_id(order_id, kind="stage_update", key=str(vendors.last(order_id).version))


def newest(vendors: Vendors) -> tuple[str, list[str]]:
    """What the newest mail answers, and the thread it names."""
    message = vendors.mailer.mails()[-1].message
    return str(message["In-Reply-To"]), str(message["References"]).split()


def test_a_stage_mail_answers_the_welcome_and_never_another_mail(vendors: Vendors) -> None:
    order_id = vendors.begin_paid()
    anchor = f"<tracking-{vendors.order(order_id).tracking_id}@documents.example>"
    went_out_as(vendors, effect_id(order_id, kind="payment_confirmation"), "<paid@vendor>")
    vendors.move(order_id, "submitted")
    assert newest(vendors) == (anchor, [anchor, "<paid@vendor>"])
    went_out_as(vendors, effect_id(order_id, kind="welcome"), "<welcome@vendor>")
    vendors.move(order_id, "processed_dos")
    assert newest(vendors) == ("<welcome@vendor>", [anchor, "<welcome@vendor>", "<paid@vendor>"])


def test_a_long_thread_names_its_anchor_and_the_newest_mails(vendors: Vendors) -> None:
    order_id = vendors.begin_paid()
    for number in range(24):
        vendors.move(order_id, "Order Received" if number % 2 else "submitted", correction="true")
        went_out_as(vendors, stage_mail(vendors, order_id), f"<{number}@vendor>")
    vendors.move(order_id, "submitted")
    anchor = f"<tracking-{vendors.order(order_id).tracking_id}@documents.example>"
    assert newest(vendors)[1] == [anchor, *(f"<{number}@vendor>" for number in range(5, 24))]


def test_news_of_a_stage_is_dropped_only_when_a_later_mail_has_gone_out(
    vendors: Vendors, services: Services, clock: Clock
) -> None:
    world, order_id = World(services, clock), vendors.begin_paid()

    def move(stage: str, *errors: Exception) -> UUID:
        world.mailer.fail(*errors)
        vendors.zoho("update", tid=vendors.order(order_id).tracking_id, stage=stage, correction="true")
        world.run_effects()
        return stage_mail(vendors, order_id)

    def rung(id: UUID) -> str | None:
        with acts(clock.now()):
            effect = world.ledger.load(Effect, id)
            effect.ring_again()
            world.ledger.record(effect)
        world.run_effects()
        return world.ledger.load(Effect, id).given_up

    first, second = (move(stage, Declined("HTTP 422")) for stage in ("submitted", "processed_dos"))
    assert (rung(first), rung(second)) == (None, None)
    third = move("submitted", Declined("HTTP 422"))
    move("delivered")
    assert rung(third) == "superseded"
