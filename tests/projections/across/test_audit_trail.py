"""Who did what, through which channel, and why: one line for every event."""

from domain.shared.errors import Unreachable
from projections.across.audit_trail import AuditTrail, trail_of, trail_of_correlation
from tests.wishes import NOW
from tests.world import World


def test_the_trail_of_an_order_holds_its_own_events_and_those_of_its_effects(world: World) -> None:
    order, other = world.place("quote"), world.place("quote")
    world.mailer.fail(Unreachable("no answer"))
    world.run_effects()
    trail = trail_of(world.services.home, str(order.id))
    assert [line["event"] for line in trail] == [
        "documents.order.Placed",
        "effect.Requested",
        "effect.Requested",
        "effect.Done",
        "documents.order.EnteredInCrm",
        "effect.Prepared",
        "effect.AttemptFailed",
    ]
    assert not {line["stream"] for line in trail} & {
        line["stream"] for line in trail_of(world.services.home, str(other.id))
    }
    assert trail_of(world.services.home, "nobody") == []


def test_a_line_says_who_did_it_through_what_and_because_of_what(world: World) -> None:
    order = world.place("quote")
    world.run_effects()
    trail = trail_of(world.services.home, str(order.id))
    placed, asked, done = (
        next(line for line in trail if line["event"] == name)
        for name in ("documents.order.Placed", "effect.Requested", "effect.Done")
    )
    assert (placed["actor"], placed["via"], placed["cause"], placed["correlation"], placed["at"]) == (
        "customer",
        "form",
        None,
        "request-1",
        NOW,
    )
    assert asked["cause"] == f"documents.order.Placed/{order.id}/1"
    assert (done["actor"], done["via"], done["cause"]) == ("daybook", "zoho", f"effect.Requested/{done['stream']}/1")
    assert {line["correlation"] for line in trail} == {"request-1"}


def test_what_one_request_led_to_is_found_by_its_correlation_and_an_index(world: World) -> None:
    order = world.place("quote")
    world.run_effects()
    home = world.services.home
    trail = trail_of_correlation(home, "request-1")
    assert [line["position"] for line in trail] == sorted(line["position"] for line in trail)
    assert {line["subject"] for line in trail} > {str(order.id)}
    assert trail_of_correlation(home, "request-2") == []
    assert "correlation" in AuditTrail.indexed


def test_every_event_has_its_line_in_the_order_of_the_log(world: World) -> None:
    world.place("embassy")
    world.run_effects()
    home, log = world.services.home, world.services.log
    lines = home.rows(AuditTrail.live.select().order_by(AuditTrail.live.c.position))
    stored = log.read(0, 1_000)
    assert [(line["position"], line["event"]) for line in lines] == [(position, name) for position, name, _ in stored]
