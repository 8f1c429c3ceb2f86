"""What operators see of requests: counters, log lines, and one correlation from the form to the vendor."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from adapters import logs
from adapters.wiring import Services
from domain.shared.effect import Effect
from projections.across.audit_trail import trail_of_correlation
from tests.figures import Scrape, counted
from tests.vendors.resend_server import API_KEY, resend_server
from tests.vendors.zoho_server import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, zoho_server
from tests.web.site import get, history, open_services, path_of, post, settle
from tests.world import Clock
from web.app import create_app


def requests(endpoint: str, method: str, status: str) -> float:
    return counted("daybook_requests_total", endpoint=endpoint, method=method, status=status)


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What this process logs, as JSON lines."""
    root, ours = logging.getLogger(), logging.getLogger(logs.OURS)
    before = root.handlers, root.level, ours.level
    stream = io.StringIO()
    logs.configure(level="info", stream=stream)
    yield stream
    root.handlers, root.level, ours.level = before


def told(stream: io.StringIO, event: str) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, stream.getvalue().splitlines()) if line["event"] == event]


def test_requests_are_counted_by_route_method_and_class_of_status(client: FlaskClient) -> None:
    path = path_of("embassy")
    before = [requests(path, "POST", "2xx"), requests(path, "POST", "4xx")]
    timed = counted("daybook_request_seconds_count", endpoint=path)
    post(client, "embassy")
    post(client, "embassy", {"name": ""})
    assert [requests(path, "POST", "2xx"), requests(path, "POST", "4xx")] == [number + 1 for number in before]
    assert counted("daybook_request_seconds_count", endpoint=path) == timed + 2


def test_nothing_a_caller_made_up_becomes_a_label(client: FlaskClient, services: Services) -> None:
    before = requests("(none)", "(other)", "4xx"), requests("/tracking/<tid>/", "GET", "4xx")
    client.open("/gibberish", method="GIBBERISH", headers={"X-Request-Id": "gibberish"})
    get(client, "/tracking/gibberish/")
    after = requests("(none)", "(other)", "4xx"), requests("/tracking/<tid>/", "GET", "4xx")
    assert after == tuple(number + 1 for number in before)
    assert "gibberish" not in services.figures.text().decode().lower()


def test_a_scrape_shows_requests_and_databases(client: FlaskClient, services: Services) -> None:
    post(client, "embassy")
    scrape = Scrape(get(client, "/metrics").text)
    assert scrape.value("daybook_up") == 1
    assert scrape.value("daybook_effects_open", channel="mail") == 2
    assert (scrape.value("daybook_view_lag_events", view="orders") or 0) > 0
    assert (scrape.value("daybook_requests_total", endpoint=path_of("embassy"), method="POST", status="2xx") or 0) > 0


def test_a_request_leaves_one_line_without_its_path(client: FlaskClient, lines: io.StringIO) -> None:
    client.get("/tracking/SECRETSECRETSECRET/?email=ada", headers={"X-Request-Id": "visit-1"})
    [line] = told(lines, "answered")
    assert {"method": "GET", "route": "/tracking/<tid>/", "status": 404, "correlation": "visit-1"}.items() <= (
        line.items()
    )
    assert "SECRET" not in lines.getvalue()
    assert "ada" not in lines.getvalue()


def test_what_was_sent_leaves_a_line_and_what_was_only_read_does_not(client: FlaskClient, lines: io.StringIO) -> None:
    post(client, "embassy")
    for path in ("/", "/metrics", "/health/live", "/health/ready"):
        assert get(client, path).status_code == 200
    assert [(line["method"], line["status"]) for line in told(lines, "answered")] == [("POST", 201)]


def test_a_line_written_between_requests_belongs_to_none(client: FlaskClient, lines: io.StringIO) -> None:
    get(client, "/")
    logging.getLogger("daybook.web").info("in between")
    assert "correlation" not in told(lines, "in between")[0]


def test_one_correlation_leads_from_the_form_to_the_vendors(
    database_url: str, tmp_path: Path, clock: Clock, lines: io.StringIO
) -> None:
    with ExitStack() as stack:
        zoho, resend = stack.enter_context(zoho_server()), stack.enter_context(resend_server())
        given = {
            "ZOHO_CLIENT_ID": CLIENT_ID,
            "ZOHO_CLIENT_SECRET": CLIENT_SECRET,
            "ZOHO_REFRESH_TOKEN": REFRESH_TOKEN,
            "ZOHO_ACCOUNTS_BASE": zoho.url,
            "ZOHO_API_BASE": zoho.url,
            "RESEND_API_KEY": API_KEY,
            "RESEND_API_BASE": resend.url,
        }
        services = stack.enter_context(open_services(database_url, tmp_path, clock, **given))
        post(create_app(services).test_client(), "embassy", X_Request_Id="visit-1")
        settle(services)
        assert {asked.headers["X-Request-Id"] for asked in zoho.web.asked} == {"visit-1"}
        assert {headers["x-request-id"] for _, _, headers, _ in resend.requests} == {"visit-1"}
        events = [event for event in history(services) if event.correlation == "visit-1"]
        assert [event for event in events if isinstance(event, Effect.Done)]
        assert len(trail_of_correlation(services.home, "visit-1")) == len(events)
    assert {line["correlation"] for line in told(lines, "answered") + told(lines, "attempted")} == {"visit-1"}
    assert {line["channel"] for line in told(lines, "attempted")} == {"zoho", "mail"}
