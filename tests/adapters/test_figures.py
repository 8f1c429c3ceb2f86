"""What a scrape reads from the databases, and what it does when they do not answer."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from adapters.figures import Figures, places_of
from adapters.heartbeats import Heart
from adapters.store.log import SqlLog
from adapters.store.postgres import PostgresLog
from domain.ledger import Unavailable
from domain.shared.errors import Declined
from projections.documents.orders import ORDER_DESK
from projections.documents.tracking_page import TRACKING_PAGE
from projections.home import Stand
from tests.adapters.effect_samples import SILENCE, ring_again
from tests.figures import Scrape
from tests.world import World, open_world

SHORT = 0.2
PATIENCE = 60


def scrape(world: World) -> Scrape:
    return Scrape(world.services.figures.text())


def figures(world: World, log: Any) -> Figures:
    """Figures over another log, with little patience."""
    services = world.services
    return Figures(log=log, home=services.home, views=services.views, now=world.clock.now, patience=SHORT)


class Stuck:
    """A log that does not answer until it is let go."""

    def __init__(self, real: SqlLog) -> None:
        self._real, self._let_go, self.asked = real, threading.Event(), 0
        self.connections, self.read, self.open_by_channel = real.connections, real.read, real.open_by_channel

    def last_position(self) -> int:
        self.asked += 1
        self._let_go.wait()
        return self._real.last_position()

    def let_go(self) -> None:
        self._let_go.set()


@contextmanager
def stuck(world: World) -> Iterator[Stuck]:
    log = Stuck(world.services.log)
    try:
        yield log
    finally:
        log.let_go()


def test_a_view_that_is_up_to_date_lags_by_nothing(world: World) -> None:
    world.place("embassy")
    world.services.follower.catch_up()
    world.clock.move(60)
    told = scrape(world)
    assert told.value("daybook_up") == 1
    assert told.value("daybook_log_position") == world.services.log.last_position()
    for view in world.services.views:
        assert told.value("daybook_view_lag_events", view=view.name) == 0
        assert told.value("daybook_view_lag_seconds", view=view.name) == 0


def test_lag_is_told_in_events_and_as_the_age_of_the_oldest_not_folded(world: World) -> None:
    world.services.follower.catch_up()
    seen = world.services.log.last_position()
    world.clock.move(10)
    world.place("embassy")
    world.clock.move(5)
    world.place("embassy")
    told = scrape(world)
    behind = world.services.log.last_position() - seen
    assert told.value("daybook_view_lag_events", view=ORDER_DESK.name) == behind > 2
    assert told.value("daybook_view_lag_seconds", view=ORDER_DESK.name) == 5


def test_each_view_has_a_lag_of_its_own(world: World) -> None:
    world.services.follower.catch_up()
    last = world.services.log.last_position()
    with world.services.home.advancing(TRACKING_PAGE, past=Stand(last, 1), to=last - 1):
        pass
    told = scrape(world)
    assert told.value("daybook_view_lag_events", view=TRACKING_PAGE.name) == 1
    assert told.value("daybook_view_lag_events", view=ORDER_DESK.name) == 0


def test_parked_events_are_counted_by_view(world: World) -> None:
    home = world.services.home
    with home.engine.begin() as connection:
        for position in (3, 4):
            home.park(connection, ORDER_DESK, position, "stream", "ValueError: John", world.clock.now())
    told = scrape(world)
    assert told.value("daybook_view_parked_events", view=ORDER_DESK.name) == 2
    assert told.value("daybook_view_parked_events", view=TRACKING_PAGE.name) == 0
    assert "John" not in world.services.figures.text().decode()


def test_a_view_that_is_no_longer_ours_is_left_out(world: World) -> None:
    with world.services.home.engine.begin() as connection:
        connection.execute(text("UPDATE positions SET view = 'former' WHERE view = 'tracking_page'"))
    told = scrape(world)
    assert told.value("daybook_view_lag_events", view="former") is None


def test_open_effects_are_told_by_channel_and_from_when_they_were_due(world: World) -> None:
    world.place("embassy")
    world.clock.move(42)
    told = scrape(world)
    assert told.value("daybook_effects_open", channel="zoho") == 2
    assert told.value("daybook_effects_open", channel="mail") == 2
    assert told.value("daybook_effects_oldest_due_seconds", channel="zoho") == 42
    world.run_effects()
    assert scrape(world).value("daybook_effects_open", channel="zoho") is None


def test_what_is_due_later_is_not_late(world: World) -> None:
    world.place("quote")
    world.crm.fail(SILENCE)
    world.run_effects()
    assert scrape(world).value("daybook_effects_oldest_due_seconds", channel="zoho") == 0
    world.clock.move(5)
    assert scrape(world).value("daybook_effects_oldest_due_seconds", channel="zoho") == 2


def test_what_was_given_up_is_told_until_staff_ring_again(world: World) -> None:
    order = world.place("quote")
    world.mailer.fail(Declined("no"))
    world.run_effects()
    assert scrape(world).value("daybook_effects_dead", channel="mail") == 1
    assert scrape(world).value("daybook_effects_dead", channel="zoho") is None
    ring_again(world, world.effects(order.id)["staff_notice"])
    world.services.follower.catch_up()
    assert scrape(world).value("daybook_effects_dead", channel="mail") is None


def test_a_silent_database_is_told_in_time_and_asked_by_one_scrape_at_a_time(world: World) -> None:
    with stuck(world) as log:
        slow = figures(world, log)
        for _ in range(3):
            told = Scrape(slow.text())
            assert told.value("daybook_up") == 0
            assert told.value("daybook_view_lag_events", view=ORDER_DESK.name) is None
        assert log.asked == 1
        assert told.names() >= {"daybook_up", "daybook_events_appended_total"}


def test_after_a_silence_the_next_scrape_is_whole(world: World) -> None:
    with stuck(world) as log:
        slow = figures(world, log)
        assert Scrape(slow.text()).value("daybook_up") == 0
    told = Scrape(Figures(log=log, home=world.services.home, views=(), now=world.clock.now).text())  # type: ignore[arg-type]
    assert told.value("daybook_up") == 1
    assert slow._asked() is not None


@pytest.mark.parametrize("error", [Unavailable("gone"), ValueError("odd")])
def test_a_database_that_fails_is_told_and_hurts_nobody(world: World, error: Exception) -> None:
    class Broken(Stuck):
        def last_position(self) -> int:
            raise error

    told = Scrape(figures(world, Broken(world.services.log)).text())
    assert told.value("daybook_up") == 0


def test_connections_are_told_by_pool(world: World) -> None:
    told = scrape(world)
    assert told.value("daybook_database_connections", pool="views", state="in_use") == 0
    with world.services.home.engine.connect():
        held = scrape(world)
    assert held.value("daybook_database_connections", pool="views", state="in_use") == 1
    shows_log = told.value("daybook_database_connections", pool="log", state="waiting") == 0
    assert shows_log == isinstance(world.services.log, PostgresLog)


def test_a_slow_query_is_ended_by_the_database(
    postgres_database: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_world(postgres_database, tmp_path) as world, world.services.home.engine.begin() as holder:
        holder.execute(text("LOCK TABLE positions IN ACCESS EXCLUSIVE MODE"))
        services = world.services
        patient = Figures(log=services.log, home=services.home, views=(), now=world.clock.now, patience=PATIENCE)
        assert Scrape(patient.text()).value("daybook_up") == 0
    assert caplog.messages == ["the databases give no figures: OperationalError"]


def test_free_space_is_told_for_each_folder_that_we_write_to(world: World, tmp_path: Path) -> None:
    places = places_of(world.services.settings)
    assert places["files"] == tmp_path / "media"
    assert ("log" in places) == world.services.settings.database_url.startswith("sqlite")
    told = scrape(world)
    assert all((told.value("daybook_disk_free_bytes", place=place) or 0) > 0 for place in places)


def test_a_vendor_that_is_left_to_rest_is_told_by_channel(world: World) -> None:
    services = world.services

    def rests() -> float | None:
        now = Figures(
            log=services.log, home=services.home, views=(), now=world.clock.now, breakers=lambda: world.runner.breakers
        )
        return Scrape(now.text()).value("daybook_breaker_open", channel="zoho")

    assert rests() == 0
    for _ in range(5):
        world.place("quote")
    world.crm.fail(*[SILENCE] * 5)
    world.run_effects()
    assert rests() == 1


def test_the_last_beat_of_whoever_follows_is_told(world: World) -> None:
    services, leads = world.services, True
    assert scrape(world).value("daybook_follower_beat_age_seconds") is None
    heart = Heart(
        "follow",
        services.home,
        source=services.log,
        views=services.views,
        now=world.clock.now,
        leading=lambda: leads,
    )
    heart.beat()
    world.clock.move(7)
    told = scrape(world)
    assert told.value("daybook_follower_beat_age_seconds") == 7
    assert told.value("daybook_processes", role="follow") == 1
    world.clock.move(7)
    told = scrape(world)
    assert told.value("daybook_follower_beat_age_seconds") == 14
    assert told.value("daybook_processes", role="follow") is None
    leads = False
    heart.beat()
    assert scrape(world).value("daybook_follower_beat_age_seconds") is None
