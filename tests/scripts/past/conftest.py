"""The `daybook` command on both databases, beside one customer's whole story."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.wiring import Services
from tests.journeys.customer import AFTER, Customer
from tests.scripts.conftest import Command
from tests.web.site import open_services
from tests.world import Clock
from web.app import create_app

MINUTE = 61  # seconds between the customer's messages


class Story:
    """What happened, a message a minute: three of a call, a form, a payment, a refund, and three of the CRM."""

    def __init__(self, services: Services, clock: Clock) -> None:
        self.services = services
        stopping = threading.Event()
        follower = threading.Thread(target=services.follower.run, args=(stopping.is_set,))
        follower.start()
        customer = Customer(services, create_app(services).test_client(), 7)
        for message in AFTER:
            customer.send(message)
            services.runner.run_due()
            clock.move(MINUTE)
        services.runner.run_due()
        stopping.set()
        services.follower.wake()
        follower.join(30)
        self.order = customer.order()
        self.id, self.call = str(self.order.id), str(self.order.matched_call)


@pytest.fixture
def daybook(database_url: str, tmp_path: Path) -> Command:
    """The command, once on SQLite and once on PostgreSQL."""
    return Command(
        {
            "DAYBOOK_ENV": "test",
            "DAYBOOK_DATABASE_URL": database_url,
            "DAYBOOK_FILE_STORE_URL": str(tmp_path / "media"),
            "DAYBOOK_SANDBOX_PATH": str(tmp_path / "sandbox.sqlite"),
        }
    )


@pytest.fixture
def story(database_url: str, tmp_path: Path) -> Iterator[Story]:
    """One customer's story, from the call to the delivery."""
    clock = Clock()
    with open_services(database_url, tmp_path, clock) as services:
        yield Story(services, clock)
