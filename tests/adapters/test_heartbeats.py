"""Every process leaves a note that it lives, takes it away when it ends, and the notes of the dead go after a day."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from adapters.heartbeats import BEAT_SECONDS, PROCESSES, Heart
from adapters.wiring import Services
from tests.web.site import open_services
from tests.world import Clock

DAY = 24 * 60 * 60


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def services(database_url: str, tmp_path: Path, clock: Clock) -> Iterator[Services]:
    with open_services(database_url, tmp_path, clock) as services:
        yield services


def heart(services: Services, role: str = "work") -> Heart:
    home, log = services.home, services.log
    return Heart(role, home, source=log, views=services.views, now=services.now, leading=lambda: False)


def as_another(services: Services, host: str) -> None:
    """The note there is becomes one of another machine."""
    with services.home.engine.begin() as connection:
        connection.execute(update(PROCESSES).values(host=host))


def test_a_note_says_since_when_and_is_renewed(services: Services, clock: Clock) -> None:
    beating = heart(services)
    beating.beat()
    since = clock.now()
    clock.move(5)
    beating.beat()
    [process] = services.processes()
    assert (process.role, process.since, process.beat_at) == ("work", since, clock.now())


def test_the_dead_are_seen_for_a_day(services: Services, clock: Clock) -> None:
    heart(services).beat()
    as_another(services, "gone")
    clock.move(DAY)
    heart(services).beat()
    assert [(process.host == "gone", process.state(clock.now())) for process in services.processes()] == [
        (False, "alive"),
        (True, "dead"),
    ]
    clock.move(1)
    heart(services).beat()
    assert [process.host == "gone" for process in services.processes()] == [False]


def test_whoever_ends_well_leaves_no_note(services: Services) -> None:
    waits: list[float] = []

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return len(waits) == 3

    beating = heart(services)
    beating.beat()
    beating.run(wait)
    assert services.processes() == []
    assert waits == [BEAT_SECONDS] * 3


def test_a_dropped_table_is_made_anew_by_the_next_beat(services: Services) -> None:
    heart(services).beat()
    with services.home.engine.begin() as connection:
        PROCESSES.drop(connection)
    assert services.processes() == []
    heart(services).try_to_beat()
    assert len(services.processes()) == 1
