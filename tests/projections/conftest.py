"""The log and the views' home, side by side on both databases."""

from collections.abc import Iterator

import pytest

from adapters.store.log import SqlLog
from projections.home import Home
from tests.store_samples import open_home, open_log


@pytest.fixture
def log(database_url: str) -> Iterator[SqlLog]:
    """An empty log, once on SQLite and once on PostgreSQL."""
    with open_log(database_url) as log:
        yield log


@pytest.fixture
def home(database_url: str) -> Iterator[Home]:
    """A home without tables, beside the log."""
    with open_home(database_url, Home) as home:
        yield home
