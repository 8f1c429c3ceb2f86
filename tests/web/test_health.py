"""Whether the process lives and is fit for work, told in figures."""

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

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
    assert ready(client).json["effects"] == {"alive": None, "open": 0, "oldest_seconds": 0.0}
    services.follower.catch_up()
    position = services.log.last_position()
    post(client, "embassy")
    clock.move(7)
    post(client, "quote")
    report = ready(client)
    assert report.status_code == 200
    last = services.log.last_position()
    assert report.json["status"] == "ready"
    assert report.json["last_position"] == last
    assert report.json["follower"] == {"alive": None, "lag_events": last - position, "parked": 0}
    assert report.json["effects"] == {"alive": None, "open": 6, "oldest_seconds": 7.0}
    settle(services)
    assert ready(client).json["follower"]["lag_events"] == 0
    assert ready(client).json["effects"]["open"] == 0


def test_a_started_process_is_ready_and_an_order_is_on_its_page_at_once(
    client: FlaskClient, services: Services
) -> None:
    services.start()
    assert get(client, local(post(client, "embassy").json["tracking_url"])).status_code == 200
    report = ready(client)
    assert report.status_code == 200
    assert (report.json["follower"]["alive"], report.json["effects"]["alive"]) == (True, True)


@pytest.mark.parametrize("thread_name", ["follower", "runner"])
def test_a_process_whose_worker_has_died_is_not_ready(
    client: FlaskClient, services: Services, thread_name: str
) -> None:
    services._spawn(thread_name, lambda: None)
    services._threads[-1].join(PATIENCE)
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
