"""Taking personal data out: it is not done without a reason."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from domain.shared.errors import Invalid
from domain.shared.export import LONGEST_REASON, Export
from tests.sample_trees import gardening

ID = UUID(int=7)


@pytest.fixture(autouse=True)
def act() -> Iterator[None]:
    with gardening():
        yield


def take(reason: str) -> Export:
    return Export.take(ID, reason=reason, upto=12, views=("orders",))


def test_what_was_taken_and_why_is_recorded() -> None:
    [event] = take("  for the\ttax audit ").pending
    assert isinstance(event, Export.PersonalDataTaken)
    assert (event.stream, event.reason, event.upto, event.views) == (ID, "for the tax audit", 12, ("orders",))


@pytest.mark.parametrize("reason", ["", "  \n", "x" * (LONGEST_REASON + 1), "a\x00b"])
def test_a_reason_that_says_nothing_is_refused(reason: str) -> None:
    with pytest.raises(Invalid):
        take(reason)
