"""What adapters count: appends, attempts, verdicts, rebuilds, under labels that are words of ours."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest

from adapters.metrics import observed_append, observed_rebuild
from adapters.queue import RedisDoorbell
from domain.documents.order import Order
from domain.ledger import Conflict, Doubtful, Taken, Unavailable
from domain.shared.errors import Declined
from domain.shared.receipt import receive
from projections.documents.tracking_page import TRACKING_PAGE
from tests import servers
from tests.adapters.effect_samples import SILENCE, attempts_at, ring_again
from tests.figures import counted
from tests.wishes import acts
from tests.world import World


@contextmanager
def more(by: float, name: str, **labels: str) -> Iterator[None]:
    """So many more are counted inside."""
    before = counted(name, **labels)
    yield
    assert counted(name, **labels) - before == by


def enter(world: World, order: Order, *, record_id: str) -> None:
    known = world.ledger.load(Order, order.id)
    with acts(world.clock.now()):
        known.entered_in_crm(module="Deals", record_id=record_id)
    world.ledger.record(known)


def test_an_append_and_its_events_are_counted(world: World) -> None:
    last = world.services.log.last_position()
    events = counted("daybook_events_appended_total")
    with more(1, "daybook_append_seconds_count", outcome="recorded"):
        world.place("embassy")
    assert counted("daybook_events_appended_total") - events == world.services.log.last_position() - last > 1


def test_a_lost_claim_is_counted_by_its_kind_and_nothing_as_recorded(world: World) -> None:
    enter(world, world.place("embassy"), record_id="4711")
    late = world.place("embassy")
    events = counted("daybook_events_appended_total")
    with (
        more(1, "daybook_claims_lost_total", claim="crm_record"),
        more(1, "daybook_append_seconds_count", outcome="taken"),
        pytest.raises(Taken),
    ):
        enter(world, late, record_id="4711")
    assert counted("daybook_events_appended_total") == events


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(Conflict(), "conflict"), (Doubtful(), "doubtful"), (Unavailable(), "unavailable"), (KeyError(), "failed")],
)
def test_an_append_that_fails_is_counted_by_how(error: Exception, outcome: str) -> None:
    with (
        more(1, "daybook_append_seconds_count", outcome=outcome),
        more(0, "daybook_append_seconds_count", outcome="recorded"),
        pytest.raises(type(error)),
        observed_append([]),
    ):
        raise error


def test_attempts_are_counted_by_what_came_of_them(world: World) -> None:
    labels = {"channel": "zoho", "kind": "enter_contact"}
    name = "daybook_effect_attempts_total"
    world.place("embassy")
    world.crm.fail(*[SILENCE] * 6)
    with (
        more(5, name, **labels, outcome="failed"),
        more(1, name, **labels, outcome="given_up"),
        more(0, name, **labels, outcome="declined"),
        more(6 + 1, "daybook_effect_attempt_seconds_count", channel="zoho"),  # the order's entry follows
    ):
        attempts_at(world, upto=100)


def test_what_is_declined_at_once_is_told_from_what_was_tried_in_vain(world: World) -> None:
    labels = {"channel": "zoho", "kind": "enter_contact"}
    world.place("embassy")
    world.crm.fail(Declined("no such module"))
    with (
        more(1, "daybook_effect_attempts_total", **labels, outcome="declined"),
        more(0, "daybook_effect_attempts_total", **labels, outcome="given_up"),
    ):
        world.run_effects()


def test_latency_runs_from_the_request_to_the_end_of_the_last_attempt(world: World) -> None:
    world.place("quote")
    world.clock.move(7)
    before = counted("daybook_effect_latency_seconds_sum", channel="mail")
    with more(1, "daybook_effect_latency_seconds_count", channel="mail"):
        world.run_effects()
    assert counted("daybook_effect_latency_seconds_sum", channel="mail") - before >= 7


def test_the_pause_until_staff_rang_again_is_nobodys_latency(world: World) -> None:
    order = world.place("quote")
    world.mailer.fail(Declined("no"))
    world.run_effects()
    world.clock.move(86_400)
    [notice] = [effect for kind, effect in world.effects(order.id).items() if kind == "staff_notice"]
    ring_again(world, notice)
    with (
        more(1, "daybook_effect_attempts_total", channel="mail", kind="staff_notice", outcome="done"),
        more(0, "daybook_effect_latency_seconds_count", channel="mail"),
    ):
        world.run_effects()


def test_messages_of_vendors_are_counted_as_they_arrive_and_as_they_are_judged(world: World) -> None:
    with (
        more(1, "daybook_receipts_arrived_total", source="stripe"),
        more(1, "daybook_receipts_judged_total", source="stripe", verdict="refused"),
    ):
        with acts(world.clock.now(), by="stripe", via="stripe"):
            receive(world.ledger, source="stripe", vendor_id="evt_1", body=b"no JSON", headers={})
        world.clock.move(60)
        world.run_effects()


def test_an_attempt_leaves_a_line_with_its_correlation(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.place("quote")
    with caplog.at_level(logging.INFO, logger="daybook.effects"):
        world.run_effects()
    lines = [vars(record) for record in caplog.records if record.message == "attempted"]
    assert {(line["channel"], line["kind"], line["outcome"]) for line in lines} == {
        ("zoho", "enter_order", "done"),
        ("mail", "staff_notice", "done"),
    }


@pytest.mark.redis
def test_rings_are_counted_and_so_are_those_that_redis_did_not_take(world: World) -> None:
    rung, lost = {"outcome": "rung"}, {"outcome": "lost"}
    with servers.redis_server() as redis:
        first, second = (RedisDoorbell(redis.url, world.runner) for _ in range(2))
        with more(1, "daybook_doorbell_rings_total", **rung), more(0, "daybook_doorbell_rings_total", **lost):
            first.ring([UUID(int=7)])
            first.stop()
    with more(0, "daybook_doorbell_rings_total", **rung), more(2, "daybook_doorbell_rings_total", **lost):
        second.ring([UUID(int=7), UUID(int=8)])
        second.stop()


def test_a_rebuild_is_seen_while_it_runs() -> None:
    with more(12, "daybook_rebuild_events_total", view="sample"):
        with observed_rebuild("sample") as progress:
            for read in (5, 5, 12):
                progress(read)
            assert counted("daybook_rebuild_running", view="sample") == 1
        assert counted("daybook_rebuild_running", view="sample") == 0


def test_a_rebuild_that_fails_runs_no_longer() -> None:
    with pytest.raises(KeyError), observed_rebuild("sample"):
        raise KeyError
    assert counted("daybook_rebuild_running", view="sample") == 0


def test_the_products_own_rebuilds_are_counted(world: World) -> None:
    world.place("embassy")
    world.services.follower.catch_up()
    read = counted("daybook_rebuild_events_total", view="tracking_page")
    rebuilt = world.services.rebuild(TRACKING_PAGE)
    assert counted("daybook_rebuild_events_total", view="tracking_page") - read == rebuilt.events > 0
