"""A whole Daybook on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.world import World, open_world


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """An empty ledger with the demo prices, once on SQLite and once on PostgreSQL."""
    with open_world(database_url, tmp_path) as world:
        yield world
