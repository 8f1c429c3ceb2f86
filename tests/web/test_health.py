"""Whether the process lives and is fit for work, told in figures."""

import time
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from adapters.heartbeats import Heart
from adapters.processes import start_serve
from adapters.wiring import Services
from tests.web.site import JSON, get, local, post, settle
from tests.world import Clock

PATIENCE = 30


def ready(client: FlaskClient) -> Any:
    return get(client, "/health/ready", JSON)


def test_a_process_that_answers_is_live(client: FlaskClient) -> None:
    answer = get(client, "/health/live", JSON)
    assert (answer.status_code, answer.json) == (200, {"status": "live"})


def test_ready_tells_lag_and_the_oldest_effect(client: FlaskClient, services: Services, clock: Clock) -> None:
    assert ready(client).json["effects"] == {"alive": False, "open": 0, "oldest_seconds": 0.0}
    services.follower.catch_up()
    position = services.log.last_position()
    post(client, "embassy")
    clock.move(7)
    post(client, "quote")
    report = ready(client)
    assert report.status_code == 200
    last = services.log.last_position()
    assert report.json["last_position"] == last
    assert report.json["follower"] == {"state": "dead", "lag_events": last - position, "parked": 0}
    assert report.json["effects"] == {"alive": False, "open": 6, "oldest_seconds": 7.0}
    settle(services)
    assert ready(client).json["follower"]["lag_events"] == 0
    assert ready(client).json["effects"]["open"] == 0


def test_an_effect_that_is_due_later_has_no_age(client: FlaskClient, services: Services, clock: Clock) -> None:
    post(client, "embassy")
    clock.move(-30)
    assert ready(client).json["effects"]["oldest_seconds"] == 0.0


def test_a_started_process_is_ready_and_an_order_is_on_its_page_at_once(
    client: FlaskClient, services: Services
) -> None:
    start_serve(services)
    assert get(client, local(post(client, "embassy").json["tracking_url"])).status_code == 200
    report = ready(client)
    assert (report.status_code, report.json["status"], report.json["effects"]["alive"]) == (200, "ready", True)


def leader(services: Services) -> Heart:
    """The heart of a process that leads and follows elsewhere."""
    home, log = services.home, services.log
    return Heart("follow", home, source=log, views=services.views, now=services.now, leading=lambda: True)


def follower_state(client: FlaskClient) -> tuple[int, str]:
    report = ready(client)
    return report.status_code, report.json["follower"]["state"]


def test_a_quiet_follower_is_told_from_a_dead_one(client: FlaskClient, services: Services, clock: Clock) -> None:
    services.follower.catch_up()
    leader(services).beat()
    assert follower_state(client) == (200, "quiet")
    clock.move(9.9)
    assert follower_state(client) == (200, "quiet")
    clock.move(0.1)
    assert follower_state(client) == (200, "dead")
    assert ready(client).json["status"] == "degraded"


def test_a_stuck_follower_is_told_from_a_busy_one(client: FlaskClient, services: Services, clock: Clock) -> None:
    services.follower.catch_up()
    heart = leader(services)
    heart.beat()
    post(client, "embassy")
    for moved in range(3):
        clock.move(6)
        services.follower.catch_up()
        post(client, "embassy")
        heart.beat()
        assert follower_state(client) == (200, "working"), moved
    for state in ("working", "working", "stuck"):
        clock.move(6)
        heart.beat()
        assert follower_state(client) == (200, state)
    services.follower.catch_up()
    heart.beat()
    assert follower_state(client) == (200, "quiet")


def test_a_process_that_stands_by_does_not_make_a_follower(client: FlaskClient, services: Services) -> None:
    home, log = services.home, services.log
    Heart("follow", home, source=log, views=services.views, now=services.now, leading=lambda: False).beat()
    assert follower_state(client) == (200, "dead")


@pytest.mark.parametrize("thread_name", ["follower", "runner"])
def test_a_process_whose_worker_has_died_is_not_ready(
    client: FlaskClient, services: Services, thread_name: str
) -> None:
    services.threads.spawn(thread_name, lambda: None)
    services.threads.join(until=time.monotonic() + PATIENCE)
    report = ready(client)
    assert (report.status_code, report.json["status"]) == (503, "unavailable")


def test_without_the_views_nothing_is_ready(client: FlaskClient, services: Services) -> None:
    with services.home.engine.begin() as connection:
        services.home.drop(connection, "positions")
    assert ready(client).status_code == 503
    assert get(client, "/health/live").status_code == 200


def test_without_the_log_nothing_is_ready(client: FlaskClient, services: Services, tmp_path: Path) -> None:
    services.log.close()
    if (file := tmp_path / "daybook.sqlite").exists():
        file.unlink()
        file.mkdir()
    report = ready(client)
    assert (report.status_code, report.json) == (503, {"status": "unavailable", "database": "does not answer"})
    assert get(client, "/health/live").status_code == 200
