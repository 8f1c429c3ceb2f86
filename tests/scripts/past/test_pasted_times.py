"""A time as it was printed, to the second, means what stood beside it, on both databases."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.documents.order import Order
from tests.scripts.conftest import Command
from tests.world import World, open_world

PRINTED = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ")
PLACED = 3  # the events with which an order is placed, at one time


@pytest.fixture
def world(database_url: str, tmp_path: Path, daybook: Command) -> Iterator[World]:
    """A ledger whose clock never stands at a whole second; the command reads it too."""
    with open_world(database_url, tmp_path) as world:
        daybook.now = world.clock.now
        world.clock.move(0.4)
        yield world


@pytest.fixture
def order(world: World) -> Order:
    """An order that is entered a minute after it was placed."""
    order = world.place("embassy")
    world.clock.move(60.3)
    world.run_effects()
    return order


@pytest.fixture
def times(order: Order, daybook: Command) -> tuple[str, str]:
    """When it was placed and when it was entered, as `history` prints it."""
    lines = daybook.prints("history", str(order.id)).splitlines()
    placed, entered = (
        PRINTED.search(next(line for line in lines if name in line)) for name in ("order.Placed", "order.EnteredInCrm")
    )
    assert placed
    assert entered
    return placed[0], entered[0]


def test_a_subject_is_there_at_the_time_that_is_printed(order: Order, times: tuple[str, str], daybook: Command) -> None:
    placed, entered = times
    assert daybook.json("show", str(order.id), "--at", placed)["version"] == PLACED
    assert daybook.json("show", str(order.id), "--at", entered)["version"] == PLACED + 1
    assert daybook.json("show", str(order.id), "--view", "orders", "--at", placed)["state"]["kind"] == "embassy"
    assert daybook.json("explain", str(order.id), "kind", "--at", placed)["value"] == "embassy"


def test_a_difference_between_two_times_that_are_printed_is_what_came_after_the_first(
    order: Order, times: tuple[str, str], daybook: Command
) -> None:
    told = daybook.json("diff", str(order.id), "--from", times[0], "--to", times[1])
    assert (told["from"], told["to"]) == (PLACED, PLACED + 1)
    assert daybook.json("diff", str(order.id), "--from", times[0], "--to", times[0])["events"] == []


def test_a_view_as_of_a_time_that_is_printed_has_what_came_then(
    order: Order, times: tuple[str, str], daybook: Command
) -> None:
    for time, into in zip(times, ("placed", "entered"), strict=True):
        assert daybook.json("views", "orders", "--as-of", time, "--into", into)["pasts"][0]["rows"] == 1


def test_a_fraction_of_a_second_is_taken_as_it_is_written_and_a_day_is_its_beginning(
    order: Order, times: tuple[str, str], daybook: Command
) -> None:
    for time in (times[0].replace("Z", ".399Z"), "2026-02-09"):
        assert daybook.complains("show", str(order.id), "--at", time).startswith("It did not exist then")
    assert daybook.json("show", str(order.id), "--at", times[0].replace("Z", ".400000Z"))["version"] == PLACED
