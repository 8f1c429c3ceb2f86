"""`daybook replay`: today's policies over a whole story, on both databases."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

from adapters.wiring import POLICIES
from domain.documents import policy
from domain.documents.order import Order
from domain.ledger import Event
from domain.shared.effect import Effect
from domain.shared.replaying import dry_run
from tests.journeys.customer import Customer
from tests.scripts.conftest import Command
from tests.scripts.past.conftest import Story
from tests.web.site import open_services
from tests.wishes import NOW
from tests.world import Clock
from web.app import create_app


def test_the_same_policies_would_ask_for_the_same(story: Story, daybook: Command) -> None:
    log = story.services.log
    before = log.last_position()

    done = daybook.json("replay", "--since", "2026-02-09", "--dry-run")

    assert (done["differences"], done["unread"]) == ([], {})
    assert done["events"] > 25
    assert done["asked"] == sum(
        isinstance(log.decode(name, data), Effect.Requested) for _, name, data in log.read(0, 1000)
    )
    assert log.last_position() == before
    assert "would ask for the same" in daybook.prints("replay", "--since", "2026-02-09", "--dry-run")


def test_only_the_time_asked_for_is_replayed(story: Story, daybook: Command) -> None:
    done = daybook.json("replay", "--since", "2026-02-09T15:35", "--until", "2026-02-09T15:36", "--dry-run")
    assert (done["events"], done["asked"]) == (3 + 1, 6)  # the receipt, its verdict, the payment and the first stage


def test_a_changed_policy_is_named_by_what_it_would_do_otherwise(story: Story) -> None:
    def changed(event: Event, order: Order) -> Iterator[Effect]:
        for effect in policy.effects(event, order):
            if effect.kind != "welcome":
                yield effect
        if isinstance(event, Order.Refunded):
            yield Effect.request(event, channel="mail", kind="refund_notice")

    log = story.services.log
    done = dry_run(log, {**POLICIES, Order: changed}, upto=log.last_position(), since=NOW)

    assert [(one.verdict, one.kind, one.because, one.count) for one in done.differences] == [
        ("extra", "welcome", "documents.order.Paid", 1),
        ("missing", "refund_notice", "documents.order.Refunded", 1),
    ]
    assert done.differences[0].examples[0].event == f"documents.order.Paid/{story.id}/7"


def test_a_replay_has_to_be_called_a_dry_run(story: Story, daybook: Command) -> None:
    result = daybook("replay", "--since", "2026-02-09")
    assert result.exit_code == 2
    assert "A replay only ever looks: say --dry-run." in result.stderr


def test_the_same_policies_would_ask_for_the_same_after_messages_in_any_order_under_one_clock_reading(
    database_url: str, tmp_path: Path
) -> None:
    with open_services(database_url, tmp_path, Clock()) as services:
        client, chance = create_app(services).test_client(), Random(20261121)
        for number in range(3):
            customer = Customer(services, client, number)
            for message in customer.messages(chance):
                customer.send(message)
                services.runner.run_due()
        done = dry_run(services.log, POLICIES, upto=services.log.last_position(), since=NOW)
    assert (done.differences, dict(done.unread)) == ([], {})
    assert done.asked > 60
