"""A Daybook whose views are followed as they are in the product, and the vendors that call it."""

import threading
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from adapters.wiring import Services
from tests.web.documents.hooks import Vendors
from tests.world import Clock


@pytest.fixture
def vendors(client: FlaskClient, services: Services, clock: Clock) -> Iterator[Vendors]:
    """Vendors that call us, while a thread keeps the views up."""
    stopping = threading.Event()
    follower = threading.Thread(target=services.follower.run, args=(stopping.is_set,), daemon=True)
    follower.start()
    yield Vendors(client.application, services, clock)
    stopping.set()
    services.follower.wake()
    follower.join()
