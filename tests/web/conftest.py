"""The web on both databases, with a clock that stands still and no server around it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from adapters.wiring import Services
from tests.web.site import open_services
from tests.world import Clock
from web.app import create_app

ORIGIN = "https://www.example.com"


@pytest.fixture
def clock() -> Clock:
    """Half past three in the afternoon at the office."""
    return Clock()


@pytest.fixture
def services(database_url: str, tmp_path: Path, clock: Clock) -> Iterator[Services]:
    """Everything wired, the demo prices open, no thread running."""
    with open_services(database_url, tmp_path, clock, FORM_ORIGINS=ORIGIN) as services:
        yield services


@pytest.fixture
def client(services: Services) -> FlaskClient:
    """A visitor."""
    return create_app(services).test_client()
