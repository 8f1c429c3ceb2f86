"""A log with a chain over it, on both databases."""

from collections.abc import Iterator

import pytest

from tests.chains import Chained, chained


@pytest.fixture
def chain(database_url: str) -> Iterator[Chained]:
    """35 events, of which 30 lie before checkpoints at 10, 20 and 30."""
    with chained(database_url) as chain:
        yield chain
