"""`/metrics` of a process without a web: for this machine, or for whoever has the token."""

import http.client
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adapters.metrics_server import serve_metrics
from tests.figures import Scrape
from tests.world import World, open_world


@contextmanager
def asking(folder: Path, **settings: str) -> Iterator[tuple[World, int]]:
    with open_world(f"sqlite:///{folder}/daybook.sqlite", folder, **settings) as world:
        server = serve_metrics("127.0.0.1", 0, world.services)
        try:
            yield world, server.port
        finally:
            server.stop()


def get(port: int, path: str = "/metrics", **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_figures_are_served(tmp_path: Path) -> None:
    with asking(tmp_path) as (world, port):
        status, body = get(port)
        assert status == 200
        assert Scrape(body).value("daybook_log_position") == world.services.log.last_position()
        assert get(port, "/")[0] == 404


def test_with_a_token_only_its_bearer_is_answered(tmp_path: Path) -> None:
    with asking(tmp_path, METRICS_TOKEN="t0ken") as (_, port):
        assert get(port, Authorization="Bearer t0ken")[0] == 200
        assert [get(port, Authorization=wrong)[0] for wrong in ("Bearer t0ke", "t\xf6ken", "")] == [404] * 3
        assert get(port)[0] == 404


def test_a_caller_who_says_nothing_keeps_nobody_waiting(tmp_path: Path) -> None:
    with asking(tmp_path) as (_, port), socket.create_connection(("127.0.0.1", port)):
        assert get(port)[0] == 200


def test_a_taken_port_is_an_error_and_a_stopped_server_frees_it(tmp_path: Path) -> None:
    with asking(tmp_path) as (world, port), pytest.raises(OSError, match="in use"):
        serve_metrics("127.0.0.1", port, world.services)
    with pytest.raises(ConnectionRefusedError):
        get(port)
