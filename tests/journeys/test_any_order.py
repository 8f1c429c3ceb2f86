"""The messages of one customer, in any order that could be and repeated at will, lead to one and the same end."""

import os
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from adapters.wiring import Services
from tests.journeys.customer import Customer, summary
from tests.web.site import open_services
from tests.world import Clock
from web.app import create_app

SEED, PER_ROUND = 20261121, 20
ROUNDS = int(os.environ.get("DAYBOOK_TEST_ORDERINGS", "2000")) // PER_ROUND
MAILS = {"staff_notice": 1, "welcome": 1, "payment_confirmation": 1, "payment_alert": 1}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def services(tmp_path: Path, clock: Clock) -> Iterator[Services]:
    with open_services(f"sqlite:///{tmp_path / 'daybook.sqlite'}", tmp_path, clock) as services:
        stopping = threading.Event()
        follower = threading.Thread(target=services.follower.run, args=(stopping.is_set,))
        follower.start()
        yield services
        stopping.set()
        services.follower.wake()
        follower.join(30)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(ROUNDS))
def test_any_order_of_a_customers_messages_ends_the_same_and_does_nothing_twice(
    number: int, services: Services, clock: Clock
) -> None:
    client, chance = create_app(services).test_client(), Random(SEED + number)
    customers = [Customer(services, client, number * PER_ROUND + nth) for nth in range(PER_ROUND)]
    for customer in customers:
        for message in customer.messages(chance):
            customer.send(message)
            if chance.random() < 0.5:
                services.runner.run_due()
    for _ in range(4):
        services.runner.run_due()
        clock.move(61)
    assert services.follower.wait(services.views[0], services.log.last_position(), timeout=30)

    ends = Counter(repr(summary(services, customer)) for customer in customers)
    assert len(ends) == 1, ends
    assert "'matched': True" in next(iter(ends))
    mails = Counter(str(mail.message["Message-ID"]) for mail in services.sandbox.mailer.mails())  # type: ignore[union-attr]
    assert set(mails.values()) == {1}
    assert services.log.open_work()[0] == 0
    assert services.home.parked() == []
