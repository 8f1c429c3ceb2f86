"""The log on both databases."""

from collections.abc import Iterator

import pytest

from adapters.store.log import SqlLog
from tests.store_samples import open_log


@pytest.fixture
def log(database_url: str) -> Iterator[SqlLog]:
    """An empty log, once on SQLite and once on PostgreSQL."""
    with open_log(database_url) as log:
        yield log
